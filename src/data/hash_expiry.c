/* hash_expiry.c - see hash_expiry.h.  */
#include "data/hash_expiry.h"

#include "data/keyspace_private.h"

#include <assert.h>
#include <stddef.h>

enum {
    FIELDS_TOLD_MAX = 64, /* in one report */
    IN_USE_MS = 100,      /* after so long a hash that was in use is tried again */
};

static bool has_collection(const void *element, const void *context)
{
    const struct entry *entry = element;
    return entry_kind(entry) == ENTRY_HASH && entry_collection_unchecked(entry) == context;
}

/* The key of a hash that is in the heap. */
static struct entry *find_owner(const struct keyspace *ks, const struct timed_table *timed)
{
    struct entry *entry = dict_find(&ks->dict, timed->key_hash, has_collection, timed);
    assert(entry != NULL);
    return entry;
}

/* --- removing --- */

static bool is_in_use(const struct keyspace *ks, uint64_t hash, const struct entry *entry)
{
    const struct keyspace_owner *owner = ks->owner;
    return entry_is_pinned(entry) || (owner->keeps != NULL && owner->keeps(owner->context, hash, INT64_MAX));
}

static void tell(struct keyspace *ks, struct key key, const struct bytes *fields, uint32_t count, bool is_last)
{
    if (ks->owner->fields_expired != NULL) {
        ks->owner->fields_expired(ks->owner->context, ks, key, fields, count, is_last);
    }
    counter_add(&ks->expired_fields_total, count);
}

/* Removes what is due, up to `limit` fields, and hides the rest. Returns how many; *entry NULL: the key has gone with them. */
static size_t remove_due(struct keyspace *ks, struct key key, struct entry **entry, int64_t now_ms, size_t limit)
{
    struct timed_table *timed = hash_timed(*entry);
    struct value value;
    size_t removed = 0;
    value_open(&value, ks, key, *entry);
    while (removed < limit) {
        struct bytes fields[FIELDS_TOLD_MAX];
        const size_t most = limit - removed < FIELDS_TOLD_MAX ? limit - removed : FIELDS_TOLD_MAX;
        const uint32_t count = timed_table_first(timed, now_ms, fields, (uint32_t)most);
        if (count == 0) {
            break;
        }
        const bool is_last = count == member_table_count(&timed->table);
        removed += count;
        tell(ks, key, fields, count, is_last);
        if (is_last) {
            value_remove(&value);
            *entry = NULL;
            return removed;
        }
        timed_table_remove_first(timed, fields, count);
    }
    timed->hidden_ms = timed_table_earliest(timed) < now_ms ? now_ms : 0;
    const enum result closed = value_close(&value);
    assert(closed == RESULT_OK); /* the key was there */
    return removed;
}

struct entry *hash_expire_due(struct keyspace *ks, struct key key, struct entry *entry, int64_t now_ms)
{
    struct timed_table *timed = hash_timed(entry);
    if (timed_table_earliest(timed) >= now_ms || ks->owner->is_expiry_off) {
        timed->hidden_ms = 0;
        return entry;
    }
    if (is_in_use(ks, key.hash, entry)) {
        timed->hidden_ms = now_ms;
        return entry;
    }
    remove_due(ks, key, &entry, now_ms, HASH_EXPIRY_AT_ONCE);
    return entry;
}

size_t hash_expire_fields(struct keyspace *ks, int64_t now_ms, size_t limit)
{
    size_t removed = 0;
    struct due *due;
    while (removed < limit && (due = due_heap_first(&ks->timed_hashes)) != NULL && due->at_ms < now_ms && !ks->owner->is_expiry_off) {
        struct timed_table *timed = (struct timed_table *)(void *)((char *)due - offsetof(struct timed_table, due));
        struct entry *entry = find_owner(ks, timed);
        const struct key key = {entry_key(entry), timed->key_hash};
        if (is_in_use(ks, key.hash, entry)) {
            due_heap_remove(&ks->timed_hashes, due);
            due_heap_add(&ks->timed_hashes, due, now_ms + IN_USE_MS);
            removed++; /* work, too */
            continue;
        }
        removed += remove_due(ks, key, &entry, now_ms, limit - removed);
    }
    return removed;
}

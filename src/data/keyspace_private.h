/* keyspace_private.h - what the files of the keyspace share: how an entry is stored, replaced and taken out.  */
#ifndef DATA_KEYSPACE_PRIVATE_H
#define DATA_KEYSPACE_PRIVATE_H

#include "data/entry_private.h"
#include "data/keyspace.h"

#include <assert.h>

/* Counters that other threads read: one writer, relaxed. */
static inline void counter_add(uint64_t *counter, uint64_t amount)
{
    __atomic_store_n(counter, *counter + amount, __ATOMIC_RELAXED);
}

static inline void counter_set(uint64_t *counter, uint64_t value)
{
    __atomic_store_n(counter, value, __ATOMIC_RELAXED);
}

/* Tells the owner of a change to come: see struct keyspace_owner. `entry` is there; for a new key: keyspace_before_new. */
void keyspace_announce(struct keyspace *ks, const struct entry *entry);
static inline void keyspace_before_change(struct keyspace *ks, const struct entry *entry)
{
    if (UNLIKELY(ks->owner->before_change != NULL)) {
        keyspace_announce(ks, entry);
    }
}

static inline void keyspace_before_new(struct keyspace *ks, uint64_t hash, struct bytes name)
{
    const struct keyspace_owner *owner = ks->owner;
    if (UNLIKELY(owner->before_change != NULL)) {
        owner->before_change(owner->context, ks, hash, name, NULL);
    }
}

/* Tells the owner that it is there. */
static inline void keyspace_after_new(struct keyspace *ks, uint64_t hash, const struct entry *entry)
{
    if (UNLIKELY(atomic_load_explicit(&ks->owner->hears_of_new, memory_order_relaxed))) {
        ks->owner->joined(ks->owner->context, ks, hash, entry);
    }
}

/* An entry has `bytes` now, and had `old_bytes` of its type before (0: it was not there). */
static inline void keyspace_note_size(struct keyspace *ks, const struct entry *entry, uint64_t old_bytes, uint64_t bytes)
{
    const uint64_t floor = ks->watch->floors[entry_kind(entry)];
    if (UNLIKELY(bytes > floor) && UNLIKELY(old_bytes <= floor)) {
        ks->watch->note(ks, entry);
    }
}

/* timed_hashes.c: K6 after a hash has come or changed, and before one goes. */
void keyspace_place_times(struct keyspace *ks, const struct entry *entry);
void keyspace_forget_times(struct keyspace *ks, struct collection *collection);
/* Its first block was moved from `old`. */
void keyspace_times_moved(struct keyspace *ks, const struct collection *old, struct collection *collection);

static inline void keyspace_note_times(struct keyspace *ks, const struct entry *entry)
{
    if (UNLIKELY(entry_kind(entry) == ENTRY_HASH)) {
        keyspace_place_times(ks, entry);
    }
}

/* A plan for `key` without value; its expiry is `existing`'s (none when NULL). */
static inline struct entry_plan keyspace_plan(const struct keyspace *ks, struct key key, const struct entry *existing)
{
    return (struct entry_plan){
        .key = key.name,
        .expiry_ms = existing == NULL ? KEYSPACE_NO_EXPIRY : entry_expiry_near(existing, ks->expiry.reference_ms),
        .reference_ms = ks->expiry.reference_ms,
    };
}

/* Makes the key what the plan says. `existing` as for keyspace_put_string; its raw string is freed, the plan's raw string is
 * taken on RESULT_OK.  */
MUST_USE enum result keyspace_store(struct keyspace *ks, struct key key, struct entry *existing, const struct entry_plan *plan);

/* Adds an entry without expiry that is complete and not there yet. RESULT_NO_MEMORY: nothing has changed. */
MUST_USE enum result keyspace_attach(struct keyspace *ks, uint64_t hash, struct entry *entry);
/* Gives an entry that is there another kind and value length, as entry_reshape does; it may move. The caller counts its bytes. */
MUST_USE enum result keyspace_reshape(struct keyspace *ks, uint64_t hash, struct entry **entry, enum entry_kind kind,
                                      size_t value_len);
/* Defragmentation: an entry that is there leaves a sparse page. */
void keyspace_move_entry(struct keyspace *ks, struct entry *entry);
/* Frees a collection that no key has any more, lazily if it is big. */
void keyspace_release_collection(struct keyspace *ks, struct collection *collection);

/* Takes out an entry that is there and frees it. */
void keyspace_remove(struct keyspace *ks, uint64_t hash, struct entry *entry);
/* The same for one whose time has come. */
void keyspace_remove_expired(struct keyspace *ks, uint64_t hash, struct entry *entry);
/* For debug asserts, after a change at `hash`: K1 and K2, as far as is looked. */
static inline bool keyspace_is_valid_at(const struct keyspace *ks, uint64_t hash)
{
    assert(ks->key_count == ks->dict.count);
    assert(ks->expiring_count == ks->expiry.count);
    assert(ks->expiring_count <= ks->key_count);
    assert(dict_is_valid_at(&ks->dict, hash));
    return expiry_is_valid(&ks->expiry);
}
/* Frees the blocks of an entry that is in no structure any more. Returns how many bytes they were. */
uint64_t keyspace_free_entry(struct keyspace *ks, struct entry *entry);
static inline uint64_t keyspace_hash_of(const struct keyspace *ks, const struct entry *entry)
{
    return hash_bytes(ks->secret, entry_key(entry));
}

/* keyspace_raw.c: an empty raw string with room for `capacity` bytes or a few more; NULL when refused. */
struct raw_string *keyspace_raw_create(struct keyspace *ks, size_t capacity);
void keyspace_raw_free(struct keyspace *ks, struct raw_string *raw);
/* raw_free.c: the same for one that a key has had; a very long one is freed lazily. */
void keyspace_release_raw(struct keyspace *ks, struct raw_string *raw);

/* A job has pinned or locked it: it does not expire now. */
static inline bool keyspace_is_in_use(const struct keyspace *ks, uint64_t hash, const struct entry *entry)
{
    const struct keyspace_owner *owner = ks->owner;
    return entry_is_pinned(entry) ||
           (owner->keeps != NULL && owner->keeps(owner->context, hash, entry_expiry_near(entry, ks->expiry.reference_ms)));
}

static inline bool keyspace_is_over(const struct keyspace *ks, const struct entry *entry, int64_t now_ms)
{
    return entry_has_expiry(entry) && entry_expiry_near(entry, ks->expiry.reference_ms) < now_ms && !ks->owner->is_expiry_off;
}

#endif

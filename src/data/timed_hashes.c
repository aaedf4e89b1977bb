/* timed_hashes.c - K6: which hashes have times, and when the first of each comes, as keys come, change, move and go.
 *
 * Read on    hash_expiry.h, encoding/due_heap.h.  */
#include "data/keyspace_private.h"
#include "encoding/timed_table.h"

#include <assert.h>
#include <stddef.h>

void keyspace_place_times(struct keyspace *ks, const struct entry *entry)
{
    assert(entry_kind(entry) == ENTRY_HASH);
    struct collection *collection = entry_collection_unchecked(entry);
    if (LIKELY(collection->type != &timed_table_type)) {
        return;
    }
    struct timed_table *timed = timed_table_of(collection);
    const int64_t earliest_ms = timed_table_earliest(timed);
    const bool is_linked = due_is_linked(&timed->due);
    if (is_linked && earliest_ms == timed->due.at_ms) {
        return;
    }
    if (is_linked) {
        due_heap_remove(&ks->timed_hashes, &timed->due);
    }
    if (earliest_ms != INT64_MAX) {
        timed->key_hash = keyspace_hash_of(ks, entry);
        due_heap_add(&ks->timed_hashes, &timed->due, earliest_ms);
    }
}

void keyspace_forget_times(struct keyspace *ks, struct collection *collection)
{
    if (UNLIKELY(collection->type == &timed_table_type) && due_is_linked(&timed_table_of(collection)->due)) {
        due_heap_remove(&ks->timed_hashes, &timed_table_of(collection)->due);
    }
}

void keyspace_times_moved(struct keyspace *ks, const struct collection *old, struct collection *collection)
{
    if (old == collection || collection->type != &timed_table_type || !due_is_linked(&timed_table_of(collection)->due)) {
        return;
    }
    const char *old_due = (const char *)old + offsetof(struct timed_table, due);
    due_heap_moved(&ks->timed_hashes, (const struct due *)(const void *)old_due, &timed_table_of(collection)->due);
}

/* key_table.h - the keys of one shard that clients may have in their caches, each with those clients.
 *
 * A hash table that grows and shrinks by one place at a time (linear hashing): place p of n is split or joined whenever the number of keys
 * passes that of the places, so no call takes longer than its own chain. Places stand in segments of SEGMENT_PLACES, which never move.
 *
 *   segments: [0] -> place 0 .. 511     place -> tracked key -> tracked key -> NULL
 *             [1] -> place 512 .. 1023
 *
 * A tracked key is one block: head, a table of trackers by open addressing (NULL: free), the name. Names have no database: a key of this
 * name in any database is meant, as in Redis.
 *
 * Threads    Under the shard's baton.
 * Memory     thread_alloc, MEM_CLIENT. A tracked key has a hold on each of its trackers.
 * Invariant  K1 a key stands in the place that its hash and the number of places say; K2 no key without a tracker.
 * Source     Litwin, "Linear hashing: a new tool for file and table addressing", 1980.  */
#ifndef TRACKING_KEY_TABLE_H
#define TRACKING_KEY_TABLE_H

#include "base/attributes.h"
#include "base/bytes.h"

#include <stdbool.h>
#include <stdint.h>

struct tracker;
struct tracked_key;

/* All 0: empty, without memory. */
struct key_table {
    struct tracked_key ***segments;
    uint32_t segment_capacity;
    uint32_t place_count;
    uint32_t count; /* of keys */
};

struct tracked_key {
    struct tracked_key *next;
    uint64_t hash;
    uint32_t name_len;
    uint32_t count, capacity;   /* of trackers; the capacity is a power of two */
    struct tracker *trackers[]; /* `capacity` of them; then the name */
};

static inline struct bytes tracked_key_name(const struct tracked_key *key)
{
    return (struct bytes){(const char *)(key->trackers + key->capacity), key->name_len};
}

enum key_table_added { KEY_TABLE_KNOWN, KEY_TABLE_NEW_TRACKER, KEY_TABLE_NEW_KEY, KEY_TABLE_NO_MEMORY };

/* The key's trackers have this one, too. A new one is held (tracker_hold). */
enum key_table_added key_table_add(struct key_table *table, uint64_t hash, struct bytes name, struct tracker *tracker);
/* NULL: there is none. */
struct tracked_key *key_table_find(const struct key_table *table, uint64_t hash, struct bytes name);
/* Takes the key out, which stands in the table, and frees it: its trackers are released. */
void key_table_remove(struct key_table *table, struct tracked_key *key);
/* The first key at or behind a place that `random` chooses; NULL: the table is empty. `other_than` only when it is the only one. */
struct tracked_key *key_table_pick(const struct key_table *table, uint64_t random, const struct tracked_key *other_than);
void key_table_clear(struct key_table *table);
/* K1 and K2, and the number of keys. */
bool key_table_is_valid(const struct key_table *table);

#endif

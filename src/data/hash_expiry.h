/* hash_expiry.h - fields of hashes whose time has come: they go when their hash is looked at, or in time.
 *
 * The hashes of a keyspace some of whose fields have times stand in a heap by the first of these times (encoding/due_heap.h). What is to
 * be removed is told to the keyspace's owner first (fields_expired). A hash that a job reads or has locked is not changed: its fields are
 * hidden until later (encoding/timed_table.h). As with keys, a field lives through the millisecond of its time.
 *
 * Threads    Under the baton of the keyspace's shard.
 * Errors     None: nothing here needs memory.  */
#ifndef DATA_HASH_EXPIRY_H
#define DATA_HASH_EXPIRY_H

#include "data/hash_value.h"
#include "data/keyspace.h"

/* How many fields go at once when a hash is looked at: of more the rest is hidden. */
enum { HASH_EXPIRY_AT_ONCE = 256 };

/* The work of hash_expire_now, where there is some. */
MUST_USE struct entry *hash_expire_due(struct keyspace *ks, struct key key, struct entry *entry, int64_t now_ms);

/* Before a command looks at what is at `key`: `entry`, of any type, or NULL. Removes or hides fields whose time is before `now_ms`. Returns the
 * entry, or NULL when no field was left.  */
static inline struct entry *hash_expire_now(struct keyspace *ks, struct key key, struct entry *entry, int64_t now_ms)
{
    return LIKELY(hash_timed(entry) == NULL) ? entry : hash_expire_due(ks, key, entry, now_ms);
}

/* Is this the time of a field that counts as gone at `now_ms`? For readers that may not remove it. */
static inline bool hash_time_is_over(const struct keyspace *ks, int64_t time_ms, int64_t now_ms)
{
    return time_ms != TIMED_NONE && time_ms < now_ms && !ks->owner->is_expiry_off;
}

/* Removes up to about `limit` fields whose time has come, in all hashes of the keyspace. Returns how many; fewer than limit: nothing is
 * left that is due now and not in use. Cheap when nothing is due.  */
size_t hash_expire_fields(struct keyspace *ks, int64_t now_ms, size_t limit);

#endif

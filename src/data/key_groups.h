/* key_groups.h - a keyspace's keys in groups of a few, by their hashes: which group a key is in stays, whatever comes and goes meanwhile.
 *
 * A group has all keys whose hashes agree in their first `prefix_bits` bits and in the first `position_bits` of their low 16 bits, so its keys are in
 * neighbouring buckets of one segment of the dictionary (dict.h), or of those that it has split into.
 *
 * Threads    Under the baton of the keyspace's shard.  */
#ifndef DATA_KEY_GROUPS_H
#define DATA_KEY_GROUPS_H

#include "data/keyspace.h"

struct key_groups {
    uint8_t prefix_bits;
    uint8_t position_bits; /* <= 16 */
};

/* So that a group has GROUP_KEYS keys or fewer in the mean, and more than half of that where segments have so many. */
struct key_groups key_groups_choose(const struct keyspace *ks);

static inline uint64_t key_groups_count(struct key_groups groups)
{
    return UINT64_C(1) << (groups.prefix_bits + groups.position_bits);
}

static inline uint64_t key_groups_prefix(struct key_groups groups, uint64_t hash)
{
    return groups.prefix_bits == 0 ? 0 : hash >> (64 - groups.prefix_bits);
}

static inline uint64_t key_groups_of(struct key_groups groups, uint64_t hash)
{
    return key_groups_prefix(groups, hash) << groups.position_bits | (hash & 0xffff) >> (16 - groups.position_bits);
}

/* Calls `visit` for each key of the group that is there, expired ones included; it must not change the keyspace. O(keys of the group). */
typedef void key_groups_visit_fn(const struct entry *entry, uint64_t hash, void *arg);
void key_groups_visit(const struct keyspace *ks, struct key_groups groups, uint64_t group, key_groups_visit_fn *visit, void *arg);

#endif

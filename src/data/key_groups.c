/* key_groups.c - see key_groups.h.  */
#include "data/key_groups.h"

#include "data/keyspace_private.h"

enum {
    GROUP_KEYS = 16,
    POSITION_BITS_MAX = 8, /* of a segment of some 700 keys, 3 */
};

struct key_groups key_groups_choose(const struct keyspace *ks)
{
    struct key_groups groups = {.prefix_bits = ks->dict.depth, .position_bits = 0};
    while (groups.position_bits < POSITION_BITS_MAX && ks->key_count / key_groups_count(groups) > GROUP_KEYS) {
        groups.position_bits++;
    }
    return groups;
}

struct visit {
    const struct keyspace *ks;
    struct key_groups groups;
    uint64_t prefix;
    key_groups_visit_fn *visit;
    void *arg;
};

static void visit_one(void *element, void *arg)
{
    const struct visit *visit = arg;
    const uint64_t hash = keyspace_hash_of(visit->ks, element);
    if (key_groups_prefix(visit->groups, hash) == visit->prefix) {
        visit->visit(element, hash, visit->arg);
    }
}

void key_groups_visit(const struct keyspace *ks, struct key_groups groups, uint64_t group, key_groups_visit_fn *visit, void *arg)
{
    assert(group < key_groups_count(groups));
    const uint64_t part = group & ((UINT64_C(1) << groups.position_bits) - 1);
    const unsigned shift = 16u - groups.position_bits;
    struct visit one = {ks, groups, group >> groups.position_bits, visit, arg};
    dict_visit_range(&ks->dict, one.prefix, groups.prefix_bits, (uint32_t)(part << shift), (uint32_t)((part + 1) << shift), visit_one, &one);
}

/* groups.h - the groups of a GROUP BY in one slice, or of all when they are merged: keys and aggregates, each group once.
 *
 * Open addressing; two groups are the same when all of their keys are equal for scalar_order: null is a key like others.
 *
 * Threads    One owner at a time.
 * Memory     In the arena, which counts and limits it. A group lives as long as the arena that it was made in.
 * Invariant  G1 no two groups are the same; G2 fewer than three quarters of the places are taken.  */
#ifndef QUERY_GROUPS_H
#define QUERY_GROUPS_H

#include "expression/aggregate.h"

struct group {
    uint64_t hash;
    struct aggregate *aggregates;
    struct scalar keys[];
};

struct group_aggregate {
    uint8_t kind; /* enum aggregate_kind */
    bool is_distinct;
};

/* What groups are made of. Lent to all groups of a statement. */
struct group_shape {
    uint32_t key_count, aggregate_count;
    const struct group_aggregate *aggregates;
    const struct hash_secret *secret;
};

struct groups {
    const struct group_shape *shape;
    struct arena *arena;
    struct group **places;
    uint64_t count, capacity;
};

/* No memory is taken before the first group. */
void groups_begin(struct groups *groups, const struct group_shape *shape, struct arena *arena);

/* The group with these keys, made if there is none. Texts of a new group's keys are copied where `copies` is set, one a key; others are
 * borrowed. EXPRESSION_NO_MEMORY: the groups are as they were.  */
MUST_USE enum expression_result groups_find(struct groups *groups, const struct scalar *keys, const bool *copies, struct group **out);

/* What `from` has is added to the group with the same keys; if there is none, `from` becomes one of `groups`. Its arena stays in use. After an
 * error the groups are of no use.  */
MUST_USE enum expression_result groups_merge(struct groups *groups, struct group *from);

/* The next group at or behind place *at, in no order; NULL: no more. Begin with 0. */
struct group *groups_next(const struct groups *groups, uint64_t *at);

#endif

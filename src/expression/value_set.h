/* value_set.h - values, each once: for count(DISTINCT x). Open addressing; texts are copied.
 *
 * Threads    One owner at a time.
 * Memory     In the arena that it was begun with, which counts and limits it: 24 bytes a place, at most three quarters of them taken, and
 *            the tables that it has outgrown (as much again). Freed with the arena.
 * Invariant  No two values are equal for scalar_order.  */
#ifndef EXPRESSION_VALUE_SET_H
#define EXPRESSION_VALUE_SET_H

#include "base/hash.h"
#include "expression/scalar.h"
#include "mem/arena.h"

struct value_place {
    uint64_t hash; /* 0: free */
    struct scalar value;
};

struct value_set {
    struct arena *arena;
    const struct hash_secret *secret;
    struct value_place *places;
    uint64_t count, capacity;
};

/* No memory is taken before the first value. `secret` is lent for the set's life. */
void value_set_begin(struct value_set *set, struct arena *arena, const struct hash_secret *secret);
/* The value is not null. EXPRESSION_NO_MEMORY: the set is as it was. */
MUST_USE enum expression_result value_set_add(struct value_set *set, const struct scalar *value, bool *is_new);
/* The value is not null. */
bool value_set_has(const struct value_set *set, const struct scalar *value);
/* The next value at or behind place *at, in no order; NULL: no more. Begin with 0. */
const struct scalar *value_set_next(const struct value_set *set, uint64_t *at);

#endif

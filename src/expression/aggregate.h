/* aggregate.h - count, sum, avg, min and max over values as they come, in parts that can be merged.
 *
 * Nulls are left out. Sums of integers and decimals are exact, in any order: only a result that does not fit is an error. Sums of floats
 * are compensated (Neumaier), so that their order hardly shows.
 *
 * Threads    One owner at a time: each shard has its own, and one merges them.
 * Memory     Copies of texts (min, max, DISTINCT) are in the arena.  */
#ifndef EXPRESSION_AGGREGATE_H
#define EXPRESSION_AGGREGATE_H

#include "expression/aggregate_kind.h"
#include "expression/value_set.h"

struct aggregate {
    uint8_t kind; /* enum aggregate_kind */
    bool is_distinct, has_float, has_decimal;
    uint8_t scale; /* of `total` */
    int64_t count; /* values that were no nulls, or rows */
    __int128 total;
    double float_total, compensation;
    struct scalar extreme; /* min, max; null before the first */
    char *text;            /* the bytes of `extreme` */
    size_t text_capacity;
    struct arena *arena;
    struct value_set values; /* DISTINCT */
};

/* `arena` and `secret` are lent until the last use. DISTINCT means nothing to min and max. */
void aggregate_begin(struct aggregate *aggregate, enum aggregate_kind kind, bool is_distinct, struct arena *arena,
                     const struct hash_secret *secret);
/* After an error the aggregate is of no use. count(*) gives any value that is not null. */
MUST_USE enum expression_result aggregate_add(struct aggregate *aggregate, const struct scalar *value);
/* The same of an integer, boolean, moment or decimal (`scale`: of that), by its number; not for DISTINCT. */
MUST_USE enum expression_result aggregate_add_integer(struct aggregate *aggregate, enum scalar_type type, uint8_t scale, int64_t number);
/* The same of an integer into a sum or average that has seen nothing but integers: 2^64 of them are exact. */
static inline void aggregate_sum_integer(struct aggregate *aggregate, int64_t number)
{
    aggregate->count++;
    aggregate->total += number;
}
/* `from` is of the same kind, and stays as it is. */
MUST_USE enum expression_result aggregate_merge(struct aggregate *into, const struct aggregate *from);
/* Null when there was no value (count: 0). A text is lent from the arena. */
MUST_USE enum expression_result aggregate_finish(const struct aggregate *aggregate, struct scalar *out);

#endif

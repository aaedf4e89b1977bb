/* compare.h - the order of typed values, and their hash.
 *
 * Numbers of all three types are compared exactly, whatever their size: 9007199254740993 is more than 9007199254740992.0. A date is its first
 * moment beside a datetime. Strings, blobs, uuids and JSON are compared by their bytes; false comes before true.
 *
 * Threads    Any.  */
#ifndef EXPRESSION_COMPARE_H
#define EXPRESSION_COMPARE_H

#include "base/hash.h"
#include "expression/scalar.h"

/* True when values of both types can be compared: both numbers, both dates or datetimes, or the same. Null goes with all. */
bool scalar_types_compare(enum scalar_type a, enum scalar_type b);

/* <0, 0, >0. Neither is null, and their types go together. */
int scalar_compare(const struct scalar *a, const struct scalar *b);

/* For ORDER BY, GROUP BY and DISTINCT: null is equal to null and comes first. */
int scalar_order(const struct scalar *a, const struct scalar *b);

/* Keyed; values that scalar_order calls equal hash alike, whatever their types. */
uint64_t scalar_hash(const struct hash_secret *secret, const struct scalar *scalar);

#endif

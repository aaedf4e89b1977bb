/* intset.h - a small set of integers: sorted, all as wide as the widest needs; byte for byte Redis's intset.
 *
 *   0   width of an integer in bytes: 2, 4 or 8                    (32 bits, low byte first)
 *   4   how many                                                   (32 bits, low byte first)
 *   8   the integers in ascending order, two's complement          (low byte first)
 *
 * An edit says first how long the set will be. When it grows, room first, then intset_insert; intset_remove leaves a tail to be
 * cut off. The width never shrinks, as in Redis. No bytes at all are an empty set, too.
 *
 * Threads    Any; nothing is kept.
 * Memory     The caller's room.
 * Invariant  Strictly ascending; len == 8 + width * count (intset_is_valid).
 * Read on    intset.c of the Redis sources.  */
#ifndef ENCODING_INTSET_H
#define ENCODING_INTSET_H

#include "base/attributes.h"
#include "base/bytes.h"

#include <stdbool.h>
#include <stdint.h>

enum { INTSET_HEADER = 8 };

/* All of these but intset_is_valid want a valid set. */

uint32_t intset_count(struct bytes set);
/* The integer at `index` < count, in ascending order. */
int64_t intset_at(struct bytes set, uint32_t index);
/* True when it is there; *index is its place, or the one that it would get. O(log count). */
bool intset_find(struct bytes set, int64_t value, uint32_t *index);

/* The length with `value`, which is not there yet. */
size_t intset_len_with(struct bytes set, int64_t value);
/* Puts `value`, which is not there, at `index` (from intset_find). `data` has room for intset_len_with bytes; `len` is the length
 * before. Returns the length afterwards. O(count).  */
size_t intset_insert(char *data, size_t len, int64_t value, uint32_t index);
/* Takes the integer at `index` < count out. Returns the length afterwards. O(count). */
size_t intset_remove(char *data, size_t len, uint32_t index);

/* True when the bytes are a set by the rules above and not empty: for bytes that somebody else wrote. O(count). */
MUST_USE bool intset_is_valid(struct bytes set);

#endif

/* bits.h - a string as an array of bits: counting, searching, combining, and integers of 1 to 64 bits at any place.
 *
 * Bit 0 is the highest bit of the first byte, as for SETBIT and BITFIELD.
 *
 * Threads    Any. Nothing is kept; the bytes are lent by the caller.  */
#ifndef ENCODING_BITS_H
#define ENCODING_BITS_H

#include "base/attributes.h"
#include "base/bytes.h"

#include <stdbool.h>
#include <stdint.h>

/* How many bits are set. Cost: memory speed where the processor counts bits itself.  */
uint64_t bits_count(struct bytes text);
/* The same from bit `first` to bit `last`, both inclusive and inside of the text. */
uint64_t bits_count_range(struct bytes text, uint64_t first, uint64_t last);

/* The first bit from `first` to `last` (inclusive, inside of the text) that is `is_set`; BITS_NONE: there is none. */
#define BITS_NONE UINT64_MAX
uint64_t bits_find(struct bytes text, uint64_t first, uint64_t last, bool is_set);

enum bits_operation { BITS_AND, BITS_OR, BITS_XOR };
/* into[i] = into[i] op from[i], for `len` bytes. They must not overlap, but may be the same. */
void bits_combine(enum bits_operation operation, char *into, const char *from, size_t len);
/* into[i] = ~into[i]. */
void bits_invert(char *into, size_t len);

/* --- integers --- */

struct bits_type {
    bool is_signed;
    uint8_t width; /* 1 .. 64 when signed, 1 .. 63 when not */
};

enum bits_overflow { BITS_WRAP, BITS_SATURATE, BITS_FAIL };

/* The integer at bit `offset`; what lies beyond the text is 0. */
int64_t bits_read(struct bytes text, uint64_t offset, struct bits_type type);
/* Writes the low type.width bits of `value` at bit `offset`; all of them are inside of the text. */
void bits_write(char *data, uint64_t offset, struct bits_type type, int64_t value);

/* Makes `value` one of the type: as it is, wrapped around or saturated. False: it does not fit, and `overflow` is BITS_FAIL. */
MUST_USE bool bits_fit(struct bits_type type, __int128 value, enum bits_overflow overflow, int64_t *out);

#endif

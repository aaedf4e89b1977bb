/* decimal_text.h - exact decimals of 18 digits as text.
 *
 * A decimal is a whole number, its digits without the point, and its scale: how many of them stand behind the point.
 *
 * Threads    Any; pure functions.  */
#ifndef BASE_DECIMAL_TEXT_H
#define BASE_DECIMAL_TEXT_H

#include "base/attributes.h"
#include "base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DECIMAL_DIGITS_MAX = 18, DECIMAL_TEXT_MAX = 24 };

/* A sign, digits with a point or without, an exponent: total / 10^scale, the scale 0 .. 36. Zeros behind the point count.
 *
 * is_rounded  what is smaller than any digit is cut off; else it is refused
 * Returns     false: no such text, or far too many digits  */
MUST_USE bool decimal_text_read(struct bytes text, bool is_rounded, __int128 *total, int *scale);

/* The digits that stand for the text when `scale` of them are behind the point: exact, or refused.
 *
 * digits      how many the number may have in all, 1 .. DECIMAL_DIGITS_MAX; scale: 0 .. digits
 * Returns     false: no such text, too many digits, or more behind the point than `scale` (zeros there do not count)  */
MUST_USE bool decimal_text_parse(struct bytes text, unsigned digits, unsigned scale, int64_t *out);

/* number / 10^scale with all digits behind the point. Returns the length; no NUL. scale: 0 .. DECIMAL_DIGITS_MAX. */
size_t decimal_text_format(int64_t number, unsigned scale, char out[DECIMAL_TEXT_MAX]);

#endif

/* decimal.h - exact decimals of 18 digits.
 *
 * Sums and differences are exact or refused. Of products and quotients digits behind the point are rounded off, half away from zero, when
 * there are more than 18 in all; a quotient has 6 digits behind the point, or as many as the operand with more has.
 *
 * Threads    Any; pure functions.
 * Invariant  D1 Less than 10^18 by amount, scale 0 .. 18.  */
#ifndef EXPRESSION_DECIMAL_H
#define EXPRESSION_DECIMAL_H

#include "base/attributes.h"
#include "base/decimal_text.h"
#include "expression/scalar.h"

/* A sign, digits with a point, an exponent. False: no such text, or more than 18 digits are needed. Zeros behind the point count. */
MUST_USE bool decimal_parse(struct bytes text, struct scalar *out);
/* Returns the length; no NUL. What decimal_parse takes back. */
size_t decimal_format(const struct scalar *decimal, char out[DECIMAL_TEXT_MAX]);

MUST_USE enum expression_result decimal_of_integer(int64_t integer, struct scalar *out);
/* The shortest text of the float, rounded to 18 digits. EXPRESSION_OVERFLOW: too large. */
MUST_USE enum expression_result decimal_of_float(double number, struct scalar *out);
double decimal_to_float(const struct scalar *decimal);
/* What is behind the point is cut off. */
int64_t decimal_to_integer(const struct scalar *decimal);

/* sign: 1 or -1. */
MUST_USE enum expression_result decimal_add(const struct scalar *a, const struct scalar *b, int sign, struct scalar *out);
MUST_USE enum expression_result decimal_multiply(const struct scalar *a, const struct scalar *b, struct scalar *out);
MUST_USE enum expression_result decimal_divide(const struct scalar *a, const struct scalar *b, struct scalar *out);
/* With the sign of `a`. */
MUST_USE enum expression_result decimal_remainder(const struct scalar *a, const struct scalar *b, struct scalar *out);
/* So many digits behind the point (-18 .. 18), rounded half away from zero, or zeros. A negative scale gives whole tens, hundreds ... */
MUST_USE enum expression_result decimal_rescale(const struct scalar *decimal, int scale, struct scalar *out);
/* total / 10^scale, rounded to 18 digits when is_rounded, else exact or refused: sums over rows. scale: 0 .. 36. */
MUST_USE enum expression_result decimal_fit(__int128 total, int scale, bool is_rounded, struct scalar *out);
/* The digits with `scale` behind the point; scale >= decimal->scale. */
__int128 decimal_scaled(const struct scalar *decimal, int scale);

/* <0, 0, >0: exact, whatever the types. */
int decimal_compare(const struct scalar *a, const struct scalar *b);
int decimal_compare_integer(const struct scalar *decimal, int64_t integer);
int decimal_compare_float(const struct scalar *decimal, double number);

#endif

/* arithmetic.h - numbers and what is done with them: nothing ever wraps.
 *
 *     integer with integer   integer; / and % cut off towards zero
 *     with a float           float; a result that is too large is EXPRESSION_OVERFLOW
 *     with a decimal         decimal (decimal.h), but beside a float
 *
 * Division by zero is an error, of floats, too. % is not for floats.
 *
 * Threads    Any; pure functions. No operand is null.  */
#ifndef EXPRESSION_ARITHMETIC_H
#define EXPRESSION_ARITHMETIC_H

#include "base/attributes.h"
#include "expression/scalar.h"

enum arithmetic { ARITHMETIC_ADD, ARITHMETIC_SUBTRACT, ARITHMETIC_MULTIPLY, ARITHMETIC_DIVIDE, ARITHMETIC_REMAINDER };

/* `out` may be an operand. */
MUST_USE enum expression_result arithmetic_apply(enum arithmetic which, const struct scalar *a, const struct scalar *b, struct scalar *out);
MUST_USE enum expression_result arithmetic_negate(const struct scalar *a, struct scalar *out);
/* Of any number. */
double number_to_float(const struct scalar *number);

#endif

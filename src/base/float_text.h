/* float_text.h - the shortest decimal that reads back as the same double.
 *
 * Threads    Any.  */
#ifndef BASE_FLOAT_TEXT_H
#define BASE_FLOAT_TEXT_H

#include <stddef.h>

enum { FLOAT_TEXT_MAX = 32 };

/* Writes no NUL; returns the length. No other decimal that double_parse reads as `number` has fewer digits. Whole numbers below 1e15 have
 * neither point nor exponent; "inf", "-inf", "nan"; -0 is "-0".  */
size_t double_format_shortest(double number, char out[FLOAT_TEXT_MAX]);

#endif

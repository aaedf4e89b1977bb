/* decimal.c - see decimal.h. Intermediate results have up to 38 digits, in __int128.  */
#include "expression/decimal.h"

#include "base/float_text.h"
#include "base/number.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

enum { DIGITS_MAX = DECIMAL_DIGITS_MAX, QUOTIENT_SCALE_MIN = 6 };

static const int64_t unit = INT64_C(1000000000000000000); /* 10^18 */

static __int128 power_of_ten(int n)
{
    __int128 power = 1;
    assert(n >= 0 && n <= 2 * DIGITS_MAX);
    while (n-- > 0) {
        power *= 10;
    }
    return power;
}

static __int128 amount(__int128 number)
{
    return number < 0 ? -number : number;
}

/* A tenth, rounded half away from zero. */
static __int128 tenth(__int128 number)
{
    return (number + (number < 0 ? -5 : 5)) / 10;
}

enum expression_result decimal_fit(__int128 total, int scale, bool is_rounded, struct scalar *out)
{
    const int sign = total < 0 ? -1 : 1;
    int cut = 0; /* the foremost digit that was cut off: it decides alone, since halves go away from zero */
    while (scale > 0 && (scale > SCALAR_SCALE_MAX || amount(total) >= unit)) {
        const int digit = (int)(amount(total) % 10);
        if (digit != 0 && !is_rounded) {
            return EXPRESSION_OVERFLOW;
        }
        cut = digit;
        total /= 10;
        scale--;
    }
    if (cut >= 5) {
        total += sign;
    }
    if (amount(total) >= unit) {
        if (scale == 0) {
            return EXPRESSION_OVERFLOW;
        }
        total = tenth(total); /* 999...9.5 became 10^18 */
        scale--;
    }
    *out = (struct scalar){.type = SCALAR_DECIMAL, .scale = (uint8_t)scale, .integer = (int64_t)total};
    return EXPRESSION_OK;
}

/* --- text --- */

bool decimal_parse(struct bytes text, struct scalar *out)
{
    __int128 total;
    int scale;
    return decimal_text_read(text, false, &total, &scale) && decimal_fit(total, scale, false, out) == EXPRESSION_OK;
}

size_t decimal_format(const struct scalar *decimal, char out[DECIMAL_TEXT_MAX])
{
    return decimal_text_format(decimal->integer, decimal->scale, out);
}

/* --- other types --- */

enum expression_result decimal_of_integer(int64_t integer, struct scalar *out)
{
    return decimal_fit(integer, 0, false, out);
}

enum expression_result decimal_of_float(double number, struct scalar *out)
{
    char text[FLOAT_TEXT_MAX];
    __int128 total;
    int scale;
    if (!(fabs(number) < 1e18)) {
        return EXPRESSION_OVERFLOW;
    }
    const struct bytes shortest = {text, double_format_shortest(number, text)};
    if (!decimal_text_read(shortest, true, &total, &scale)) {
        return EXPRESSION_OVERFLOW;
    }
    return decimal_fit(total, scale, true, out);
}

double decimal_to_float(const struct scalar *decimal)
{
    const double exact_max = 9007199254740992.0; /* 2^53 */
    const double digits = (double)decimal->integer;
    if (digits > -exact_max && digits < exact_max) {
        return digits / (double)power_of_ten(decimal->scale); /* both exact: one rounding */
    }
    char text[DECIMAL_TEXT_MAX + 1];
    text[decimal_format(decimal, text)] = '\0';
    return strtod(text, NULL);
}

int64_t decimal_to_integer(const struct scalar *decimal)
{
    return decimal->integer / (int64_t)power_of_ten(decimal->scale);
}

__int128 decimal_scaled(const struct scalar *decimal, int scale)
{
    assert(scale >= decimal->scale);
    return decimal->integer * power_of_ten(scale - decimal->scale);
}

/* --- arithmetic --- */

static int larger_scale(const struct scalar *a, const struct scalar *b)
{
    return a->scale > b->scale ? a->scale : b->scale;
}

enum expression_result decimal_add(const struct scalar *a, const struct scalar *b, int sign, struct scalar *out)
{
    const int scale = larger_scale(a, b);
    return decimal_fit(decimal_scaled(a, scale) + sign * decimal_scaled(b, scale), scale, false, out);
}

enum expression_result decimal_multiply(const struct scalar *a, const struct scalar *b, struct scalar *out)
{
    return decimal_fit((__int128)a->integer * b->integer, a->scale + b->scale, true, out);
}

/* Long division, digit by digit, until there are as many behind the point as wanted, or 18 in all. */
enum expression_result decimal_divide(const struct scalar *a, const struct scalar *b, struct scalar *out)
{
    if (b->integer == 0) {
        return EXPRESSION_DIVISION_BY_ZERO;
    }
    const int wanted = larger_scale(a, b) > QUOTIENT_SCALE_MIN ? larger_scale(a, b) : QUOTIENT_SCALE_MIN;
    const bool is_negative = (a->integer < 0) != (b->integer < 0);
    const __int128 divisor = amount(b->integer);
    __int128 quotient = amount(a->integer) / divisor;
    __int128 rest = amount(a->integer) % divisor;
    int scale = a->scale - b->scale;
    while (scale < wanted && quotient < unit) {
        quotient = quotient * 10 + rest * 10 / divisor;
        rest = rest * 10 % divisor;
        scale++;
    }
    if (scale < 0) {
        return quotient == 0 ? decimal_fit(0, 0, false, out) : EXPRESSION_OVERFLOW;
    }
    if (quotient < unit) { /* else it is rounded below, by a digit that it has */
        quotient += rest * 2 >= divisor ? 1 : 0;
    }
    return decimal_fit(is_negative ? -quotient : quotient, scale, true, out);
}

enum expression_result decimal_remainder(const struct scalar *a, const struct scalar *b, struct scalar *out)
{
    if (b->integer == 0) {
        return EXPRESSION_DIVISION_BY_ZERO;
    }
    const int scale = larger_scale(a, b);
    return decimal_fit(decimal_scaled(a, scale) % decimal_scaled(b, scale), scale, false, out);
}

enum expression_result decimal_rescale(const struct scalar *decimal, int scale, struct scalar *out)
{
    assert(scale >= -SCALAR_SCALE_MAX && scale <= SCALAR_SCALE_MAX);
    if (scale >= decimal->scale) {
        const __int128 total = decimal_scaled(decimal, scale);
        if (amount(total) >= unit) {
            return EXPRESSION_OVERFLOW;
        }
        *out = (struct scalar){.type = SCALAR_DECIMAL, .scale = (uint8_t)scale, .integer = (int64_t)total};
        return EXPRESSION_OK;
    }
    const __int128 power = power_of_ten(decimal->scale - scale);
    const __int128 half = decimal->integer < 0 ? -power / 2 : power / 2;
    __int128 total = (decimal->integer + half) / power;
    if (scale < 0) {
        total *= power_of_ten(-scale);
    }
    return decimal_fit(total, scale < 0 ? 0 : scale, false, out);
}

/* --- order --- */

static int order(__int128 a, __int128 b)
{
    return (a > b) - (a < b);
}

int decimal_compare(const struct scalar *a, const struct scalar *b)
{
    const int scale = larger_scale(a, b);
    return order(decimal_scaled(a, scale), decimal_scaled(b, scale));
}

int decimal_compare_integer(const struct scalar *decimal, int64_t integer)
{
    return order(decimal->integer, integer * power_of_ten(decimal->scale));
}

/* digits / 10^scale against fraction x 2^exponent, the fraction a whole number below 2^53: both sides times 10^scale, and 2^-exponent. */
int decimal_compare_float(const struct scalar *decimal, double number)
{
    if (number >= (double)unit || number <= -(double)unit) {
        return number > 0 ? -1 : 1;
    }
    if ((number < 0) != (decimal->integer < 0) || number == 0 || decimal->integer == 0) {
        return order(decimal->integer < 0 ? -1 : decimal->integer > 0, number < 0 ? -1 : number > 0);
    }
    int exponent;
    const int64_t fraction = (int64_t)ldexp(frexp(number, &exponent), 53);
    exponent -= 53;
    const __int128 right = fraction * power_of_ten(decimal->scale); /* below 2^113 */
    if (exponent >= 0) {
        return order(decimal->integer, right * ((__int128)1 << exponent)); /* below 10^18: at most 7 */
    }
    const int shift = -exponent;
    const bool is_beyond = shift > 113 || amount(decimal->integer) > (((__int128)1 << 114) >> shift);
    if (is_beyond) {
        return decimal->integer < 0 ? -1 : 1;
    }
    return order((__int128)((unsigned __int128)amount(decimal->integer) << shift), amount(right)) * (decimal->integer < 0 ? -1 : 1);
}

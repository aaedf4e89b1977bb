/* decimal_text.c - see decimal_text.h.  */
#include "base/decimal_text.h"

#include "base/number.h"

#include <assert.h>

enum { EXPONENT_MAX = 400, SCALE_MAX = 2 * DECIMAL_DIGITS_MAX };

static const int64_t unit = INT64_C(1000000000000000000); /* 10^18 */
static const __int128 digits_limit = (__int128)INT64_C(1000000000000000000) * INT64_C(100000000000000000); /* 10^35: one digit more fits */

static __int128 amount(__int128 number)
{
    return number < 0 ? -number : number;
}

/* e-12; false: bad. */
static bool read_exponent(struct bytes text, int *exponent)
{
    int64_t number;
    if (text.len > 0 && text.data[0] == '+') {
        text = (struct bytes){text.data + 1, text.len - 1};
    }
    while (text.len > 1 && text.data[0] == '0') {
        text = (struct bytes){text.data + 1, text.len - 1};
    }
    if (!int64_parse(text, &number) || number > EXPONENT_MAX || number < -EXPONENT_MAX) {
        return false;
    }
    *exponent = (int)number;
    return true;
}

/* Digits without the point, and how many stand behind it. False: bad, or more than 36 digits. */
static bool read_digits(struct bytes text, __int128 *total, int *scale)
{
    size_t i = text.len > 0 && (text.data[0] == '-' || text.data[0] == '+') ? 1 : 0;
    const bool is_negative = i == 1 && text.data[0] == '-';
    bool has_point = false;
    bool has_digit = false;
    int exponent = 0;
    *total = 0;
    *scale = 0;
    for (; i < text.len; i++) {
        const char c = text.data[i];
        if (c >= '0' && c <= '9') {
            if (amount(*total) >= digits_limit) {
                return false;
            }
            *total = *total * 10 + (c - '0');
            *scale += has_point;
            has_digit = true;
        } else if (c == '.' && !has_point) {
            has_point = true;
        } else if ((c | 0x20) == 'e' && has_digit) {
            if (!read_exponent((struct bytes){text.data + i + 1, text.len - i - 1}, &exponent)) {
                return false;
            }
            break;
        } else {
            return false;
        }
    }
    *scale -= exponent;
    *total = is_negative ? -*total : *total;
    return has_digit;
}

/* The scale becomes 0 .. 36. False: the number would be too large; what is smaller than any digit is rounded off when is_rounded. */
static bool settle_scale(__int128 *total, int *scale, bool is_rounded)
{
    while (*scale < 0 && *total != 0) {
        if (amount(*total) >= unit) {
            return false;
        }
        *total *= 10;
        ++*scale;
    }
    while (*scale > SCALE_MAX && *total != 0) {
        if (*total % 10 != 0 && !is_rounded) {
            return false;
        }
        *total /= 10;
        --*scale;
    }
    *scale = *total == 0 ? (*scale < 0 ? 0 : *scale > DECIMAL_DIGITS_MAX ? DECIMAL_DIGITS_MAX : *scale) : *scale;
    return true;
}

bool decimal_text_read(struct bytes text, bool is_rounded, __int128 *total, int *scale)
{
    return read_digits(text, total, scale) && settle_scale(total, scale, is_rounded);
}

bool decimal_text_parse(struct bytes text, unsigned digits, unsigned scale, int64_t *out)
{
    __int128 total;
    int has;
    __int128 limit = 1;
    assert(digits >= 1 && digits <= DECIMAL_DIGITS_MAX && scale <= digits);
    if (!decimal_text_read(text, false, &total, &has)) {
        return false;
    }
    for (; has > (int)scale; has--) {
        if (total % 10 != 0) {
            return false;
        }
        total /= 10;
    }
    for (; has < (int)scale && amount(total) < unit; has++) {
        total *= 10;
    }
    while (digits-- > 0) {
        limit *= 10;
    }
    if (amount(total) >= limit) {
        return false;
    }
    *out = (int64_t)total;
    return true;
}

size_t decimal_text_format(int64_t number, unsigned scale, char out[DECIMAL_TEXT_MAX])
{
    char digits[INT64_TEXT_MAX];
    const size_t sign = number < 0 ? 1 : 0;
    const size_t len = int64_format(number < 0 ? -number : number, digits);
    const size_t zeros = len <= scale ? scale + 1 - len : 0; /* in front, so that a digit stands before the point */
    out[0] = '-';
    for (size_t i = 0; i < zeros + len; i++) {
        const size_t at = sign + i + (scale > 0 && i >= zeros + len - scale ? 1 : 0);
        out[at] = i < zeros ? '0' : digits[i - zeros];
    }
    if (scale > 0) {
        out[sign + zeros + len - scale] = '.';
    }
    return sign + zeros + len + (scale > 0 ? 1 : 0);
}

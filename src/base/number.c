/* number.c - numbers to text and back, by Redis's rules.
 *
 * Threads    Any; strtod and printf read the locale, which the server leaves at "C".
 * Limits     A floating-point text of NUMBER_TEXT_MAX bytes or more is refused unread.  */
#include "base/number.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    NUMBER_TEXT_MAX = 5120, /* Redis's limit for long doubles; here for doubles, too */
    INT64_DIGITS_SURE = 18, /* so many decimal digits always fit an int64 */
    UINT64_DIGITS_MAX = 20,
};

/* --- integers --- */

/* Digits only, no leading zero but in "0" itself, at most UINT64_MAX. */
static bool digits_parse(const char *digits, size_t count, uint64_t *out)
{
    if (count == 0 || count > UINT64_DIGITS_MAX || (digits[0] == '0' && count > 1)) {
        return false;
    }
    size_t sure = count < INT64_DIGITS_SURE ? count : INT64_DIGITS_SURE;
    uint64_t value = 0;
    for (size_t i = 0; i < sure; i++) {
        unsigned digit = (unsigned char)digits[i] - (unsigned)'0';
        if (digit > 9) {
            return false;
        }
        value = value * 10 + digit;
    }
    for (size_t i = sure; i < count; i++) {
        unsigned digit = (unsigned char)digits[i] - (unsigned)'0';
        if (digit > 9 || __builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, digit, &value)) {
            return false;
        }
    }
    *out = value;
    return true;
}

bool int64_parse(struct bytes text, int64_t *out)
{
    if (text.len == 0 || text.len > INT64_TEXT_MAX) {
        return false;
    }
    bool is_negative = text.data[0] == '-';
    uint64_t magnitude;
    if (!digits_parse(text.data + is_negative, text.len - is_negative, &magnitude)) {
        return false;
    }
    if (is_negative) {
        if (magnitude == 0 || magnitude > (uint64_t)INT64_MAX + 1) {
            return false;
        }
        *out = (int64_t)(0 - magnitude);
        return true;
    }
    if (magnitude > INT64_MAX) {
        return false;
    }
    *out = (int64_t)magnitude;
    return true;
}

bool uint64_parse(struct bytes text, uint64_t *out)
{
    return digits_parse(text.data, text.len, out);
}

bool int64_parse_loose(struct bytes text, int64_t *out)
{
    const bool has_sign = text.len > 0 && (text.data[0] == '-' || text.data[0] == '+');
    const bool is_negative = has_sign && text.data[0] == '-';
    int64_t number = 0;
    if (text.len == (has_sign ? 1u : 0u)) {
        return false;
    }
    for (size_t i = has_sign ? 1 : 0; i < text.len; i++) {
        const int digit = text.data[i] - '0';
        if (digit < 0 || digit > 9 || __builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, is_negative ? -digit : digit, &number)) {
            return false;
        }
    }
    *out = number;
    return true;
}

bool boolean_parse(struct bytes text, int64_t *out)
{
    const bool is_true = bytes_equal_ignore_case(text, BYTES("true")) || bytes_equal(text, BYTES("1"));
    if (!is_true && !bytes_equal_ignore_case(text, BYTES("false")) && !bytes_equal(text, BYTES("0"))) {
        return false;
    }
    *out = is_true;
    return true;
}

static const char digit_pairs[201] = "0001020304050607080910111213141516171819"
                                     "2021222324252627282930313233343536373839"
                                     "4041424344454647484950515253545556575859"
                                     "6061626364656667686970717273747576777879"
                                     "8081828384858687888990919293949596979899";

/* Decimal digits of `value`; 1 for 0. */
static size_t count_digits(uint64_t value)
{
    size_t count = 1;
    for (;;) {
        if (value < 10) {
            return count;
        }
        if (value < 100) {
            return count + 1;
        }
        if (value < 1000) {
            return count + 2;
        }
        if (value < 10000) {
            return count + 3;
        }
        value /= 10000;
        count += 4;
    }
}

size_t uint64_format(uint64_t value, char out[INT64_TEXT_MAX])
{
    size_t len = count_digits(value);
    size_t at = len;
    while (value >= 100) {
        at -= 2;
        memcpy(out + at, digit_pairs + value % 100 * 2, 2);
        value /= 100;
    }
    if (value >= 10) {
        memcpy(out, digit_pairs + value * 2, 2);
    } else {
        out[0] = (char)('0' + value);
    }
    return len;
}

size_t int64_format(int64_t value, char out[INT64_TEXT_MAX])
{
    if (value >= 0) {
        return uint64_format((uint64_t)value, out);
    }
    char digits[INT64_TEXT_MAX];
    size_t len = uint64_format(0 - (uint64_t)value, digits);
    out[0] = '-';
    memcpy(out + 1, digits, len);
    return len + 1;
}

/* --- floating point --- */

/* A NUL-terminated copy for strtod's family; false when it is empty, too long, or begins with a space, which strtod
 * would skip.  */
static bool float_text_copy(struct bytes text, char copy[NUMBER_TEXT_MAX])
{
    if (text.len == 0 || text.len >= NUMBER_TEXT_MAX) {
        return false;
    }
    char first = text.data[0];
    if (first == ' ' || (first >= '\t' && first <= '\r')) {
        return false;
    }
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    return true;
}

bool double_parse(struct bytes text, double *out)
{
    char copy[NUMBER_TEXT_MAX];
    if (!float_text_copy(text, copy)) {
        return false;
    }
    char *end;
    errno = 0;
    double value = strtod(copy, &end);
    bool is_out_of_range = errno == ERANGE && (isinf(value) || value == 0);
    if (end != copy + text.len || is_out_of_range || isnan(value)) {
        return false;
    }
    *out = value;
    return true;
}

bool long_double_parse(struct bytes text, long double *out)
{
    char copy[NUMBER_TEXT_MAX];
    if (!float_text_copy(text, copy)) {
        return false;
    }
    char *end;
    errno = 0;
    long double value = strtold(copy, &end);
    bool is_out_of_range = errno == ERANGE && (isinf(value) || value == 0);
    if (end != copy + text.len || is_out_of_range || isnan(value)) {
        return false;
    }
    *out = value;
    return true;
}

size_t double_format(double value, char out[DOUBLE_TEXT_MAX])
{
    const double exact_max = 9007199254740992.0; /* 2^53: integers up to here have one text */
    if (isnan(value)) {
        memcpy(out, "nan", 4);
        return 3;
    }
    if (value >= -exact_max && value <= exact_max && value == (double)(int64_t)value && !(value == 0 && signbit(value))) {
        return int64_format((int64_t)value, out);
    }
    return (size_t)snprintf(out, DOUBLE_TEXT_MAX, "%.17g", value);
}

size_t long_double_format_human(long double value, char out[LONG_DOUBLE_TEXT_MAX])
{
    size_t len = (size_t)snprintf(out, LONG_DOUBLE_TEXT_MAX, "%.17Lf", value);
    while (out[len - 1] == '0') { /* stops at the point: %.17Lf always prints one */
        len--;
    }
    if (out[len - 1] == '.') {
        len--;
    }
    if (len == 2 && out[0] == '-' && out[1] == '0') {
        out[0] = '0';
        len = 1;
    }
    return len;
}

/* --- sizes of memory --- */

static const struct memory_unit {
    const char *name;
    uint64_t factor;
} memory_units[] = {
    {"", 1},          {"b", 1},
    {"k", 1000},      {"kb", UINT64_C(1) << 10},
    {"m", 1000000},   {"mb", UINT64_C(1) << 20},
    {"g", 1000000000}, {"gb", UINT64_C(1) << 30},
};

bool memory_size_parse(struct bytes text, uint64_t *out)
{
    size_t digits = 0;
    uint64_t value = 0;
    while (digits < text.len && text.data[digits] >= '0' && text.data[digits] <= '9') {
        unsigned digit = (unsigned char)text.data[digits] - (unsigned)'0';
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, digit, &value)) {
            return false;
        }
        digits++;
    }
    if (digits == 0) {
        return false;
    }
    struct bytes unit = {text.data + digits, text.len - digits};
    for (size_t i = 0; i < sizeof(memory_units) / sizeof(memory_units[0]); i++) {
        if (bytes_equal_ignore_case(unit, bytes_of_string(memory_units[i].name))) {
            uint64_t size;
            if (__builtin_mul_overflow(value, memory_units[i].factor, &size)) {
                return false;
            }
            *out = size;
            return true;
        }
    }
    return false;
}

void memory_size_format_human(uint64_t bytes, char out[32])
{
    static const char units[] = "KMGTP";
    if (bytes < 1024 || bytes >> 60 != 0) {
        snprintf(out, 32, "%lluB", (unsigned long long)bytes);
        return;
    }
    unsigned power = 0;
    while (bytes >> (10 * (power + 2)) != 0) {
        power++;
    }
    snprintf(out, 32, "%.2f%c", (double)bytes / (double)(UINT64_C(1) << (10 * (power + 1))), units[power]);
}

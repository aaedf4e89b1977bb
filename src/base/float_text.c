/* float_text.c - see float_text.h.
 *
 * A double is the only one near any decimal of 15 digits, so that the right rounding to 15 digits, without the zeros at its end, is the
 * shortest when it reads back. Else 16 digits are tried, and 17 always do. Two cases are different: right above a power of two the numbers
 * below are closer, so that of 16 digits the neighbour of the right rounding may read back alone (2^-44); and numbers below the normal ones
 * have fewer than 15 digits (5e-324).  */
#include "base/float_text.h"

#include "base/number.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SCRATCH = 48, SURE_DIGITS = 15, DIGITS_MAX = 17 };

/* digits x 10^exponent, the digits without a point, reads as `number`. */
static bool reads_back(uint64_t digits, int exponent, double number)
{
    char text[SCRATCH];
    snprintf(text, sizeof text, "%llue%d", (unsigned long long)digits, exponent);
    return strtod(text, NULL) == number;
}

/* The first `count` digits of a positive number, rounded, as a whole number x 10^*exponent. */
static uint64_t round_to_digits(double number, int count, int *exponent)
{
    char text[SCRATCH];
    snprintf(text, sizeof text, "%.*e", count - 1, number);
    uint64_t digits = 0;
    const char *at = text;
    for (; *at != 'e'; at++) {
        if (*at != '.') {
            digits = digits * 10 + (uint64_t)(*at - '0');
        }
    }
    *exponent = atoi(at + 1) - (count - 1);
    return digits;
}

/* The shortest digits of a positive number. */
static uint64_t find_shortest(double number, int *exponent)
{
    for (int count = number < DBL_MIN ? 1 : SURE_DIGITS; count < DIGITS_MAX; count++) {
        const uint64_t digits = round_to_digits(number, count, exponent);
        for (int step = 0; step < 3; step++) {
            static const int neighbours[] = {0, 1, -1};
            const uint64_t tried = digits + (uint64_t)(int64_t)neighbours[step];
            if (reads_back(tried, *exponent, number)) {
                return tried;
            }
        }
    }
    return round_to_digits(number, DIGITS_MAX, exponent);
}

/* digits x 10^exponent as "%g" would write it: with an exponent when that is below -4, or 15 and more digits stand before the point and
 * it is not needed to show them.  */
static size_t write_digits(uint64_t digits, int exponent, char *out)
{
    while (digits % 10 == 0) {
        digits /= 10;
        exponent++;
    }
    char text[INT64_TEXT_MAX];
    const int len = (int)uint64_format(digits, text);
    const int point = len + exponent; /* how many digits stand before the point */
    size_t at = 0;
    if (point < -3 || point > DIGITS_MAX) {
        out[at++] = text[0];
        if (len > 1) {
            out[at++] = '.';
            memcpy(out + at, text + 1, (size_t)len - 1);
            at += (size_t)len - 1;
        }
        return at + (size_t)snprintf(out + at, FLOAT_TEXT_MAX - at, "e%c%02d", point < 1 ? '-' : '+', abs(point - 1));
    }
    if (point <= 0) {
        memcpy(out, "0.0000", 6);
        at = 2 + (size_t)-point;
        memcpy(out + at, text, (size_t)len);
        return at + (size_t)len;
    }
    for (int i = 0; i < len || i < point; i++) {
        if (i == point) {
            out[at++] = '.';
        }
        out[at++] = i < len ? text[i] : '0';
    }
    return at;
}

/* Most numbers of users are a few digits and a power of ten that is small: number x 10^n is then a whole one, and dividing that again
 * gives the number (IEEE division rounds right). False: this is none of them.  */
static bool write_plain(double number, char *out, size_t *len)
{
    static const double powers[] = {1, 10, 100, 1000, 1e4, 1e5, 1e6};
    if (number >= 1e9) {
        return false;
    }
    for (int n = 1; n < (int)(sizeof powers / sizeof powers[0]); n++) {
        const double whole = rint(number * powers[n]);
        if (whole >= 1 && whole / powers[n] == number) {
            *len = write_digits((uint64_t)whole, -n, out);
            return true;
        }
    }
    return false;
}

size_t double_format_shortest(double number, char out[FLOAT_TEXT_MAX])
{
    if (isnan(number)) {
        memcpy(out, "nan", 3);
        return 3;
    }
    const size_t sign = signbit(number) ? 1 : 0;
    const double magnitude = fabs(number);
    size_t len;
    out[0] = '-';
    if (isinf(number)) {
        memcpy(out + sign, "inf", 3);
        len = 3;
    } else if (magnitude == rint(magnitude) && magnitude < 1e15) {
        len = uint64_format((uint64_t)magnitude, out + sign);
    } else if (!write_plain(magnitude, out + sign, &len)) {
        int exponent;
        const uint64_t digits = find_shortest(magnitude, &exponent);
        len = write_digits(digits, exponent, out + sign);
    }
    return sign + len;
}

/* The shortest decimal that reads back, against the cases that simple ways get wrong, and at random. */
#include "base/float_text.h"
#include "base/number.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const struct {
    double number;
    const char *text;
} numbers[] = {
    {0, "0"},
    {-0.0, "-0"},
    {1, "1"},
    {-1.5, "-1.5"},
    {0.1, "0.1"},
    {99.99, "99.99"},
    {0.30000000000000004, "0.30000000000000004"},
    {0x1p-44, "5.684341886080802e-14"}, /* right above a power of two: not the right rounding to 16 digits */
    {-5e-324, "-5e-324"},               /* the smallest: one digit */
    {2.2250738585072014e-308, "2.2250738585072014e-308"},
    {1.7976931348623157e308, "1.7976931348623157e+308"},
    {1e15, "1000000000000000"},
    {1e16, "10000000000000000"},
    {1e17, "1e+17"}, /* from 18 digits on */
    {1e21, "1e+21"},
    {123456789012345680.0, "1.2345678901234568e+17"},
    {9007199254740993.0, "9007199254740992"},
    {0.0001, "0.0001"},
    {0.00001, "1e-05"},
    {1e-7, "1e-07"},
    {1e300, "1e+300"},
    {INFINITY, "inf"},
    {-INFINITY, "-inf"},
};

Test(float_text, writes_the_shortest_text)
{
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        char text[FLOAT_TEXT_MAX + 1];
        text[double_format_shortest(numbers[i].number, text)] = '\0';
        cr_assert_str_eq(text, numbers[i].text);
    }
}

static int count_digits(struct bytes text)
{
    int digits = 0;
    int zeros = 0; /* at the end, not counted unless another digit follows */
    for (size_t i = 0; i < text.len && text.data[i] != 'e'; i++) {
        const char c = text.data[i];
        if (c == '0' && digits > 0) {
            zeros++;
        } else if (c >= '1' && c <= '9') {
            digits += zeros + 1;
            zeros = 0;
        }
    }
    return digits;
}

/* No text with one digit less reads back: of all decimals with so many digits the right rounding and its neighbours are the only ones near. */
static bool could_be_shorter(double number, int digits)
{
    char text[64];
    if (digits <= 1) {
        return false;
    }
    snprintf(text, sizeof text, "%.*e", digits - 2, number);
    return strtod(text, NULL) == number;
}

Test(float_text, reads_back_and_is_no_longer_than_it_must_be)
{
    for (int i = 0; i < 200000; i++) {
        union {
            uint64_t bits;
            double number;
        } drawn = {.bits = (uint64_t)random() << 33 ^ (uint64_t)random() << 11 ^ (uint64_t)random()};
        if (i % 4 == 0) {
            drawn.bits &= UINT64_C(0xfff0000000000000); /* powers of two */
        } else if (i % 4 == 1) {
            drawn.number = (double)(random() % 2000000 - 1000000) / 1000;
        }
        if (!isfinite(drawn.number)) {
            continue;
        }
        char text[FLOAT_TEXT_MAX];
        const struct bytes shown = {text, double_format_shortest(drawn.number, text)};
        double back;
        cr_assert(double_parse(shown, &back) || drawn.number == 0, "%.*s", (int)shown.len, shown.data);
        cr_assert_eq(back, drawn.number, "%.*s", (int)shown.len, shown.data);
        cr_assert(!could_be_shorter(drawn.number, count_digits(shown)), "%.*s", (int)shown.len, shown.data);
    }
}

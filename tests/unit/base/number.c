/* number.c - integers, floats and memory sizes as text.  */
#include "base/number.h"

#include <criterion/criterion.h>
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

Test(number, int64_parse_takes_strict_decimals_only)
{
    static const struct {
        struct bytes text;
        bool is_number;
        int64_t number;
    } rows[] = {
        {BYTES("0"), true, 0},
        {BYTES("-1"), true, -1},
        {BYTES("9"), true, 9},
        {BYTES("999999999999999999"), true, 999999999999999999},
        {BYTES("1000000000000000000"), true, 1000000000000000000},
        {BYTES("9223372036854775807"), true, INT64_MAX},
        {BYTES("-9223372036854775808"), true, INT64_MIN},
        {BYTES("9223372036854775808"), false, 0},
        {BYTES("-9223372036854775809"), false, 0},
        {BYTES("18446744073709551616"), false, 0},
        {BYTES("99999999999999999999"), false, 0},
        {BYTES("111111111111111111111111"), false, 0},
        {BYTES(""), false, 0},
        {BYTES("-"), false, 0},
        {BYTES("--1"), false, 0},
        {BYTES("+1"), false, 0},
        {BYTES(" 1"), false, 0},
        {BYTES("1 "), false, 0},
        {BYTES("01"), false, 0},
        {BYTES("-0"), false, 0},
        {BYTES("-01"), false, 0},
        {BYTES("00"), false, 0},
        {BYTES("1.0"), false, 0},
        {BYTES("1e3"), false, 0},
        {BYTES("0x1"), false, 0},
        {BYTES("1\0"), false, 0},
        {BYTES("12345678901234567a"), false, 0},
        {BYTES("123456789012345678a"), false, 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t number = 4711;
        cr_expect_eq(int64_parse(rows[i].text, &number), rows[i].is_number, "row %zu: %s", i, rows[i].text.data);
        cr_expect_eq(number, rows[i].is_number ? rows[i].number : 4711, "row %zu: %s", i, rows[i].text.data);
    }
}

Test(number, uint64_parse_reaches_its_maximum_and_no_further)
{
    uint64_t number = 4711;
    cr_expect(uint64_parse(BYTES("18446744073709551615"), &number));
    cr_expect_eq(number, UINT64_MAX);
    number = 4711;
    cr_expect_not(uint64_parse(BYTES("18446744073709551616"), &number));
    cr_expect_not(uint64_parse(BYTES("-1"), &number));
    cr_expect_not(uint64_parse(BYTES(""), &number));
    cr_expect_not(uint64_parse(BYTES("007"), &number));
    cr_expect_eq(number, 4711);
}

/* Numbers of every length, not only long ones. */
static uint64_t random_number(void)
{
    uint64_t bits = (uint64_t)random() << 42 ^ (uint64_t)random() << 21 ^ (uint64_t)random();
    return bits >> (random() % 64);
}

Test(number, format_prints_as_printf_and_parses_back)
{
    unsigned seed = (unsigned)time(NULL);
    srandom(seed);
    for (int i = 0; i < 200000; i++) {
        int64_t value = (int64_t)random_number() * (random() % 2 == 0 ? 1 : -1);
        char text[INT64_TEXT_MAX], expected[32];
        size_t len = int64_format(value, text);
        snprintf(expected, sizeof(expected), "%" PRId64, value);
        cr_assert(bytes_equal((struct bytes){text, len}, bytes_of_string(expected)), "seed %u: %s", seed, expected);
        int64_t back;
        cr_assert(int64_parse((struct bytes){text, len}, &back), "seed %u: %s", seed, expected);
        cr_assert_eq(back, value, "seed %u", seed);
        len = uint64_format((uint64_t)value, text);
        snprintf(expected, sizeof(expected), "%" PRIu64, (uint64_t)value);
        cr_assert(bytes_equal((struct bytes){text, len}, bytes_of_string(expected)), "seed %u: %s", seed, expected);
    }
    for (unsigned i = 0; i <= 64; i++) {
        for (int64_t near = -1; near <= 1; near++) {
            uint64_t value = (i == 64 ? 0 : UINT64_C(1) << i) + (uint64_t)near;
            char text[INT64_TEXT_MAX], expected[32];
            size_t len = uint64_format(value, text);
            snprintf(expected, sizeof(expected), "%" PRIu64, value);
            cr_assert(bytes_equal((struct bytes){text, len}, bytes_of_string(expected)), "%s", expected);
            len = int64_format((int64_t)value, text);
            snprintf(expected, sizeof(expected), "%" PRId64, (int64_t)value);
            cr_assert(bytes_equal((struct bytes){text, len}, bytes_of_string(expected)), "%s", expected);
        }
    }
}

Test(number, double_parse_takes_strtod_s_grammar_on_the_whole_text)
{
    static const struct {
        struct bytes text;
        bool is_number;
        double number;
    } rows[] = {
        {BYTES("0"), true, 0},          {BYTES("-0"), true, 0},          {BYTES("1.5"), true, 1.5},
        {BYTES("+1.5"), true, 1.5},     {BYTES("1e3"), true, 1000},      {BYTES(".5"), true, 0.5},
        {BYTES("5."), true, 5},         {BYTES("0x10"), true, 16},       {BYTES("inf"), true, INFINITY},
        {BYTES("-Inf"), true, -INFINITY}, {BYTES("+infinity"), true, INFINITY}, {BYTES("007"), true, 7},
        {BYTES("4.9e-324"), true, 4.9e-324}, {BYTES("1e400"), false, 0}, {BYTES("1e-400"), false, 0},
        {BYTES("nan"), false, 0},       {BYTES(""), false, 0},           {BYTES(" 1"), false, 0},
        {BYTES("1 "), false, 0},        {BYTES("1\0"), false, 0},        {BYTES("\t1"), false, 0},
        {BYTES("1,5"), false, 0},       {BYTES("abc"), false, 0},        {BYTES("--1"), false, 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        double number = 4711;
        long double wide = 4711;
        cr_expect_eq(double_parse(rows[i].text, &number), rows[i].is_number, "row %zu: %s", i, rows[i].text.data);
        cr_expect_eq(number, rows[i].is_number ? rows[i].number : 4711, "row %zu: %s", i, rows[i].text.data);
        bool is_wider = rows[i].text.len > 4 && strncmp(rows[i].text.data, "1e", 2) == 0; /* fits a long double */
        cr_expect_eq(long_double_parse(rows[i].text, &wide), rows[i].is_number || is_wider, "row %zu", i);
    }
}

Test(number, float_texts_over_the_limit_are_refused)
{
    static char zeros[6000];
    memset(zeros, '0', sizeof(zeros));
    double number;
    long double wide;
    cr_expect(double_parse((struct bytes){zeros, 5119}, &number));
    cr_expect_not(double_parse((struct bytes){zeros, 5120}, &number));
    cr_expect(long_double_parse((struct bytes){zeros, 5119}, &wide));
    cr_expect_not(long_double_parse((struct bytes){zeros, 5120}, &wide));
}

Test(number, double_format_prints_as_redis_replies)
{
    static const struct {
        double value;
        const char *text;
    } rows[] = {
        {0, "0"},
        {-0.0, "-0"},
        {3, "3"},
        {-17, "-17"},
        {0.1, "0.10000000000000001"},
        {1e20, "1e+20"},
        {9007199254740992.0, "9007199254740992"},
        {-9007199254740993.0, "-9007199254740992"},
        {1.5, "1.5"},
        {INFINITY, "inf"},
        {-INFINITY, "-inf"},
        {NAN, "nan"},
        {-NAN, "nan"},
        {DBL_MAX, "1.7976931348623157e+308"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[DOUBLE_TEXT_MAX];
        size_t len = double_format(rows[i].value, text);
        cr_expect(bytes_equal((struct bytes){text, len}, bytes_of_string(rows[i].text)), "%.*s, not %s", (int)len, text,
                  rows[i].text);
    }
}

Test(number, long_double_format_drops_trailing_zeros)
{
    static const struct {
        long double value;
        const char *text;
    } rows[] = {
        {0, "0"},         {-0.0L, "0"},    {10, "10"},         {10.5L, "10.5"},
        {-1.25L, "-1.25"}, {5000, "5000"}, {1e-18L, "0"},      {-1e-18L, "0"},
        {3e18L, "3000000000000000000"},    {0.1L, "0.1"},
    };
    char text[LONG_DOUBLE_TEXT_MAX];
    for (size_t i = 0; i < COUNT(rows); i++) {
        size_t len = long_double_format_human(rows[i].value, text);
        cr_expect(bytes_equal((struct bytes){text, len}, bytes_of_string(rows[i].text)), "%.*s, not %s", (int)len, text,
                  rows[i].text);
    }
    size_t len = long_double_format_human(-LDBL_MAX, text);
    cr_expect(len > 300 && len < LONG_DOUBLE_TEXT_MAX);
}

Test(number, memory_sizes_have_decimal_and_binary_units)
{
    static const struct {
        struct bytes text;
        bool is_size;
        uint64_t size;
    } rows[] = {
        {BYTES("0"), true, 0},
        {BYTES("100"), true, 100},
        {BYTES("100b"), true, 100},
        {BYTES("1k"), true, 1000},
        {BYTES("1KB"), true, 1024},
        {BYTES("2m"), true, 2000000},
        {BYTES("2Mb"), true, 2097152},
        {BYTES("1g"), true, 1000000000},
        {BYTES("1gb"), true, 1073741824},
        {BYTES("18446744073709551615"), true, UINT64_MAX},
        {BYTES("18446744073709551616"), false, 0},
        {BYTES("17179869184gb"), false, 0},
        {BYTES("gb"), false, 0},
        {BYTES(""), false, 0},
        {BYTES("-1"), false, 0},
        {BYTES("1 gb"), false, 0},
        {BYTES("1tb"), false, 0},
        {BYTES("1.5gb"), false, 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint64_t size = 4711;
        cr_expect_eq(memory_size_parse(rows[i].text, &size), rows[i].is_size, "row %zu: %s", i, rows[i].text.data);
        cr_expect_eq(size, rows[i].is_size ? rows[i].size : 4711, "row %zu: %s", i, rows[i].text.data);
    }
}

Test(number, memory_sizes_print_as_redis_prints_them)
{
    static const struct {
        uint64_t size;
        const char *text;
    } rows[] = {
        {0, "0B"},         {1023, "1023B"},       {1024, "1.00K"},          {1536, "1.50K"},
        {1048575, "1024.00K"}, {1048576, "1.00M"}, {UINT64_C(5) << 30, "5.00G"}, {UINT64_C(3) << 40, "3.00T"},
        {UINT64_C(7) << 50, "7.00P"}, {UINT64_C(1) << 60, "1152921504606846976B"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[32];
        memory_size_format_human(rows[i].size, text);
        cr_expect_str_eq(text, rows[i].text);
    }
}

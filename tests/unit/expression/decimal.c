/* Decimals: text, arithmetic, rounding, order; at random against __int128 and long double. */
#include "expression/decimal.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

static struct scalar read(const char *text)
{
    struct scalar decimal;
    cr_assert(decimal_parse(bytes_of_string(text), &decimal), "%s", text);
    return decimal;
}

static const char *show(const struct scalar *decimal)
{
    static char text[DECIMAL_TEXT_MAX + 1];
    text[decimal_format(decimal, text)] = '\0';
    return text;
}

static const struct {
    const char *text, *shown; /* NULL: refused */
} texts[] = {
    {"0", "0"},
    {"-0", "0"},
    {"1.50", "1.50"},
    {"-1.50", "-1.50"},
    {"+.5", "0.5"},
    {"5.", "5"},
    {"0.000000000000000001", "0.000000000000000001"},
    {"999999999999999999", "999999999999999999"},
    {"-0.999999999999999999", "-0.999999999999999999"},
    {"1000000000000000000", NULL},
    {"0.0000000000000000001", NULL},
    {"1.23456789012345678000", "1.23456789012345678"}, /* zeros beyond the 18th digit are no digits */
    {"1.23456789012345678901", NULL},
    {"0000000000000000000000001.5", "1.5"},
    {"1e3", "1000"},
    {"1.5e-3", "0.0015"},
    {"12e+1", "120"},
    {"0e999", NULL},
    {"0e100", "0"},
    {"1e18", NULL},
    {"", NULL},
    {".", NULL},
    {"-", NULL},
    {"1.2.3", NULL},
    {"1e", NULL},
    {" 1", NULL},
    {"1x", NULL},
    {"999999999999999999999999999999999999999999", NULL},
};

Test(decimal, reads_and_writes_texts)
{
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct scalar decimal;
        const bool is_good = decimal_parse(bytes_of_string(texts[i].text), &decimal);
        cr_assert_eq(is_good, texts[i].shown != NULL, "%s", texts[i].text);
        if (is_good) {
            cr_assert_str_eq(show(&decimal), texts[i].shown);
        }
    }
}

enum deed { ADD, SUBTRACT, MULTIPLY, DIVIDE, REMAINDER };

static const struct {
    const char *a;
    enum deed deed;
    const char *b, *result;
    enum expression_result code;
} sums[] = {
    {"1.10", ADD, "2.2", "3.30", EXPRESSION_OK},
    {"0.1", ADD, "0.2", "0.3", EXPRESSION_OK},
    {"999999999999999999", ADD, "1", NULL, EXPRESSION_OVERFLOW},
    {"999999999999999999", ADD, "0.5", NULL, EXPRESSION_OVERFLOW},
    {"123456789012345678", ADD, "0.00", "123456789012345678", EXPRESSION_OK},
    {"1", SUBTRACT, "1.00", "0.00", EXPRESSION_OK},
    {"1.5", MULTIPLY, "-2.25", "-3.375", EXPRESSION_OK},
    {"999999999.999999999", MULTIPLY, "999999999.999999999", "999999999999999998", EXPRESSION_OK},
    {"999999999999", MULTIPLY, "999999999999", NULL, EXPRESSION_OVERFLOW},
    {"1", DIVIDE, "3", "0.333333", EXPRESSION_OK},
    {"2", DIVIDE, "3", "0.666667", EXPRESSION_OK},
    {"-2", DIVIDE, "3", "-0.666667", EXPRESSION_OK},
    {"10.00", DIVIDE, "4", "2.500000", EXPRESSION_OK},
    {"1.00000000", DIVIDE, "8", "0.12500000", EXPRESSION_OK},
    {"1", DIVIDE, "0.000000000000000001", NULL, EXPRESSION_OVERFLOW},
    {"0", DIVIDE, "0.000000000000000001", "0.000000000000000000", EXPRESSION_OK},
    {"1", DIVIDE, "0.00", NULL, EXPRESSION_DIVISION_BY_ZERO},
    {"999999999999999999", DIVIDE, "7", "142857142857142857", EXPRESSION_OK},
    {"-7.5", REMAINDER, "2", "-1.5", EXPRESSION_OK},
    {"7", REMAINDER, "0", NULL, EXPRESSION_DIVISION_BY_ZERO},
};

static enum expression_result apply(enum deed deed, const struct scalar *a, const struct scalar *b, struct scalar *out)
{
    switch (deed) {
    case ADD:
        return decimal_add(a, b, 1, out);
    case SUBTRACT:
        return decimal_add(a, b, -1, out);
    case MULTIPLY:
        return decimal_multiply(a, b, out);
    case DIVIDE:
        return decimal_divide(a, b, out);
    default:
        return decimal_remainder(a, b, out);
    }
}

Test(decimal, computes)
{
    for (size_t i = 0; i < sizeof sums / sizeof sums[0]; i++) {
        const struct scalar a = read(sums[i].a);
        const struct scalar b = read(sums[i].b);
        struct scalar result;
        cr_assert_eq(apply(sums[i].deed, &a, &b, &result), sums[i].code, "row %zu", i);
        if (sums[i].code == EXPRESSION_OK) {
            cr_assert_str_eq(show(&result), sums[i].result, "row %zu", i);
        }
    }
}

static struct scalar draw(void)
{
    const int digits = (int)(random() % 19);
    int64_t limit = 1;
    for (int i = 0; i < digits; i++) {
        limit *= 10;
    }
    const int64_t drawn = (int64_t)((uint64_t)random() << 31 ^ (uint64_t)random()) % limit;
    return (struct scalar){.type = SCALAR_DECIMAL, .scale = (uint8_t)(random() % 19), .integer = random() % 2 == 0 ? drawn : -drawn};
}

static long double value_of(const struct scalar *decimal)
{
    return (long double)decimal->integer / powl(10, decimal->scale);
}

Test(decimal, computes_at_random_like_long_doubles)
{
    for (int i = 0; i < 300000; i++) {
        const struct scalar a = draw();
        const struct scalar b = draw();
        const enum deed deed = (enum deed)(random() % 4);
        const long double x = value_of(&a);
        const long double y = value_of(&b);
        const long double expected = deed == ADD ? x + y : deed == SUBTRACT ? x - y : deed == MULTIPLY ? x * y : x / y;
        struct scalar result;
        const enum expression_result code = apply(deed, &a, &b, &result);
        if (code == EXPRESSION_DIVISION_BY_ZERO) {
            cr_assert(deed == DIVIDE && b.integer == 0);
            continue;
        }
        if (code == EXPRESSION_OVERFLOW) { /* too large, or a sum that is not exact in 18 digits */
            cr_assert(fabsl(expected) > 9.9e17L || deed <= SUBTRACT, "%Lg", expected);
            continue;
        }
        cr_assert(result.scale <= 18 && llabs(result.integer) < 1000000000000000000);
        const long double unit = deed == DIVIDE ? powl(10, -(int)result.scale) : fmaxl(powl(10, -18), fabsl(expected) * 1e-17L);
        cr_assert(fabsl(value_of(&result) - expected) <= unit * 0.51L + fabsl(expected) * 1e-18L + (fabsl(x) + fabsl(y)) * (deed <= SUBTRACT ? 1e-18L : 0), "%s, not %.20Lg", show(&result), expected);
    }
}

Test(decimal, compares_exactly_with_integers_and_floats)
{
    const struct scalar big = read("900719925474099.3");
    cr_assert_lt(decimal_compare_integer(&big, 900719925474100), 0);
    cr_assert_gt(decimal_compare_integer(&big, 900719925474099), 0);
    cr_assert_gt(decimal_compare_integer(&big, INT64_MIN), 0);
    const struct scalar tenth = read("0.1");
    cr_assert_lt(decimal_compare_float(&tenth, 0.1), 0); /* the double is a little more */
    const struct scalar half = read("0.500000000000000000");
    cr_assert_eq(decimal_compare_float(&half, 0.5), 0);
    cr_assert_gt(decimal_compare_float(&half, 1e-300), 0);
    cr_assert_lt(decimal_compare_float(&half, 1e300), 0);
    cr_assert_gt(decimal_compare_float(&half, -INFINITY), 0);
    cr_assert_lt(decimal_compare_float(&half, 0.5000000000000001), 0);
    const struct scalar large = read("999999999999999999");
    cr_assert_lt(decimal_compare_float(&large, 1e18), 0);
    const struct scalar negative = read("-0.1");
    cr_assert_gt(decimal_compare_float(&negative, -0.1), 0);
    cr_assert_lt(decimal_compare_float(&negative, 0.1), 0);
    const struct scalar zero = read("0.00");
    cr_assert_eq(decimal_compare_float(&zero, -0.0), 0);
    cr_assert_lt(decimal_compare_float(&zero, 5e-324), 0);
}

Test(decimal, agrees_with_its_own_float_about_order)
{
    for (int i = 0; i < 200000; i++) {
        const struct scalar a = draw();
        const double number = decimal_to_float(&a);
        cr_assert_eq(number, strtod(show(&a), NULL), "%s", show(&a));
        const double above = nextafter(number, INFINITY);
        const double below = nextafter(number, -INFINITY);
        cr_assert(decimal_compare_float(&a, above) < 0 && decimal_compare_float(&a, below) > 0, "%s", show(&a));
    }
}

Test(decimal, rounds_to_a_scale)
{
    static const struct {
        const char *text;
        int scale;
        const char *result;
    } rows[] = {{"1.25", 1, "1.3"}, {"-1.25", 1, "-1.3"}, {"1.24", 1, "1.2"}, {"1.5", 3, "1.500"}, {"99.99", 1, "100.0"},
                {"0.5", 0, "1"},    {"0.4", 0, "0"},      {"125", -1, "130"}, {"1.5", -2, "0"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct scalar decimal = read(rows[i].text);
        struct scalar result;
        cr_assert_eq(decimal_rescale(&decimal, rows[i].scale, &result), EXPRESSION_OK);
        cr_assert_str_eq(show(&result), rows[i].result);
    }
    const struct scalar large = read("999999999999");
    struct scalar result;
    cr_assert_eq(decimal_rescale(&large, 10, &result), EXPRESSION_OVERFLOW);
}

Test(decimal, comes_from_floats_by_their_shortest_text)
{
    struct scalar result;
    cr_assert_eq(decimal_of_float(0.1, &result), EXPRESSION_OK);
    cr_assert_str_eq(show(&result), "0.1");
    cr_assert_eq(decimal_of_float(1e-300, &result), EXPRESSION_OK);
    cr_assert_eq(result.integer, 0);
    cr_assert_eq(decimal_of_float(1.2345678901234567e-10, &result), EXPRESSION_OK);
    cr_assert_str_eq(show(&result), "0.000000000123456789");
    cr_assert_eq(decimal_of_float(1e18, &result), EXPRESSION_OVERFLOW);
    cr_assert_eq(decimal_of_float(NAN, &result), EXPRESSION_OVERFLOW);
    cr_assert_eq(decimal_of_float(-123456789012345680.0, &result), EXPRESSION_OK);
    cr_assert_str_eq(show(&result), "-123456789012345680");
}

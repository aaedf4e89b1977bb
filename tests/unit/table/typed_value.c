/* Typed values: strict reading, shortest writing, order, hash. */
#include "table/typed_value.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    enum column_type type;
    const char *text;
    const char *printed; /* NULL: refused */
} texts[] = {
    {COLUMN_INTEGER, "0", "0"},
    {COLUMN_INTEGER, "-9223372036854775808", "-9223372036854775808"},
    {COLUMN_INTEGER, "9223372036854775808", NULL},
    {COLUMN_INTEGER, "000000012345", "12345"},
    {COLUMN_INTEGER, "-007", "-7"},
    {COLUMN_INTEGER, "+5", "5"},
    {COLUMN_INTEGER, "-0", "0"},
    {COLUMN_INTEGER, "000", "0"},
    {COLUMN_INTEGER, "-000", "0"},
    {COLUMN_INTEGER, "00000000000000000000009223372036854775807", "9223372036854775807"},
    {COLUMN_INTEGER, "-00009223372036854775808", "-9223372036854775808"},
    {COLUMN_INTEGER, "00009223372036854775808", NULL},
    {COLUMN_INTEGER, "+-5", NULL},
    {COLUMN_INTEGER, "0-5", NULL},
    {COLUMN_INTEGER, "+", NULL},
    {COLUMN_INTEGER, "-", NULL},
    {COLUMN_INTEGER, "", NULL},
    {COLUMN_INTEGER, " 1", NULL},
    {COLUMN_INTEGER, "1x", NULL},
    {COLUMN_INTEGER, "1.0", NULL},
    {COLUMN_FLOAT, "1", "1"},
    {COLUMN_FLOAT, "-1.50", "-1.5"},
    {COLUMN_FLOAT, "99.99", "99.99"},
    {COLUMN_FLOAT, "0.1", "0.1"},
    {COLUMN_FLOAT, "-0.001", "-0.001"},
    {COLUMN_FLOAT, "52000.75", "52000.75"},
    {COLUMN_FLOAT, "1299.99", "1299.99"},
    {COLUMN_FLOAT, "1e300", "1e+300"},
    {COLUMN_FLOAT, "123456789012", "123456789012"},
    {COLUMN_FLOAT, "0.30000000000000004", "0.30000000000000004"},
    {COLUMN_FLOAT, "inf", "inf"},
    {COLUMN_FLOAT, "5.6843418860808015e-14", "5.684341886080802e-14"}, /* 2^-44 */
    {COLUMN_FLOAT, "-4.94065645841247e-324", "-5e-324"},
    {COLUMN_FLOAT, "1e15", "1000000000000000"},
    {COLUMN_FLOAT, "-0", "-0"},
    {COLUMN_FLOAT, "nan", NULL},
    {COLUMN_FLOAT, "50.00.00", NULL},
    {COLUMN_FLOAT, "", NULL},
    {COLUMN_DATE, "2024-02-29", "2024-02-29"},
    {COLUMN_DATE, "2000-02-29", "2000-02-29"},
    {COLUMN_DATE, "1970-01-01", "1970-01-01"},
    {COLUMN_DATE, "0001-01-01", "0001-01-01"},
    {COLUMN_DATE, "9999-12-31", "9999-12-31"},
    {COLUMN_DATE, "1900-02-29", NULL},
    {COLUMN_DATE, "2023-02-29", NULL},
    {COLUMN_DATE, "2023-04-31", NULL},
    {COLUMN_DATE, "2023-00-10", NULL},
    {COLUMN_DATE, "2023-13-10", NULL},
    {COLUMN_DATE, "2023-01-00", NULL},
    {COLUMN_DATE, "0000-01-01", NULL},
    {COLUMN_DATE, "2023/01/01", NULL},
    {COLUMN_DATE, "23-01-01", NULL},
    {COLUMN_DATE, "2023-1-011", NULL},
    {COLUMN_DATE, "2023-01-01 ", NULL},
    {COLUMN_STRING, "", ""},
    {COLUMN_STRING, "any = thing", "any = thing"},
};

Test(typed_value, is_read_strictly_and_written_shortest)
{
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct typed_value value;
        char scratch[TYPED_VALUE_TEXT_MAX];
        bool is_good = typed_value_parse(texts[i].type, bytes_of_string(texts[i].text), &value);
        cr_assert_eq(is_good, texts[i].printed != NULL, "%s", texts[i].text);
        if (is_good) {
            struct bytes printed = typed_value_format(texts[i].type, &value, scratch);
            cr_assert(bytes_equal(printed, bytes_of_string(texts[i].printed)), "%s: %.*s", texts[i].text, (int)printed.len,
                      printed.data);
        }
    }
}

Test(typed_value, counts_days_as_the_calendar_does)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t expected = 0;
    cr_assert(date_to_days(1, 1, 1, &expected));
    for (int year = 1; year <= 9999; year++) {
        bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
        for (int month = 1; month <= 12; month++) {
            int count = days[month - 1] + (month == 2 && is_leap);
            for (int day = 1; day <= count; day++, expected++) {
                int64_t got;
                cr_assert(date_to_days(year, month, day, &got));
                cr_assert_eq(got, expected);
            }
            int64_t none;
            cr_assert_not(date_to_days(year, month, count + 1, &none));
        }
    }
}

Test(typed_value, of_any_float_reads_back_as_it_was)
{
    uint64_t state = 17;
    for (int i = 0; i < 300000; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        double number;
        if (i % 2 == 0) {
            memcpy(&number, &state, sizeof number);
        } else {
            number = (double)(int64_t)(state >> 30) / (double)(state % 100000 + 1);
        }
        if (isnan(number)) {
            continue;
        }
        struct typed_value value = {.number = number};
        struct typed_value again;
        char scratch[TYPED_VALUE_TEXT_MAX];
        struct bytes text = typed_value_format(COLUMN_FLOAT, &value, scratch);
        cr_assert(typed_value_parse(COLUMN_FLOAT, text, &again), "%.17g: %.*s", number, (int)text.len, text.data);
        cr_assert_eq(again.number, number, "%.17g: %.*s", number, (int)text.len, text.data);
        cr_assert_leq(text.len, 24);
    }
}

Test(typed_value, hashes_equal_values_alike)
{
    struct hash_secret secret;
    cr_assert(hash_secret_draw(&secret));
    struct typed_value zero = {.number = 0.0};
    struct typed_value minus_zero = {.number = -0.0};
    cr_assert_eq(typed_value_compare(COLUMN_FLOAT, &zero, &minus_zero), 0);
    cr_assert_eq(typed_value_hash(&secret, COLUMN_FLOAT, &zero), typed_value_hash(&secret, COLUMN_FLOAT, &minus_zero));
    struct typed_value a = {.text = BYTES("one\0two")};
    struct typed_value b = {.text = BYTES("one\0twp")};
    cr_assert_lt(typed_value_compare(COLUMN_STRING, &a, &b), 0);
    cr_assert_neq(typed_value_hash(&secret, COLUMN_STRING, &a), typed_value_hash(&secret, COLUMN_STRING, &b));
}

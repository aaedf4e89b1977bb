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
    {COLUMN_BOOLEAN, "true", "true"},
    {COLUMN_BOOLEAN, "FALSE", "false"},
    {COLUMN_BOOLEAN, "1", "true"},
    {COLUMN_BOOLEAN, "0", "false"},
    {COLUMN_BOOLEAN, "2", NULL},
    {COLUMN_BOOLEAN, "yes", NULL},
    {COLUMN_BOOLEAN, "", NULL},
    {COLUMN_DATETIME, "2024-05-01T12:30:00Z", "2024-05-01T12:30:00Z"},
    {COLUMN_DATETIME, "2024-05-01 12:30:00", "2024-05-01T12:30:00Z"},
    {COLUMN_DATETIME, "2024-05-01T12:30:00.250+02:00", "2024-05-01T10:30:00.25Z"},
    {COLUMN_DATETIME, "2024-05-01", "2024-05-01T00:00:00Z"},
    {COLUMN_DATETIME, "0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"},
    {COLUMN_DATETIME, "9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"},
    {COLUMN_DATETIME, "2023-02-29T00:00:00Z", NULL},
    {COLUMN_DATETIME, "2024-05-01T24:00:00Z", NULL},
    {COLUMN_DATETIME, "2024-05-01T12:30:00.1234567Z", NULL},
    {COLUMN_DATETIME, "0001-01-01T00:00:00+01:00", NULL},
    {COLUMN_DATETIME, "", NULL},
    {COLUMN_DECIMAL, "1.5", "1.50"},
    {COLUMN_DECIMAL, "-0.07", "-0.07"},
    {COLUMN_DECIMAL, "+12", "12.00"},
    {COLUMN_DECIMAL, "-0", "0.00"},
    {COLUMN_DECIMAL, "12e2", "1200.00"},
    {COLUMN_DECIMAL, "1.2300000", "1.23"},
    {COLUMN_DECIMAL, "99999999.99", "99999999.99"},
    {COLUMN_DECIMAL, "-99999999.99", "-99999999.99"},
    {COLUMN_DECIMAL, "100000000", NULL},
    {COLUMN_DECIMAL, "1.234", NULL},
    {COLUMN_DECIMAL, "1e40", NULL},
    {COLUMN_DECIMAL, "1234567890123456789", NULL},
    {COLUMN_DECIMAL, "1.2.3", NULL},
    {COLUMN_DECIMAL, ".", NULL},
    {COLUMN_DECIMAL, "", NULL},
    {COLUMN_BLOB, "\xff\x01", "\xff\x01"},
    {COLUMN_UUID, "550E8400-E29B-41D4-A716-446655440000", "550e8400-e29b-41d4-a716-446655440000"},
    {COLUMN_UUID, "550e8400e29b41d4a716446655440000", "550e8400-e29b-41d4-a716-446655440000"},
    {COLUMN_UUID, "550e8400-e29b-41d4-a716-44665544000g", NULL},
    {COLUMN_UUID, "550e8400-e29b-41d4-a716-44665544000", NULL},
    {COLUMN_UUID, "", NULL},
    {COLUMN_JSON, " {\"a\": [1, null]} ", " {\"a\": [1, null]} "},
    {COLUMN_JSON, "{\"a\":", NULL},
    {COLUMN_JSON, "", NULL},
    {COLUMN_STRING, "", ""},
    {COLUMN_STRING, "any = thing", "any = thing"},
};

/* Decimals have ten digits here, two of them behind the point. */
static struct column_form form_of(enum column_type type)
{
    return (struct column_form){.type = (uint8_t)type, .digits = type == COLUMN_DECIMAL ? 10 : 0, .scale = type == COLUMN_DECIMAL ? 2 : 0};
}

Test(typed_value, is_read_strictly_and_written_shortest)
{
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct typed_value value;
        char scratch[TYPED_VALUE_TEXT_MAX];
        bool is_good = typed_value_parse(form_of(texts[i].type), bytes_of_string(texts[i].text), &value);
        cr_assert_eq(is_good, texts[i].printed != NULL, "%s", texts[i].text);
        if (is_good) {
            struct bytes printed = typed_value_format(form_of(texts[i].type), &value, scratch);
            cr_assert(bytes_equal(printed, bytes_of_string(texts[i].printed)), "%s: %.*s", texts[i].text, (int)printed.len,
                      printed.data);
            struct typed_value again;
            cr_assert(typed_value_is_valid(form_of(texts[i].type), &value), "%s", texts[i].text);
            cr_assert(typed_value_parse(form_of(texts[i].type), printed, &again));
            cr_assert_eq(typed_value_compare(texts[i].type, &value, &again), 0, "%s", texts[i].text);
        }
    }
}

static const struct {
    const char *word, *shown; /* NULL: refused */
    enum column_form_found found;
} forms[] = {
    {"Integer", "integer", COLUMN_FORM_FOUND},
    {"datetime", "datetime", COLUMN_FORM_FOUND},
    {"decimal", "decimal(18,6)", COLUMN_FORM_FOUND},
    {"DECIMAL(10,2)", "decimal(10,2)", COLUMN_FORM_FOUND},
    {"decimal(10)", "decimal(10,0)", COLUMN_FORM_FOUND},
    {"decimal(18,18)", "decimal(18,18)", COLUMN_FORM_FOUND},
    {"decimal(19,2)", NULL, COLUMN_FORM_BAD_DIGITS},
    {"decimal(0)", NULL, COLUMN_FORM_BAD_DIGITS},
    {"decimal(2,3)", NULL, COLUMN_FORM_BAD_DIGITS},
    {"decimal(2,-1)", NULL, COLUMN_FORM_BAD_DIGITS},
    {"decimal()", NULL, COLUMN_FORM_BAD_DIGITS},
    {"decimal(", NULL, COLUMN_FORM_BAD_DIGITS},
    {"decimal(4,2", NULL, COLUMN_FORM_BAD_DIGITS},
    {"decimal(4,2,1)", NULL, COLUMN_FORM_BAD_DIGITS},
    {"decimal(18446744073709551617)", NULL, COLUMN_FORM_BAD_DIGITS},
    {"integer(4)", NULL, COLUMN_FORM_UNKNOWN},
    {"int", NULL, COLUMN_FORM_UNKNOWN},
    {"", NULL, COLUMN_FORM_UNKNOWN},
};

Test(typed_value, forms_are_read_and_written)
{
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        struct column_form form;
        char scratch[COLUMN_FORM_TEXT_MAX];
        const enum column_form_found found = column_form_parse(bytes_of_string(forms[i].word), &form);
        cr_assert_eq(found, forms[i].found, "%s", forms[i].word);
        if (found == COLUMN_FORM_FOUND) {
            cr_assert(column_form_is_valid(form));
            cr_assert(bytes_equal(column_form_text(form, scratch), bytes_of_string(forms[i].shown)), "%s", forms[i].word);
        }
    }
}

Test(typed_value, that_no_text_gives_is_not_valid)
{
    const struct {
        enum column_type type;
        struct typed_value value;
    } bad[] = {
        {COLUMN_FLOAT, {.number = NAN}},
        {COLUMN_DATE, {.integer = -719163}},
        {COLUMN_DATE, {.integer = 2932897}},
        {COLUMN_BOOLEAN, {.integer = 2}},
        {COLUMN_BOOLEAN, {.integer = -1}},
        {COLUMN_DATETIME, {.integer = INT64_MAX}},
        {COLUMN_DATETIME, {.integer = INT64_MIN}},
        {COLUMN_DECIMAL, {.integer = 10000000000}},
        {COLUMN_DECIMAL, {.integer = -10000000000}},
        {COLUMN_UUID, {.text = BYTES("fifteen bytes..")}},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert_not(typed_value_is_valid(form_of(bad[i].type), &bad[i].value), "%zu", i);
    }
    const struct typed_value most = {.integer = 999999999999999999};
    cr_assert(typed_value_is_valid((struct column_form){COLUMN_DECIMAL, 18, 6}, &most));
}

Test(typed_value, of_a_uuid_is_the_same_from_text_and_from_a_row)
{
    struct hash_secret secret;
    struct typed_value read;
    cr_assert(hash_secret_draw(&secret));
    cr_assert(typed_value_parse(form_of(COLUMN_UUID), BYTES("00112233-4455-6677-8899-aabbccddeeff"), &read));
    const struct typed_value copy = read;
    const struct typed_value kept = {.text = typed_value_text(&read)};
    cr_assert_eq(typed_value_compare(COLUMN_UUID, &copy, &kept), 0);
    cr_assert_eq(typed_value_hash(&secret, COLUMN_UUID, &copy), typed_value_hash(&secret, COLUMN_UUID, &kept));
    char scratch[TYPED_VALUE_TEXT_MAX];
    cr_assert(bytes_equal(typed_value_format(form_of(COLUMN_UUID), &kept, scratch), BYTES("00112233-4455-6677-8899-aabbccddeeff")));
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
        struct bytes text = typed_value_format(form_of(COLUMN_FLOAT), &value, scratch);
        cr_assert(typed_value_parse(form_of(COLUMN_FLOAT), text, &again), "%.17g: %.*s", number, (int)text.len, text.data);
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

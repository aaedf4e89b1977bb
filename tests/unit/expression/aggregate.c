/* Aggregates: results, parts that are merged, DISTINCT, and memory that is counted and refused. */
#include "expression/aggregate.h"

#include "expression/compare.h"
#include "expression/scalar_text.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static struct arena arena;
static struct hash_secret secret;

static void begin(void)
{
    arena_init(&arena, MEM_CLIENT, 64 << 20);
    cr_assert(hash_secret_draw(&secret));
}

static void end(void)
{
    arena_release(&arena);
}

TestSuite(aggregate, .init = begin, .fini = end);

static const struct {
    enum aggregate_kind kind;
    bool is_distinct;
    enum scalar_type type;
    const char *values[8]; /* "null" is null */
    const char *result;    /* "!" overflow */
} rows[] = {
    {AGGREGATE_COUNT, false, SCALAR_INTEGER, {"1", "null", "1"}, "2"},
    {AGGREGATE_COUNT, true, SCALAR_INTEGER, {"1", "null", "1", "2"}, "2"},
    {AGGREGATE_COUNT, false, SCALAR_INTEGER, {"null"}, "0"},
    {AGGREGATE_COUNT, true, SCALAR_STRING, {"a", "b", "a", "", ""}, "3"},
    {AGGREGATE_COUNT, true, SCALAR_DECIMAL, {"1.0", "1.00", "1"}, "1"},
    {AGGREGATE_COUNT, true, SCALAR_NUMBER, {"1", "1.0", "0.5", "5e-1"}, "2"},
    {AGGREGATE_SUM, false, SCALAR_INTEGER, {"1", "2", "null"}, "3"},
    {AGGREGATE_SUM, false, SCALAR_INTEGER, {"null"}, "null"},
    {AGGREGATE_SUM, false, SCALAR_INTEGER, {"9223372036854775807", "1"}, "!"},
    {AGGREGATE_SUM, false, SCALAR_INTEGER, {"9223372036854775807", "1", "-1"}, "9223372036854775807"},
    {AGGREGATE_SUM, true, SCALAR_INTEGER, {"5", "5", "6"}, "11"},
    {AGGREGATE_SUM, false, SCALAR_DECIMAL, {"0.1", "0.25", "-0.05"}, "0.30"},
    {AGGREGATE_SUM, false, SCALAR_DECIMAL, {"999999999999999999", "1"}, "!"},
    {AGGREGATE_SUM, false, SCALAR_FLOAT, {"1e16", "1", "-1e16"}, "1"},
    {AGGREGATE_SUM, false, SCALAR_FLOAT, {"1e308", "1e308"}, "!"},
    {AGGREGATE_SUM, false, SCALAR_NUMBER, {"1", "0.5"}, "1.5"},
    {AGGREGATE_AVG, false, SCALAR_INTEGER, {"1", "2", "null"}, "1.5"},
    {AGGREGATE_AVG, false, SCALAR_INTEGER, {"9223372036854775807", "9223372036854775807"}, "9.223372036854776e+18"},
    {AGGREGATE_AVG, false, SCALAR_DECIMAL, {"1.00", "0.01"}, "0.505000"},
    {AGGREGATE_AVG, false, SCALAR_FLOAT, {"null"}, "null"},
    {AGGREGATE_MIN, false, SCALAR_STRING, {"b", "a", "null", "c"}, "a"},
    {AGGREGATE_MAX, true, SCALAR_STRING, {"b", "a", "", "ccc"}, "ccc"},
    {AGGREGATE_MAX, false, SCALAR_DATE, {"2024-01-01", "2023-01-01"}, "2024-01-01"},
    {AGGREGATE_MIN, false, SCALAR_INTEGER, {"null"}, "null"},
};

static struct scalar read(enum scalar_type type, const char *text)
{
    struct scalar value = scalar_null();
    if (strcmp(text, "null") != 0) {
        cr_assert_eq(scalar_parse(type, bytes_of_string(text), &arena, &value), EXPRESSION_OK, "%s", text);
    }
    return value;
}

static void check_result(const struct aggregate *aggregate, const char *expected)
{
    char scratch[SCALAR_TEXT_MAX];
    struct scalar value;
    const enum expression_result result = aggregate_finish(aggregate, &value);
    if (*expected == '!') {
        cr_assert_eq(result, EXPRESSION_OVERFLOW);
        return;
    }
    cr_assert_eq(result, EXPRESSION_OK);
    const struct bytes shown = value.type == SCALAR_NULL ? BYTES("null") : scalar_format(&value, scratch);
    cr_assert(bytes_equal(shown, bytes_of_string(expected)), "%.*s, not %s", (int)shown.len, shown.data, expected);
}

Test(aggregate, computes_in_one_part_or_two)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct aggregate whole;
        struct aggregate parts[2];
        aggregate_begin(&whole, rows[i].kind, rows[i].is_distinct, &arena, &secret);
        aggregate_begin(&parts[0], rows[i].kind, rows[i].is_distinct, &arena, &secret);
        aggregate_begin(&parts[1], rows[i].kind, rows[i].is_distinct, &arena, &secret);
        for (size_t at = 0; at < 8 && rows[i].values[at] != NULL; at++) {
            const struct scalar value = read(rows[i].type, rows[i].values[at]);
            cr_assert_eq(aggregate_add(&whole, &value), EXPRESSION_OK);
            cr_assert_eq(aggregate_add(&parts[at % 2], &value), EXPRESSION_OK);
        }
        check_result(&whole, rows[i].result);
        cr_assert_eq(aggregate_merge(&parts[0], &parts[1]), EXPRESSION_OK);
        check_result(&parts[0], rows[i].result);
    }
}

Test(aggregate, copies_the_texts_that_it_keeps)
{
    struct aggregate least;
    struct aggregate distinct;
    aggregate_begin(&least, AGGREGATE_MIN, false, &arena, &secret);
    aggregate_begin(&distinct, AGGREGATE_COUNT, true, &arena, &secret);
    for (int i = 5000; i-- > 0;) {
        char text[300];
        const int len = sprintf(text, "%05d%*s", i, i % 200, "");
        const struct scalar value = scalar_bytes(SCALAR_STRING, (struct bytes){text, (size_t)len});
        cr_assert_eq(aggregate_add(&least, &value), EXPRESSION_OK);
        cr_assert_eq(aggregate_add(&distinct, &value), EXPRESSION_OK);
        cr_assert_eq(aggregate_add(&distinct, &value), EXPRESSION_OK);
    }
    check_result(&least, "00000");
    check_result(&distinct, "5000");
}

Test(aggregate, is_refused_when_its_memory_ends)
{
    struct arena small;
    struct aggregate distinct;
    enum expression_result result = EXPRESSION_OK;
    arena_init(&small, MEM_CLIENT, 100000);
    aggregate_begin(&distinct, AGGREGATE_COUNT, true, &small, &secret);
    int64_t added = 0;
    for (; result == EXPRESSION_OK && added < 1000000; added++) {
        const struct scalar value = scalar_integer(added);
        result = aggregate_add(&distinct, &value);
    }
    cr_assert_eq(result, EXPRESSION_NO_MEMORY);
    cr_assert(added > 500 && small.used_bytes <= 100000, "%ld", (long)added);
    arena_release(&small);
}

Test(aggregate, knows_the_types_of_its_results)
{
    enum aggregate_kind kind;
    cr_assert(aggregate_kind_find(BYTES("Avg"), &kind) && kind == AGGREGATE_AVG);
    cr_assert(!aggregate_kind_find(BYTES("median"), &kind));
    cr_assert_eq(aggregate_result_type(AGGREGATE_SUM, SCALAR_STRING), SCALAR_UNKNOWN);
    cr_assert_eq(aggregate_result_type(AGGREGATE_AVG, SCALAR_INTEGER), SCALAR_FLOAT);
    cr_assert_eq(aggregate_result_type(AGGREGATE_AVG, SCALAR_DECIMAL), SCALAR_DECIMAL);
    cr_assert_eq(aggregate_result_type(AGGREGATE_MAX, SCALAR_UUID), SCALAR_UUID);
    cr_assert_eq(aggregate_result_type(AGGREGATE_COUNT, SCALAR_JSON), SCALAR_INTEGER);
}

/* Values of all kinds of numbers: the order is one order, and equal ones hash alike. */
Test(aggregate, numbers_of_all_types_have_one_order_and_hash)
{
    static const struct {
        enum scalar_type type;
        const char *text;
    } ascending[] = {
        {SCALAR_FLOAT, "-inf"},
        {SCALAR_FLOAT, "-9223372036854775809e3"},
        {SCALAR_INTEGER, "-9223372036854775808"},
        {SCALAR_INTEGER, "-9007199254740993"},
        {SCALAR_FLOAT, "-9007199254740992"},
        {SCALAR_DECIMAL, "-0.000000000000000001"},
        {SCALAR_FLOAT, "-1e-300"},
        {SCALAR_INTEGER, "0"},
        {SCALAR_FLOAT, "5e-324"},
        {SCALAR_DECIMAL, "0.1"},
        {SCALAR_FLOAT, "0.1"},
        {SCALAR_DECIMAL, "0.100000000000000006"},
        {SCALAR_DECIMAL, "0.5"},
        {SCALAR_INTEGER, "1"},
        {SCALAR_FLOAT, "1.5"},
        {SCALAR_FLOAT, "9007199254740992"},
        {SCALAR_INTEGER, "9007199254740993"},
        {SCALAR_FLOAT, "9007199254740994"},
        {SCALAR_DECIMAL, "999999999999999999"},
        {SCALAR_FLOAT, "1e18"},
        {SCALAR_INTEGER, "9223372036854775807"},
        {SCALAR_FLOAT, "9223372036854775808"},
        {SCALAR_FLOAT, "inf"},
    };
    enum { COUNT = sizeof ascending / sizeof ascending[0] };
    for (int i = 0; i < COUNT; i++) {
        for (int j = 0; j < COUNT; j++) {
            const struct scalar a = read(ascending[i].type, ascending[i].text);
            const struct scalar b = read(ascending[j].type, ascending[j].text);
            const int order = scalar_compare(&a, &b);
            cr_assert_eq((order > 0) - (order < 0), (i > j) - (i < j), "%s, %s", ascending[i].text, ascending[j].text);
        }
    }
    static const char *const fives[] = {"5", "0.5"};
    for (int i = 0; i < 2; i++) {
        const struct scalar number = read(SCALAR_NUMBER, fives[i]);
        const struct scalar decimal = read(SCALAR_DECIMAL, fives[i]);
        const struct scalar floating = read(SCALAR_FLOAT, fives[i]);
        cr_assert_eq(scalar_hash(&secret, &number), scalar_hash(&secret, &decimal));
        cr_assert_eq(scalar_hash(&secret, &floating), scalar_hash(&secret, &decimal));
    }
}

/* bytes.c - comparing runs of bytes.  */
#include "base/bytes.h"

#include <criterion/criterion.h>

static int sign(int n)
{
    return (n > 0) - (n < 0);
}

Test(bytes, compare_orders_as_memcmp_with_the_shorter_first)
{
    static const struct {
        struct bytes a, b;
        int order;
    } rows[] = {
        {BYTES(""), BYTES(""), 0},      {BYTES(""), BYTES("a"), -1},    {BYTES("a"), BYTES("a"), 0},
        {BYTES("a"), BYTES("ab"), -1},  {BYTES("b"), BYTES("ab"), 1},   {BYTES("a\0"), BYTES("a"), 1},
        {BYTES("\xff"), BYTES("a"), 1}, {BYTES("a\0b"), BYTES("a\0c"), -1},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        cr_expect_eq(sign(bytes_compare(rows[i].a, rows[i].b)), rows[i].order, "row %zu", i);
        cr_expect_eq(sign(bytes_compare(rows[i].b, rows[i].a)), -rows[i].order, "row %zu, swapped", i);
        cr_expect_eq(bytes_equal(rows[i].a, rows[i].b), rows[i].order == 0, "row %zu", i);
    }
    cr_expect(bytes_equal((struct bytes){NULL, 0}, BYTES("")));
    cr_expect_eq(bytes_compare((struct bytes){NULL, 0}, BYTES("")), 0);
}

Test(bytes, equal_ignore_case_folds_ascii_letters_only)
{
    static const struct {
        struct bytes a, b;
        bool is_equal;
    } rows[] = {
        {BYTES("get"), BYTES("GeT"), true},    {BYTES("get"), BYTES("gets"), false}, {BYTES("@"), BYTES("`"), false},
        {BYTES("["), BYTES("{"), false},       {BYTES("\xc4"), BYTES("\xe4"), false}, {BYTES(""), BYTES(""), true},
        {BYTES("a\0B"), BYTES("A\0b"), true}, {BYTES("a\0b"), BYTES("a\0c"), false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        cr_expect_eq(bytes_equal_ignore_case(rows[i].a, rows[i].b), rows[i].is_equal, "row %zu", i);
    }
}

/* prefix_table.c - prefixes of names, and sums that stay exact when rows are merged.  */
#include "cmd/memory/prefix_table.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define TEXT(text) {text, sizeof(text) - 1}

static const struct {
    struct bytes name, delimiter;
    uint32_t depth;
    struct bytes prefix;
} names[] = {
    {TEXT("a:b:c"), TEXT(":"), 1, TEXT("a:")},   {TEXT("a:b:c"), TEXT(":"), 2, TEXT("a:b:")},
    {TEXT("a:b:c"), TEXT(":"), 9, TEXT("a:b:")}, {TEXT("abc"), TEXT(":"), 1, TEXT("")},
    {TEXT(""), TEXT(":"), 1, TEXT("")},          {TEXT(":::"), TEXT(":"), 2, TEXT("::")},
    {TEXT("a--b-c"), TEXT("--"), 2, TEXT("a--")}, {TEXT("a-"), TEXT("--"), 1, TEXT("")},
    {TEXT("a\0:b"), TEXT("\0"), 1, TEXT("a\0")},
};

Test(prefix_table, cuts_names_at_delimiters)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        cr_assert(bytes_equal(prefix_of(names[i].name, names[i].delimiter, names[i].depth), names[i].prefix), "row %zu", i);
    }
    char text[PREFIX_NAME_MAX + 2];
    memset(text, 'x', sizeof text);
    text[PREFIX_NAME_MAX - 1] = ':';
    text[PREFIX_NAME_MAX] = ':';
    cr_assert_eq(prefix_of((struct bytes){text, sizeof text}, BYTES(":"), 2).len, PREFIX_NAME_MAX);
}

static struct prefix_table *make(struct hash_secret *secret)
{
    cr_assert(hash_secret_draw(secret));
    struct prefix_table *table = prefix_table_create(secret);
    cr_assert_not_null(table);
    return table;
}

Test(prefix_table, sorts_the_biggest_to_the_front)
{
    struct hash_secret secret;
    struct prefix_table *table = make(&secret);
    for (unsigned i = 0; i < 5000; i++) {
        char name[32];
        const int len = snprintf(name, sizeof name, "%u:", i * 7919u % 5000u);
        prefix_table_add(table, (struct bytes){name, (size_t)len}, i * 7919u % 5000u / 2);
        prefix_table_add(table, (struct bytes){name, (size_t)len}, 1);
    }
    const struct prefix_row *rows;
    struct prefix_row other;
    bool is_exact;
    cr_assert_eq(prefix_table_finish(table, 100, &rows, &other, &is_exact), 100);
    cr_assert(is_exact);
    uint64_t keys = other.keys, bytes = other.bytes, all = 0;
    for (unsigned i = 0; i < 5000; i++) {
        all += i / 2 + 1;
    }
    for (unsigned i = 0; i < 100; i++) {
        cr_assert_eq(rows[i].bytes, (4999 - i) / 2 + 1);
        cr_assert_eq(rows[i].keys, 2);
        keys += rows[i].keys;
        bytes += rows[i].bytes;
    }
    cr_assert_eq(keys, 10000);
    cr_assert_eq(bytes, all);
    prefix_table_destroy(table);
}

Test(prefix_table, keeps_sums_exact_when_it_is_thinned_out_or_overrun)
{
    struct hash_secret secret;
    struct prefix_table *table = make(&secret);
    uint64_t all = 0;
    for (unsigned i = 0; i < 60000; i++) {
        char name[32];
        const int len = snprintf(name, sizeof name, "%u:", i);
        const uint64_t bytes = i % 997 == 0 ? 1000000 : i % 13;
        all += bytes;
        prefix_table_add(table, (struct bytes){name, (size_t)len}, bytes);
        if (i < 40000 && prefix_table_is_full(table)) { /* then it overruns */
            prefix_table_thin_out(table);
            cr_assert_not(prefix_table_is_full(table));
        }
    }
    const struct prefix_row *rows;
    struct prefix_row other;
    bool is_exact;
    const uint32_t count = prefix_table_finish(table, 1000, &rows, &other, &is_exact);
    cr_assert_eq(count, 1000);
    cr_assert_not(is_exact);
    uint64_t keys = other.keys, bytes = other.bytes;
    for (unsigned i = 0; i < count; i++) {
        keys += rows[i].keys;
        bytes += rows[i].bytes;
    }
    cr_assert_eq(keys, 60000);
    cr_assert_eq(bytes, all);
    for (unsigned i = 0; i < 40; i++) {
        cr_assert_eq(rows[i].bytes, 1000000);
    }
    prefix_table_destroy(table);
    prefix_table_destroy(NULL);
}

/* The first rows of an order by an ordered index, against all rows put in order: which rows come, when the index is followed, what is the rest. */
#include "query/gather.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 3000, KEYS = 3, ROUNDS = 400 };

static struct heap *heap;
static struct hash_secret secret;
static struct schema *schema;
static struct table_slice *slice;
static uint64_t state = 1;

/* A column without nulls and with few equal values, one with both, one of texts, and one without an index. */
static const char *const columns[] = {"n:integer:btree", "k:integer:btree", "s:string:btree", "p:integer"};
static struct typed_value values[ROWS][4];
static char texts[ROWS][24];
static bool is_there[ROWS];

static uint64_t next_random(void)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return state >> 33;
}

static void setup(void)
{
    struct schema_draft draft = {0};
    heap = heap_create();
    cr_assert(hash_secret_draw(&secret));
    for (int i = 0; i < 4; i++) {
        cr_assert_eq(schema_draft_add(&draft, bytes_of_string(columns[i]), NULL), TABLE_OK);
    }
    schema = schema_create(heap, &draft);
    slice = slice_create(heap, &secret, schema);
    for (uint32_t i = 0; i < ROWS; i++) {
        const int len = snprintf(texts[i], sizeof texts[i], "text%lu", (unsigned long)(next_random() % 700));
        values[i][0] = (struct typed_value){.integer = (int64_t)(next_random() % 100000) - 50000};
        values[i][1] = (struct typed_value){.integer = (int64_t)(next_random() % 40), .is_null = next_random() % 5 == 0};
        values[i][2] = (struct typed_value){.text = {texts[i], (size_t)len}, .is_null = i % 11 == 0};
        values[i][3] = (struct typed_value){.integer = (int64_t)(next_random() % 1000)};
        cr_assert_eq(slice_insert(slice, schema, i + 1, values[i]), TABLE_OK);
        is_there[i] = true;
    }
    for (int i = 0; i < ROWS / 8; i++) { /* pages that are no longer full */
        const uint32_t at = (uint32_t)(next_random() % ROWS);
        if (is_there[at]) {
            slice_delete(slice, schema, slice_find_row(slice, at + 1));
            is_there[at] = false;
        }
    }
}

static void teardown(void)
{
    const bool is_gone = slice_free(slice, SIZE_MAX);
    cr_assert(is_gone);
    schema_destroy(heap, schema);
    cr_assert_eq(mem_counters_total(heap_counters(heap)), 0);
    heap_destroy(heap);
}

TestSuite(order, .init = setup, .fini = teardown);

/* --- the naive way --- */

static struct row_order order;
static uint32_t order_column;

/* <0, 0, >0: by the column alone. */
static int compare_rows(uint32_t a, uint32_t b)
{
    const struct typed_value *left = &values[a][order_column];
    const struct typed_value *right = &values[b][order_column];
    if (left->is_null || right->is_null) {
        const int nulls = (int)left->is_null - (int)right->is_null;
        return order.nulls_last ? nulls : -nulls;
    }
    const int compared = typed_value_compare((enum column_type)schema->columns[order_column].type, left, right);
    return order.is_descending ? -compared : compared;
}

static int compare_for_sort(const void *a, const void *b)
{
    return compare_rows(*(const uint32_t *)a, *(const uint32_t *)b);
}

static void read_where(struct where *where, const char *line)
{
    static char copy[256];
    static struct bytes words[32];
    static char memory[1 << 14] __attribute__((aligned(16)));
    uint32_t count = 0;
    uint32_t used;
    struct table_fault fault;
    snprintf(copy, sizeof copy, "%s", line);
    for (char *word = strtok(copy, " "); word != NULL; word = strtok(NULL, " ")) {
        words[count++] = bytes_of_string(word);
    }
    const struct where_source source = {.schema = schema, .words = words, .count = count};
    *where = (struct where){0};
    cr_assert(count == 0 || where_parse(where, &source, memory, &used, &fault) == TABLE_OK, "%s", line);
}

/* Each row that comes matches and comes once; of those that match, each that is not behind the last wanted one comes. */
static void compare(struct gather *gather, const struct where *where)
{
    static bool is_found[ROWS];
    static uint32_t wanted[ROWS];
    uint32_t rows[GATHER_ROWS];
    uint32_t count = 0;
    memset(is_found, 0, sizeof is_found);
    while (!gather->is_done) {
        const uint32_t found = gather_step(gather, rows);
        for (uint32_t i = 0; i < found; i++) {
            const uint64_t id = slice_row_id(slice, rows[i]);
            cr_assert_not(is_found[id - 1], "row %lu twice", (unsigned long)id);
            is_found[id - 1] = true;
        }
    }
    for (uint32_t i = 0; i < ROWS; i++) {
        const uint32_t row = is_there[i] ? slice_find_row(slice, i + 1) : ROW_NONE;
        const bool matches = is_there[i] && filter_row(where, slice_page_of(slice, row), row_slot(row));
        cr_assert(matches || !is_found[i], "row %u does not match", i + 1);
        if (matches) {
            wanted[count++] = i;
        }
    }
    qsort(wanted, count, sizeof wanted[0], compare_for_sort);
    for (uint32_t i = 0; i < count; i++) {
        const bool is_wanted = i < order.wanted || compare_rows(wanted[i], wanted[order.wanted - 1]) == 0;
        cr_assert(!is_wanted || is_found[wanted[i]], "row %u is missing", wanted[i] + 1);
    }
}

static void begin(struct gather *gather, const char *line, struct where *where)
{
    read_where(where, line);
    gather_begin(gather, slice, schema, where);
    order.cells = schema->columns[order_column].slot;
    gather_in_order(gather, &order);
}

Test(order, finds_the_first_rows_of_all_that_match)
{
    static const char *const lines[] = {"", "p<500", "p<30", "p=7", "p<0", "n>0", "n>=-700 AND n<700", "k=3", "k>30 AND p<100", "k>100",
                                        "k IS NULL", "s<text3", "s LIKE text1%", "p<500 OR k=3", "s=text42", "n<-49000 AND k<20"};
    uint32_t walks = 0;
    uint32_t rests = 0;
    for (int round = 0; round < ROUNDS; round++) {
        static const uint64_t limits[] = {1, 3, 10, 100, 600, 10000};
        struct gather gather;
        struct where where;
        order_column = (uint32_t)(next_random() % KEYS);
        order.is_descending = next_random() % 2 == 0;
        order.nulls_last = next_random() % 3 > 0;
        order.wanted = limits[next_random() % 6];
        begin(&gather, lines[next_random() % (sizeof lines / sizeof lines[0])], &where);
        walks += gather.is_walking;
        compare(&gather, &where);
        rests += gather.is_rest;
    }
    cr_assert(walks > ROUNDS / 10 && rests > ROUNDS / 40, "%u walks, of which %u left a rest", walks, rests);
}

static void expect_walk(const char *line, bool is_walking, uint64_t rows)
{
    struct gather gather;
    struct where where;
    begin(&gather, line, &where);
    cr_assert_eq(gather.is_walking, is_walking, "%s", line);
    cr_assert(!is_walking || gather.access.range.end - gather.access.range.first == rows, "%s: %lu rows", line,
              (unsigned long)(gather.access.range.end - gather.access.range.first));
}

Test(order, follows_the_index_where_that_is_less)
{
    order_column = 0;
    order = (struct row_order){.wanted = 1, .is_descending = true};
    struct gather gather;
    struct where where;
    uint32_t rows[GATHER_ROWS];
    begin(&gather, "", &where);
    cr_assert(gather.is_walking);
    cr_assert_eq(gather.examined, slice->row_count, "what is examined is what a scan would have looked at");
    cr_assert_eq(gather_step(&gather, rows), gather.access.range.end - gather.access.range.first);
    cr_assert(gather.is_done && !gather.is_rest);
    expect_walk("p<500", true, slice->indexes[0].ordered.count);
    begin(&gather, "n>200000", &where);
    cr_assert(gather.is_done, "the range is empty");
    order.wanted = 600; /* more than WALK_ROWS_MIN and the share of so few rows */
    expect_walk("", false, 0);
    order_column = 1;
    order = (struct row_order){.wanted = 10};
    expect_walk("", false, 0); /* nulls come first */
    expect_walk("p=3", false, 0);
    order.nulls_last = true;
    expect_walk("p=3", true, slice->indexes[1].ordered.count);
    order_column = 3;
    expect_walk("", false, 0); /* no index */
    order_column = 0;
    expect_walk("k=3 AND s=text5", false, 0); /* another index has fewer rows */
}

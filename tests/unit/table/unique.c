/* Unique columns: whether a value is taken, and whether one is there twice, against a naive look at all rows of all slices. */
#include "table/unique.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHARDS = 3, ROWS = 1500, COLUMNS = 5, VALUES = 600, ROUNDS = 4000, HASHED = 1000000 };

/* The first one routes; the last one has no index of its own. */
static const char *const words[COLUMNS] = {"r:integer:unique", "h:string:unique", "b:float:btree:unique", "t:string:btree:unique", "p:date"};

static struct heap *heaps[SHARDS];
static struct hash_secret secret;
static struct table *table;
static char texts[VALUES][32];

static void setup(void)
{
    struct schema_draft draft = {.column_count = 0};
    cr_assert(hash_secret_draw(&secret));
    for (int i = 0; i < SHARDS; i++) {
        heaps[i] = heap_create();
    }
    for (int i = 0; i < COLUMNS; i++) {
        cr_assert_eq(schema_draft_add(&draft, bytes_of_string(words[i]), NULL), TABLE_OK);
    }
    schema_draft_choose_routing(&draft);
    const struct table_place place = {.heaps = heaps, .shard_count = SHARDS, .secret = &secret};
    table = table_create(&place, BYTES("a.b"), &draft);
    cr_assert_not_null(table);
}

static void teardown(void)
{
    table_free_slices(table);
    table_destroy(heaps[0], table);
    for (int i = 0; i < SHARDS; i++) {
        cr_assert_eq(mem_counters_total(heap_counters(heaps[i])), 0);
        heap_destroy(heaps[i]);
    }
}

TestSuite(unique, .init = setup, .fini = teardown);

static struct typed_value value_of(uint32_t column, uint32_t number)
{
    const enum column_type type = (enum column_type)table_schema(table)->columns[column].type;
    snprintf(texts[number], sizeof texts[number], "%*u", number % 2 == 0 ? 1 : 30, number);
    if (column_type_is_text(type)) {
        return (struct typed_value){.text = bytes_of_string(texts[number])};
    }
    return type == COLUMN_FLOAT ? (struct typed_value){.number = number / 4.0} : (struct typed_value){.integer = number};
}

/* Which row has which value: 0, null. */
static uint32_t numbers[ROWS + 1][COLUMNS];
static struct row_at places[ROWS + 1];

static void insert(uint32_t id)
{
    struct typed_value values[COLUMNS];
    for (uint32_t i = 0; i < COLUMNS; i++) {
        values[i] = numbers[id][i] == 0 ? (struct typed_value){.is_null = true} : value_of(i, numbers[id][i]);
    }
    places[id].shard = table_route(table, &secret, &values[0], id);
    struct table_slice *slice = table->slices[places[id].shard];
    cr_assert_eq(slice_insert(slice, table_schema(table), id, values), TABLE_OK);
    places[id].row = slice_find_row(slice, id);
}

/* How many rows have it. */
static uint32_t count(uint32_t column, uint32_t number)
{
    uint32_t rows = 0;
    for (uint32_t id = 1; id <= ROWS; id++) {
        rows += numbers[id][column] == number;
    }
    return rows;
}

static void fill(uint32_t each)
{
    memset(numbers, 0, sizeof numbers);
    for (uint32_t id = 1; id <= ROWS; id++) {
        for (uint32_t i = 0; i < COLUMNS; i++) {
            numbers[id][i] = (uint32_t)rand() % each == 0 && id < VALUES ? id : 0;
        }
        insert(id);
    }
}

Test(unique, is_taken_by_any_row_but_the_one_that_is_excepted)
{
    srand(7);
    fill(2);
    const struct schema *schema = table_schema(table);
    for (int round = 0; round < ROUNDS; round++) {
        const uint32_t column = (uint32_t)rand() % (COLUMNS - 1);
        const uint32_t number = 1 + (uint32_t)rand() % (VALUES - 1);
        const struct typed_value value = value_of(column, number);
        const struct unique_column unique = unique_column_of(schema, &schema->columns[column]);
        const struct row_at none = {.row = ROW_NONE};
        const struct row_at other = places[1 + (uint32_t)rand() % ROWS];
        const bool is_there = count(column, number) > 0;
        const bool is_its_own = other.row == places[number].row && other.shard == places[number].shard;
        cr_assert_eq(unique_is_taken(table, &unique, &value, none), is_there);
        cr_assert_not(unique_is_taken(table, &unique, &value, places[number]), "the row that has it");
        cr_assert_eq(unique_is_taken(table, &unique, &value, other), is_there && !is_its_own);
    }
}

Test(unique, the_first_column_that_is_taken_is_named_and_nulls_are_not)
{
    const struct typed_value null = {.is_null = true};
    struct typed_value values[COLUMNS] = {null, null, null, null, null};
    cr_assert_eq(unique_find_taken(table, values, UNIQUE_ALL_SLICES), COLUMN_NONE);
    cr_assert_not(unique_asks_all(table, values));
    for (uint32_t i = 0; i < COLUMNS; i++) {
        numbers[1][i] = 5;
    }
    insert(1);
    values[4] = value_of(4, 5);
    cr_assert_eq(unique_find_taken(table, values, UNIQUE_ALL_SLICES), COLUMN_NONE, "no unique column");
    for (uint32_t i = COLUMNS - 1; i-- > 0;) {
        values[i] = value_of(i, 5);
        cr_assert_eq(unique_find_taken(table, values, UNIQUE_ALL_SLICES), i);
        cr_assert(unique_asks_all(table, values));
    }
    values[1] = values[2] = values[3] = null;
    cr_assert_not(unique_asks_all(table, values), "the routing column's value is in one shard");
    cr_assert_eq(unique_find_taken(table, values, UNIQUE_OWN_SLICE), 0);
}

/* What a walk over the column finds: UNIQUE_DONE or UNIQUE_REPEATED, and then the value's number. */
static enum unique_status walk_over(uint32_t column, struct typed_value *value)
{
    const struct schema *schema = table_schema(table);
    struct unique_walk walk;
    enum unique_status status;
    unique_walk_begin(&walk, table, unique_column_of(schema, &schema->columns[column]));
    do {
        status = unique_walk_step(&walk);
    } while (status == UNIQUE_MORE);
    if (status == UNIQUE_REPEATED) {
        *value = unique_walk_value(&walk);
    }
    return status;
}

Test(unique, a_walk_finds_the_one_value_that_is_there_twice)
{
    srand(11);
    fill(1);
    const struct schema *schema = table_schema(table);
    for (uint32_t column = 0; column < COLUMNS - 1; column++) {
        struct typed_value value;
        cr_assert_eq(walk_over(column, &value), UNIQUE_DONE);
        for (int round = 0; round < 20; round++) {
            const uint32_t number = 1 + (uint32_t)rand() % (VALUES - 1);
            const struct typed_value repeated = value_of(column, number);
            /* The routing column's rows are where their values say. */
            struct table_slice *slice = table->slices[column == 0 ? table_route(table, &secret, &repeated, 0) : (uint32_t)rand() % SHARDS];
            struct typed_value values[COLUMNS] = {{.is_null = true}, {.is_null = true}, {.is_null = true}, {.is_null = true}, {.is_null = true}};
            values[column] = repeated;
            const uint64_t id = ROWS + 1;
            cr_assert_eq(slice_insert(slice, schema, id, values), TABLE_OK);
            cr_assert_eq(walk_over(column, &value), UNIQUE_REPEATED);
            cr_assert_eq(typed_value_compare((enum column_type)schema->columns[column].type, &value, &repeated), 0);
            slice_delete(slice, schema, slice_find_row(slice, id));
            cr_assert_eq(walk_over(column, &value), UNIQUE_DONE, "a row that was deleted has none");
        }
    }
}

/* --- values that share a hash --- */

struct hashed {
    uint32_t hash, number;
};

static int compare_hashes(const void *a, const void *b)
{
    const struct hashed *left = a;
    const struct hashed *right = b;
    return (left->hash > right->hash) - (left->hash < right->hash);
}

Test(unique, two_values_may_share_a_hash)
{
    static struct hashed hashed[HASHED];
    const struct schema *schema = table_schema(table);
    const struct unique_column unique = unique_column_of(schema, &schema->columns[0]);
    const struct row_at none = {.row = ROW_NONE};
    uint32_t pairs = 0;
    for (uint32_t i = 0; i < HASHED; i++) {
        hashed[i] = (struct hashed){(uint32_t)typed_value_hash(&secret, COLUMN_INTEGER, &(struct typed_value){.integer = i}), i};
    }
    qsort(hashed, HASHED, sizeof hashed[0], compare_hashes);
    for (uint32_t i = 1; i < HASHED; i++) {
        const struct typed_value first = {.integer = hashed[i - 1].number};
        const struct typed_value second = {.integer = hashed[i].number};
        const uint32_t shard = table_route(table, &secret, &first, 0);
        if (hashed[i - 1].hash != hashed[i].hash || table_route(table, &secret, &second, 0) != shard) {
            continue;
        }
        struct typed_value values[COLUMNS] = {first, {.is_null = true}, {.is_null = true}, {.is_null = true}, {.is_null = true}};
        cr_assert_eq(slice_insert(table->slices[shard], schema, ++pairs, values), TABLE_OK);
        cr_assert(unique_is_taken(table, &unique, &first, none));
        cr_assert_not(unique_is_taken(table, &unique, &second, none));
    }
    cr_assert_gt(pairs, 0, "of %d values some share a hash: on average 116 pairs, a third of them on one shard", HASHED);
}

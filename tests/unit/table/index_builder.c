/* Indexes that are built from rows that are there: of both kinds, all types, in one run and in many, with refused memory. What they hold is
 * checked row by row and by walking the nodes. */
#include "table/index_builder.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 4000, TEXT_BYTES = 700 };

static struct heap *heap;
static struct hash_secret secret;
static uint64_t random_state;

static void setup(void)
{
    heap = heap_create();
    cr_assert_not_null(heap);
    cr_assert(hash_secret_draw(&secret));
}

static void teardown(void)
{
    heap_destroy(heap);
}

TestSuite(index_builder, .init = setup, .fini = teardown);

static uint64_t next_random(void)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return random_state >> 20;
}

/* --- values --- */

typedef struct typed_value value_fn(char *text);

static struct typed_value text_value(char *text, size_t len)
{
    return (struct typed_value){.text = {text, len}};
}

static struct typed_value mail_address(char *text)
{
    return text_value(text, (size_t)snprintf(text, TEXT_BYTES, "user%05u@mail.io", (unsigned)(next_random() % 3000)));
}

static struct typed_value one_text(char *text)
{
    return text_value(text, (size_t)snprintf(text, TEXT_BYTES, "the same text in all of the rows"));
}

/* Zeros and ends that windows of seven bytes could mix up. */
static struct typed_value odd_bytes(char *text)
{
    static const char bytes[] = {0, 0, 'a', (char)255};
    const size_t len = next_random() % 20;
    for (size_t i = 0; i < len; i++) {
        text[i] = bytes[next_random() % sizeof bytes];
    }
    return text_value(text, len);
}

/* Each begins with a shorter one: as many levels of stretches as there can be. */
static struct typed_value chain(char *text)
{
    const size_t len = next_random() % 600;
    memset(text, 'x', len);
    text[len] = (char)('w' + next_random() % 3);
    return text_value(text, len + 1);
}

static struct typed_value few_integers(char *text)
{
    (void)text;
    return (struct typed_value){.integer = (int64_t)(next_random() % 7) - 3};
}

static struct typed_value all_integers(char *text)
{
    (void)text;
    return (struct typed_value){.integer = (int64_t)(next_random() << 40 ^ next_random()) >> next_random() % 60};
}

static struct typed_value floats(char *text)
{
    static const double some[] = {0.0, -0.0, HUGE_VAL, -HUGE_VAL, 5e-324, -1.5};
    (void)text;
    return (struct typed_value){.number = next_random() % 3 == 0 ? some[next_random() % 6] : (double)next_random() / 1024 - 1e9};
}

static const struct {
    const char *word;
    value_fn *value;
} columns[] = {
    {"c:string", mail_address}, {"c:string", one_text}, {"c:string", odd_bytes}, {"c:string", chain},
    {"c:integer", few_integers}, {"c:integer", all_integers}, {"c:float", floats}, {"c:date", few_integers},
};
enum { COLUMNS = sizeof columns / sizeof columns[0] };

static struct schema *make_schema(const char *word, enum index_kind kind)
{
    struct schema_draft draft = {0};
    cr_assert_eq(schema_draft_add(&draft, bytes_of_string(word), NULL), TABLE_OK);
    schema_draft_set_index(&draft, 0, kind);
    return schema_create(heap, &draft);
}

/* A slice without indexes; some rows were deleted, some have no value, and pages were joined. */
static struct table_slice *make_slice(const struct schema *schema, value_fn *generate, uint32_t count)
{
    static char text[TEXT_BYTES];
    struct table_slice *slice = slice_create(heap, &secret, schema);
    for (uint32_t id = 1; id <= count; id++) {
        struct typed_value value = generate(text);
        value.is_null = next_random() % 9 == 0;
        cr_assert_eq(slice_insert(slice, schema, id, &value), TABLE_OK);
        if (id % 3 == 0 || (id > count / 2 && id % 5 != 0)) {
            slice_delete(slice, schema, slice_find_row(slice, id));
        }
        if (id % 700 == 0) {
            slice_tidy(slice, schema, SIZE_MAX);
        }
    }
    return slice;
}

static enum build_status build(struct table_slice *slice, const struct schema *schema, uint32_t run_rows)
{
    struct index_builder *builder = index_builder_create(slice, &schema->columns[0], run_rows);
    enum build_status status = BUILD_MORE;
    while (status == BUILD_MORE) {
        status = index_builder_step(builder);
    }
    index_builder_destroy(builder);
    return status;
}

static void drop_index(struct table_slice *slice)
{
    struct column_index taken = slice_take_index(slice, 0);
    cr_assert(column_index_free(&taken, heap, SIZE_MAX));
    cr_assert_eq(heap_counters(heap)->class_bytes[MEM_TABLE_INDEX], 0);
}

static void drop_slice(struct table_slice *slice)
{
    cr_assert(slice_free(slice, SIZE_MAX));
}

static void build_both_kinds(uint32_t rows, uint32_t run_rows)
{
    for (uint32_t i = 0; i < COLUMNS; i++) {
        random_state = i + rows;
        struct schema *plain = make_schema(columns[i].word, INDEX_NONE);
        struct table_slice *slice = make_slice(plain, columns[i].value, rows);
        for (enum index_kind kind = INDEX_HASH; kind <= INDEX_BTREE; kind++) {
            struct schema *indexed = make_schema(columns[i].word, kind);
            cr_assert(slice_add_index(slice, kind, &indexed->columns[0]));
            cr_assert_eq(build(slice, indexed, run_rows == 0 ? index_builder_run_rows(slice) : run_rows), BUILD_DONE);
            cr_assert(slice_is_valid(slice, indexed), "column %u, kind %d", i, (int)kind);
            drop_index(slice);
            schema_destroy(heap, indexed);
        }
        drop_slice(slice);
        schema_destroy(heap, plain);
    }
}

Test(index_builder, fills_indexes_of_both_kinds)
{
    build_both_kinds(ROWS, 0);
    build_both_kinds(300, 0);
    build_both_kinds(3, 0);
    build_both_kinds(0, 0);
}

Test(index_builder, enters_one_run_after_the_other)
{
    build_both_kinds(ROWS, 500);
    build_both_kinds(ROWS, 1);
}

Test(index_builder, gives_up_when_memory_is_refused)
{
    for (uint32_t i = 0; i < COLUMNS; i++) {
        random_state = i + 1;
        struct schema *plain = make_schema(columns[i].word, INDEX_NONE);
        struct table_slice *slice = make_slice(plain, columns[i].value, 2000);
        for (enum index_kind kind = INDEX_HASH; kind <= INDEX_BTREE; kind++) {
            struct schema *indexed = make_schema(columns[i].word, kind);
            int64_t allowed = 0;
            enum build_status status = BUILD_NO_MEMORY;
            while (status == BUILD_NO_MEMORY) {
                cr_assert(slice_add_index(slice, kind, &indexed->columns[0]));
                heap_fail_after(heap, allowed++);
                status = build(slice, indexed, 700);
                heap_fail_after(heap, -1);
                cr_assert(status == BUILD_NO_MEMORY || slice_is_valid(slice, indexed));
                drop_index(slice);
                cr_assert(slice_is_valid(slice, plain));
            }
            cr_assert_gt(allowed, 2);
            schema_destroy(heap, indexed);
        }
        drop_slice(slice);
        schema_destroy(heap, plain);
    }
    cr_assert_eq(mem_counters_total(heap_counters(heap)), 0);
}

/* The order that conditions see: values ascend along the ranks. */
Test(index_builder, sorts_texts_as_conditions_compare_them)
{
    random_state = 77;
    struct schema *plain = make_schema("c:string", INDEX_NONE);
    struct schema *indexed = make_schema("c:string", INDEX_BTREE);
    struct table_slice *slice = make_slice(plain, odd_bytes, ROWS);
    cr_assert(slice_add_index(slice, INDEX_BTREE, &indexed->columns[0]));
    cr_assert_eq(build(slice, indexed, ROWS), BUILD_DONE);
    const struct ordered_index *index = &slice->indexes[0].ordered;
    struct typed_value before = {.is_null = true};
    for (uint64_t rank = 0; rank < index->count; rank++) {
        uint32_t row;
        cr_assert_eq(ordered_index_rows(index, rank, ORDERED_UP, &row, 1), 1);
        const struct typed_value value = slice_value(slice, row, 0);
        cr_assert(before.is_null || bytes_compare(before.text, value.text) <= 0);
        before = value;
    }
    drop_slice(slice);
    schema_destroy(heap, plain);
    schema_destroy(heap, indexed);
}

/* The ordered index against a sorted array: random keys of all types come, change and go; ranks, ranges, both directions, appended
 * leaves, refused memory, and its bytes. */
#include "table/ordered_index.h"

#include "table/slice.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_MAX = 6000, TEXT_BYTES = 340 };

static struct heap *heap;
static struct hash_secret secret = {{1, 2}};
static uint64_t random_state;

/* Rows with one column, the index of which is outside of the slice, and the same in a sorted array. */
static struct table_slice *slice;
static struct schema *schema;
static struct ordered_index tree;
static struct row {
    uint32_t number;
    struct typed_value value;
    char text[TEXT_BYTES];
} rows[ROWS_MAX];
static uint32_t row_count;
static uint32_t model[ROWS_MAX]; /* places in rows[] of the indexed ones, ascending */
static uint32_t model_count;
static bool is_indexed[ROWS_MAX];

static void setup(void)
{
    heap = heap_create();
    cr_assert_not_null(heap);
}

static void teardown(void)
{
    heap_destroy(heap);
}

TestSuite(ordered_index, .init = setup, .fini = teardown);

static uint64_t next_random(void)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return random_state >> 20;
}

/* --- values --- */

typedef void value_fn(struct row *row);

static void set_text(struct row *row, size_t len)
{
    row->value = (struct typed_value){.text = {row->text, len}};
}

static void mail_address(struct row *row)
{
    set_text(row, (size_t)snprintf(row->text, TEXT_BYTES, "user%07u@mail.io", (unsigned)(next_random() % 1000000)));
}

static void few_names(struct row *row)
{
    set_text(row, (size_t)snprintf(row->text, TEXT_BYTES, "name%u", (unsigned)(next_random() % 12)));
}

/* Zeros at the end, empty ones, bytes above 127: all that padded heads could mix up. */
static void odd_bytes(struct row *row)
{
    static const char bytes[] = {0, 'a', 'b', (char)255};
    const size_t len = next_random() % 9;
    for (size_t i = 0; i < len; i++) {
        row->text[i] = bytes[next_random() % sizeof bytes];
    }
    set_text(row, len);
}

/* More in common than a node keeps, and longer than a page does. */
static void long_beginnings(struct row *row)
{
    const size_t common = next_random() % 4 == 0 ? 300 : next_random() % 2 == 0 ? 251 : 130;
    memset(row->text, 'x', common);
    set_text(row, common + (size_t)snprintf(row->text + common, TEXT_BYTES - common, "%u", (unsigned)(next_random() % 400)));
}

static void dense_integers(struct row *row)
{
    row->value = (struct typed_value){.integer = (int64_t)(next_random() % 3000)};
}

static void few_integers(struct row *row)
{
    row->value = (struct typed_value){.integer = (int64_t)(next_random() % 5) - 2};
}

static void all_integers(struct row *row)
{
    const int64_t extremes[] = {INT64_MIN, INT64_MAX, 0, -1, INT64_MIN + 1};
    const int64_t number = (int64_t)(next_random() << 40 ^ next_random());
    row->value = (struct typed_value){.integer = next_random() % 8 == 0 ? extremes[next_random() % 5] : number >> next_random() % 60};
}

static void booleans(struct row *row)
{
    row->value = (struct typed_value){.integer = (int64_t)(next_random() % 2)};
}

/* As they come from rows, and as they come from words. */
static void uuids(struct row *row)
{
    memset(row->text, 0, UUID_BYTES);
    row->text[next_random() % UUID_BYTES] = (char)(next_random() % 3);
    set_text(row, UUID_BYTES);
    if (next_random() % 2 == 0) {
        row->value.is_uuid_read = true;
        memcpy(row->value.uuid, row->text, UUID_BYTES);
    }
}

static void floats(struct row *row)
{
    const double some[] = {0.0, -0.0, HUGE_VAL, -HUGE_VAL, 5e-324, -5e-324, 1e308, 0.1};
    const double number = ((double)(next_random() % 100000) - 50000) / 64;
    row->value = (struct typed_value){.number = next_random() % 4 == 0 ? some[next_random() % 8] : number};
}

static int64_t next_number;

static void descending_integers(struct row *row)
{
    row->value = (struct typed_value){.integer = -next_number++};
}

static void ascending_texts(struct row *row)
{
    set_text(row, (size_t)snprintf(row->text, TEXT_BYTES, "order-%09u/a", (unsigned)next_number++));
}

/* --- the model --- */

static int compare_to(uint32_t place, const struct typed_value *value, uint64_t row)
{
    const int order = typed_value_compare((enum column_type)tree.type, &rows[place].value, value);
    return order != 0 ? order : (rows[place].number > row) - (rows[place].number < row);
}

static uint32_t model_rank(const struct typed_value *value, uint64_t row)
{
    uint32_t low = 0;
    uint32_t high = model_count;
    while (low < high) {
        const uint32_t middle = (low + high) / 2;
        if (compare_to(model[middle], value, row) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static void model_add(uint32_t place)
{
    const uint32_t at = model_rank(&rows[place].value, rows[place].number);
    memmove(model + at + 1, model + at, (model_count - at) * sizeof model[0]);
    model[at] = place;
    model_count++;
    is_indexed[place] = true;
}

static void model_remove(uint32_t place)
{
    const uint32_t at = model_rank(&rows[place].value, rows[place].number);
    cr_assert_eq(model[at], place);
    model_count--;
    memmove(model + at, model + at + 1, (model_count - at) * sizeof model[0]);
    is_indexed[place] = false;
}

static struct index_host host(void)
{
    return (struct index_host){.heap = heap, .pages = slice->pages};
}

/* Rows with random values, none of them indexed. */
static void make_rows(enum column_type type, value_fn *generate, uint32_t count)
{
    struct schema_draft draft = {0};
    char word[40];
    char scratch[COLUMN_FORM_TEXT_MAX];
    const uint8_t digits = type == COLUMN_DECIMAL ? 18 : 0;
    const struct bytes form = column_form_text((struct column_form){.type = (uint8_t)type, .digits = digits}, scratch);
    snprintf(word, sizeof word, "c:%.*s", (int)form.len, form.data);
    cr_assert_eq(schema_draft_add(&draft, bytes_of_string(word), NULL), TABLE_OK);
    schema = schema_create(heap, &draft);
    slice = slice_create(heap, &secret, schema);
    cr_assert(schema != NULL && slice != NULL);
    ordered_index_init(&tree, type, 0);
    model_count = 0;
    row_count = count;
    for (uint32_t i = 0; i < count; i++) {
        generate(&rows[i]);
        is_indexed[i] = false;
        cr_assert_eq(slice_insert(slice, schema, i + 1, &rows[i].value), TABLE_OK);
        rows[i].number = row_number(slice->last, slice->pages[slice->last]->used - 1u);
    }
}

static void drop_rows(void)
{
    cr_assert(ordered_index_free(&tree, heap, SIZE_MAX));
    cr_assert_eq(heap_counters(heap)->class_bytes[MEM_TABLE_INDEX], 0);
    cr_assert(slice_free(slice, SIZE_MAX));
    schema_destroy(heap, schema);
}

/* --- comparing --- */

static void check_valid(void)
{
    uint64_t bytes = 0;
    uint64_t count = 0;
    cr_assert(ordered_index_audit(&tree, slice->pages, true, &bytes, &count));
    cr_assert_eq(count, model_count);
    cr_assert_eq(heap_counters(heap)->class_bytes[MEM_TABLE_INDEX], (int64_t)tree.bytes);
}

static void check_direction(enum ordered_direction direction, uint64_t rank)
{
    uint32_t found[100];
    const size_t max = 1 + next_random() % 100;
    while (rank < model_count) {
        const size_t count = ordered_index_rows(&tree, rank, direction, found, max);
        cr_assert(count > 0 && count <= max);
        for (size_t i = 0; i < count; i++) {
            const uint64_t at = direction == ORDERED_UP ? rank + i : rank - i;
            cr_assert(at < model_count);
            cr_assert_eq(found[i], rows[model[at]].number);
        }
        rank = direction == ORDERED_UP ? rank + count : rank - count; /* downwards it ends below 0 */
    }
}

static void check_range(const struct row *a, const struct row *b)
{
    for (uint32_t which = 0; which < 16; which++) {
        const struct ordered_bound lower = {(which & 1) != 0 ? &a->value : NULL, (which & 2) != 0};
        const struct ordered_bound upper = {(which & 4) != 0 ? &b->value : NULL, (which & 8) != 0};
        const struct ordered_range range = ordered_index_range(&tree, slice->pages, lower, upper);
        const uint64_t first = lower.value == NULL ? 0 : model_rank(lower.value, lower.is_inclusive ? 0 : ROW_PAST_ALL);
        const uint64_t end = upper.value == NULL ? model_count : model_rank(upper.value, upper.is_inclusive ? ROW_PAST_ALL : 0);
        cr_assert_eq(range.first, first);
        cr_assert_eq(range.end, end < first ? first : end);
    }
}

static void check_asking(value_fn *generate)
{
    struct row a;
    struct row b;
    for (int i = 0; i < 20; i++) {
        generate(&a);
        generate(&b);
        const uint64_t row = next_random() % 3 == 0 ? next_random() % (slice->pages_end * 256u + 1) : next_random() % 2 == 0 ? 0 : ROW_PAST_ALL;
        cr_assert_eq(ordered_index_rank(&tree, slice->pages, &a.value, row), model_rank(&a.value, row));
        check_range(&a, &b);
    }
    if (model_count > 0) {
        check_direction(ORDERED_UP, next_random() % model_count);
        check_direction(ORDERED_DOWN, next_random() % model_count);
    }
}

/* --- changes --- */

static void add(uint32_t place)
{
    const struct index_host at = host();
    cr_assert(ordered_index_prepare(&tree, &at, &rows[place].value, rows[place].number));
    ordered_index_put(&tree, &at, &rows[place].value, rows[place].number);
    model_add(place);
}

static void take_out(uint32_t place)
{
    const struct index_host at = host();
    ordered_index_remove(&tree, &at, &rows[place].value, rows[place].number);
    model_remove(place);
}

/* A row, in the index or not, gets another value and is in the index then. */
static void change(uint32_t place, value_fn *generate)
{
    struct row next;
    struct ordered_change state;
    generate(&next);
    const struct typed_value null = {.is_null = true};
    const bool was_indexed = is_indexed[place];
    const struct typed_value old = slice_value(slice, rows[place].number, 0);
    if (was_indexed && typed_value_compare((enum column_type)tree.type, &old, &next.value) == 0) {
        return;
    }
    const struct index_host at = host();
    cr_assert(ordered_index_prepare(&tree, &at, &next.value, rows[place].number));
    ordered_index_begin_change(&tree, &at, was_indexed ? &old : &null, rows[place].number, &state);
    const struct assignment set = {.column = 0, .value = next.value};
    cr_assert_eq(slice_update(slice, schema, rows[place].number, &set, 1), TABLE_OK);
    ordered_index_end_change(&tree, &at, &next.value, rows[place].number, &state);
    if (was_indexed) {
        model_remove(place);
    }
    rows[place].value = next.value;
    if (column_type_is_text((enum column_type)tree.type)) {
        const struct bytes text = typed_value_text(&next.value);
        memcpy(rows[place].text, text.data, text.len);
        rows[place].value = (struct typed_value){.text = {rows[place].text, text.len}};
    }
    model_add(place);
}

static void random_changes(enum column_type type, value_fn *generate, uint32_t count, int steps)
{
    make_rows(type, generate, count);
    for (int step = 0; step < steps; step++) {
        const bool wants_more = step / (steps / 5) % 2 == 0;
        const uint32_t place = (uint32_t)(next_random() % count);
        if (next_random() % 5 == 0) {
            change(place, generate);
        } else if (is_indexed[place]) {
            if (!wants_more || next_random() % 8 == 0) {
                take_out(place);
            }
        } else if (wants_more || next_random() % 8 == 0) {
            add(place);
        }
        if (step % (steps / 30) == 0) {
            check_valid();
            check_asking(generate);
        }
    }
    check_valid();
    for (uint32_t i = 0; i < count; i++) {
        if (is_indexed[i]) {
            take_out(i);
        }
    }
    cr_assert_null(tree.root);
    drop_rows();
}

static const struct {
    enum column_type type;
    value_fn *generate;
    uint32_t count;
} kinds[] = {
    {COLUMN_STRING, mail_address, ROWS_MAX}, {COLUMN_STRING, few_names, ROWS_MAX},     {COLUMN_STRING, odd_bytes, ROWS_MAX},
    {COLUMN_STRING, long_beginnings, 2500},  {COLUMN_INTEGER, dense_integers, ROWS_MAX}, {COLUMN_INTEGER, few_integers, ROWS_MAX},
    {COLUMN_INTEGER, all_integers, ROWS_MAX}, {COLUMN_FLOAT, floats, ROWS_MAX},        {COLUMN_DATE, dense_integers, 700},
    {COLUMN_BOOLEAN, booleans, 700},         {COLUMN_DATETIME, all_integers, 700},       {COLUMN_DECIMAL, few_integers, 700},
    {COLUMN_BLOB, odd_bytes, 700},           {COLUMN_UUID, uuids, 2500},                 {COLUMN_JSON, few_names, 700},
    {COLUMN_INTEGER, descending_integers, ROWS_MAX}, {COLUMN_STRING, ascending_texts, ROWS_MAX},
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

Test(ordered_index, agrees_with_a_sorted_array_after_random_changes)
{
    const char *wanted = getenv("ORDERED_INDEX_SEED"); /* for long runs: another seed, other cases */
    for (uint32_t i = 0; i < KINDS; i++) {
        random_state = wanted == NULL ? i + 1 : strtoull(wanted, NULL, 10) * 100 + i;
        next_number = 0;
        cr_log_info("kind %u, seed %lu", i, random_state);
        random_changes(kinds[i].type, kinds[i].generate, kinds[i].count, 30000);
        random_changes(kinds[i].type, kinds[i].generate, 40, 3000);
    }
}

Test(ordered_index, agrees_after_keys_came_and_went_in_order)
{
    static uint32_t order[ROWS_MAX];
    for (uint32_t i = 0; i < KINDS; i++) {
        random_state = i + 1;
        next_number = 0;
        make_rows(kinds[i].type, kinds[i].generate, kinds[i].count);
        for (uint32_t place = 0; place < row_count; place++) {
            model_add(place);
        }
        memcpy(order, model, sizeof order);
        model_count = 0;
        for (uint32_t at = 0; at < row_count; at++) {
            add(order[i % 2 == 0 ? at : row_count - 1 - at]);
        }
        check_valid();
        check_asking(kinds[i].generate);
        for (uint32_t at = 0; at < row_count; at++) {
            take_out(order[i % 4 < 2 ? at : row_count - 1 - at]);
            if (at % 701 == 0) {
                check_valid();
            }
        }
        cr_assert_null(tree.root);
        drop_rows();
    }
}

/* Leaves of sorted keys, as many as they hold or fewer. */
static void append_all(uint32_t most)
{
    uint64_t numbers[ORDERED_APPEND_MAX];
    uint32_t numbers_of_rows[ORDERED_APPEND_MAX];
    const struct index_host at = host();
    for (uint32_t from = 0, count = 0; from < model_count; from += count) {
        count = most < model_count - from ? most : model_count - from;
        for (uint32_t i = 0; i < count; i++) {
            const struct row *row = &rows[model[from + i]];
            numbers_of_rows[i] = row->number;
            numbers[i] = column_type_is_text((enum column_type)tree.type) ? 0 : ordered_number((enum column_type)tree.type, &row->value);
        }
        cr_assert(ordered_index_append(&tree, &at, numbers, numbers_of_rows, count));
    }
}

Test(ordered_index, takes_whole_leaves_in_order)
{
    for (uint32_t i = 0; i < KINDS * 2; i++) {
        random_state = i + 1;
        next_number = 0;
        value_fn *generate = kinds[i / 2].generate;
        make_rows(kinds[i / 2].type, generate, kinds[i / 2].count);
        for (uint32_t place = 0; place < row_count - 100; place++) {
            model_add(place);
        }
        append_all(i % 2 == 0 ? ORDERED_APPEND_MAX : 1);
        check_valid();
        check_asking(generate);
        for (uint32_t place = row_count - 100; place < row_count; place++) {
            add(place);
        }
        for (uint32_t place = 0; place < row_count; place++) {
            if (place % 3 != 0) {
                change(place, generate);
            }
        }
        check_valid();
        check_asking(generate);
        drop_rows();
    }
}

Test(ordered_index, is_whole_after_every_refused_allocation)
{
    for (uint32_t i = 0; i < KINDS; i++) {
        random_state = i + 1;
        next_number = 0;
        make_rows(kinds[i].type, kinds[i].generate, 2000);
        for (uint32_t place = 0; place < row_count; place++) {
            const struct index_host at = host();
            heap_fail_after(heap, place % 3);
            bool is_ready = ordered_index_prepare(&tree, &at, &rows[place].value, rows[place].number);
            if (!is_ready) {
                check_valid();
                heap_fail_after(heap, -1);
                is_ready = ordered_index_prepare(&tree, &at, &rows[place].value, rows[place].number);
            }
            heap_fail_after(heap, 0); /* room was made: nothing is asked for any more */
            cr_assert(is_ready);
            ordered_index_put(&tree, &at, &rows[place].value, rows[place].number);
            model_add(place);
        }
        check_valid();
        for (uint32_t place = 0; place < row_count; place++) {
            take_out(place); /* without memory for any merge */
        }
        heap_fail_after(heap, -1);
        cr_assert_null(tree.root);
        drop_rows();
    }
}

Test(ordered_index, orders_numbers_as_conditions_compare_them)
{
    static const double numbers[] = {-HUGE_VAL, -1e308, -1, -5e-324, 0, 5e-324, 0.1, 1, 1e308, HUGE_VAL};
    for (uint32_t i = 1; i < sizeof numbers / sizeof numbers[0]; i++) {
        const struct typed_value a = {.number = numbers[i - 1]};
        const struct typed_value b = {.number = numbers[i]};
        cr_assert_lt(ordered_number(COLUMN_FLOAT, &a), ordered_number(COLUMN_FLOAT, &b));
    }
    const struct typed_value zero = {.number = 0.0};
    const struct typed_value minus_zero = {.number = -0.0};
    cr_assert_eq(ordered_number(COLUMN_FLOAT, &zero), ordered_number(COLUMN_FLOAT, &minus_zero));
}

/* Bytes a row, with the keys added one by one in a random order. */
static double bytes_a_row(enum column_type type, value_fn *generate)
{
    make_rows(type, generate, ROWS_MAX);
    for (uint32_t place = 0; place < ROWS_MAX; place++) {
        add(place);
    }
    const double bytes = (double)tree.bytes / ROWS_MAX;
    drop_rows();
    return bytes;
}

Test(ordered_index, costs_few_bytes_a_row)
{
    random_state = 5;
    cr_expect_leq(bytes_a_row(COLUMN_STRING, mail_address), 11);
    cr_expect_leq(bytes_a_row(COLUMN_STRING, few_names), 11);
    cr_expect_leq(bytes_a_row(COLUMN_INTEGER, dense_integers), 8);
    cr_expect_leq(bytes_a_row(COLUMN_INTEGER, few_integers), 7);
}

Test(ordered_index, moves_all_of_its_nodes)
{
    random_state = 9;
    make_rows(COLUMN_STRING, mail_address, ROWS_MAX);
    for (uint32_t place = 0; place < ROWS_MAX; place++) {
        add(place);
    }
    heap_defrag_begin_all(heap);
    uint64_t rank = 0;
    size_t limit = SIZE_MAX;
    uint32_t calls = 1;
    while (!ordered_index_move(&tree, heap, &rank, &limit)) {
        calls++;
    }
    heap_defrag_end(heap);
    cr_assert_gt(calls, ROWS_MAX / LEAF_KEYS_MAX);
    cr_assert_gt(heap_moves(heap).moved, calls);
    check_valid();
    check_asking(mail_address);
    drop_rows();
}

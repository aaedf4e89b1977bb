/* Rows of a slice against a naive list, with pages being rewritten and compacted, memory refused, columns and indexes coming and going. */
#include "table/index_builder.h"
#include "table/slice.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MODEL_ROWS = 3000, TEXT_MAX = 400 };

static struct heap *heap;
static struct hash_secret secret;

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

TestSuite(slice, .init = setup, .fini = teardown);

static uint64_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 24;
}

static struct schema *make_schema(const char *const *words)
{
    struct schema_draft draft = {0};
    for (; *words != NULL; words++) {
        cr_assert_eq(schema_draft_add(&draft, bytes_of_string(*words), NULL), TABLE_OK);
    }
    schema_draft_choose_routing(&draft);
    struct schema *schema = schema_create(heap, &draft);
    cr_assert_not_null(schema);
    return schema;
}

static int64_t class_bytes(enum mem_class which)
{
    return heap_counters(heap)->class_bytes[which];
}

static void check_bytes(const struct table_slice *slice)
{
    uint64_t index_bytes = 0;
    for (uint32_t i = 0; i < slice->index_count; i++) {
        index_bytes += column_index_bytes(&slice->indexes[i]);
    }
    cr_assert_eq(class_bytes(MEM_TABLE_ROW), (int64_t)(slice->row_bytes + slice->ids.bytes));
    cr_assert_eq(class_bytes(MEM_TABLE_INDEX), (int64_t)index_bytes);
}

/* --- the model --- */

struct model_row {
    uint64_t id;
    bool is_null[4];
    int64_t integer, date;
    double number;
    char text[TEXT_MAX];
    size_t text_len;
};

struct model {
    struct model_row rows[MODEL_ROWS];
    size_t count;
    uint64_t last_id;
};

static const char *const all_types[] = {"n:integer:hash", "s:string:hash", "f:float", "d:date:btree", NULL};
static const char *const all_ordered[] = {"n:integer:btree", "s:string:btree", "f:float:btree", "d:date:hash", NULL};
/* What a slice does depends on how values are kept, not on which there are: the same ones fit. */
static const char *const later_types[] = {"n:datetime:btree", "s:json:hash", "f:float", "d:decimal:hash", NULL};

static void random_values(uint64_t *state, struct model_row *row)
{
    static const int64_t ranges[] = {4, 100, 40000, 5000000000, INT64_MAX};
    static const size_t lengths[] = {4, 20, 130, TEXT_MAX};
    int64_t range = ranges[next_random(state) % 5];
    row->integer = (int64_t)(next_random(state) * next_random(state)) % range;
    row->date = (int64_t)(next_random(state) % 40000);
    row->number = (double)(next_random(state) % 1000) / 8;
    row->text_len = next_random(state) % lengths[next_random(state) % 4];
    memset(row->text, (int)('a' + next_random(state) % 3), row->text_len);
    for (int i = 0; i < 4; i++) {
        row->is_null[i] = next_random(state) % 8 == 0;
    }
}

static void model_values(const struct model_row *row, struct typed_value *values)
{
    values[0] = (struct typed_value){.is_null = row->is_null[0], .integer = row->integer};
    values[1] = (struct typed_value){.is_null = row->is_null[1], .text = {row->text, row->text_len}};
    values[2] = (struct typed_value){.is_null = row->is_null[2], .number = row->number};
    values[3] = (struct typed_value){.is_null = row->is_null[3], .integer = row->date};
}

static bool same_row(const struct table_slice *slice, const struct schema *schema, uint32_t number, const struct model_row *row)
{
    struct typed_value values[4];
    model_values(row, values);
    for (uint32_t i = 0; i < 4; i++) {
        struct typed_value value = slice_value(slice, number, schema->columns[i].slot);
        if (value.is_null != values[i].is_null ||
            (!value.is_null && typed_value_compare((enum column_type)schema->columns[i].type, &value, &values[i]) != 0)) {
            return false;
        }
    }
    return true;
}

static int compare_ids(const void *a, const void *b)
{
    const struct model_row *left = a;
    const struct model_row *right = b;
    return left->id < right->id ? -1 : 1;
}

/* The row numbers in the order of the pages. */
static size_t all_rows(const struct table_slice *slice, uint32_t *rows)
{
    size_t count = 0;
    for (uint32_t id = slice->first; id != PAGE_NONE; id = slice->pages[id]->next) {
        for (uint32_t slot = 0; slot < PAGE_ROWS; slot++) {
            if (page_is_live(slice->pages[id], slot)) {
                rows[count++] = row_number(id, slot);
            }
        }
    }
    return count;
}

static void compare(struct model *model, const struct table_slice *slice, const struct schema *schema)
{
    static uint32_t rows[MODEL_ROWS];
    cr_assert(slice_is_valid(slice, schema));
    check_bytes(slice);
    cr_assert_eq(slice->row_count, model->count);
    cr_assert_eq(all_rows(slice, rows), model->count);
    qsort(model->rows, model->count, sizeof model->rows[0], compare_ids);
    for (size_t i = 0; i < model->count; i++) {
        cr_assert_eq(slice_row_id(slice, rows[i]), model->rows[i].id);
        cr_assert_eq(slice_find_row(slice, model->rows[i].id), rows[i]);
        cr_assert(same_row(slice, schema, rows[i], &model->rows[i]));
    }
}

static uint32_t row_of(const struct table_slice *slice, uint64_t id)
{
    static uint32_t rows[MODEL_ROWS];
    size_t count = all_rows(slice, rows);
    for (size_t i = 0; i < count; i++) {
        if (slice_row_id(slice, rows[i]) == id) {
            return rows[i];
        }
    }
    cr_assert_fail("row %lu is lost", id);
    return 0;
}

static void model_insert(struct model *model, struct table_slice *slice, const struct schema *schema, uint64_t *state)
{
    struct model_row *row = &model->rows[model->count];
    struct typed_value values[4];
    row->id = model->last_id + 1;
    random_values(state, row);
    model_values(row, values);
    if (slice_insert(slice, schema, row->id, values) == TABLE_OK) {
        model->count++;
        model->last_id++;
    }
}

/* Rows that come together: all of them, or none, because memory is refused or for no reason. */
static void model_insert_several(struct model *model, struct table_slice *slice, const struct schema *schema, uint64_t *state)
{
    enum { SEVERAL_MAX = 300 };
    static uint32_t added[SEVERAL_MAX];
    const size_t wanted = 1 + next_random(state) % (next_random(state) % 4 == 0 ? SEVERAL_MAX : 5);
    const uint64_t highest_id = slice->highest_id;
    size_t count = 0;
    enum table_result result = TABLE_OK;
    slice_lock_write(slice);
    for (; count < wanted && model->count + count < MODEL_ROWS && result == TABLE_OK; count += result == TABLE_OK ? 1 : 0) {
        struct model_row *row = &model->rows[model->count + count];
        struct typed_value values[4];
        row->id = model->last_id + 1 + count;
        random_values(state, row);
        model_values(row, values);
        result = slice_add(slice, schema, row->id, values, &added[count]);
        cr_assert(result != TABLE_OK || slice_row_id(slice, added[count]) == row->id);
    }
    if (result == TABLE_OK && next_random(state) % 3 != 0) {
        for (size_t i = 0; i < count; i++) {
            slice_tell_inserted(slice, schema, added[i]);
        }
        model->count += count;
        model->last_id += count;
    } else {
        for (size_t i = count; i > 0; i--) {
            slice_take_back(slice, schema, added[i - 1], highest_id);
        }
        cr_assert_eq(slice->highest_id, highest_id);
        slice_tidy(slice, schema, 1 + next_random(state) % 3);
    }
    slice_unlock_write(slice);
}

static void model_update(struct model *model, struct table_slice *slice, const struct schema *schema, uint64_t *state)
{
    struct model_row *row = &model->rows[next_random(state) % model->count];
    struct model_row changed = *row;
    struct typed_value values[4];
    struct assignment set[4];
    size_t count = 0;
    random_values(state, &changed);
    model_values(&changed, values);
    for (uint32_t i = 0; i < 4; i++) {
        if (next_random(state) % 2 == 0) {
            set[count++] = (struct assignment){i, values[i]};
        }
    }
    if (slice_update(slice, schema, row_of(slice, row->id), set, count) != TABLE_OK) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        row->is_null[set[i].column] = changed.is_null[set[i].column];
        if (set[i].column == 0) {
            row->integer = changed.integer;
        } else if (set[i].column == 1) {
            memcpy(row->text, changed.text, TEXT_MAX);
            row->text_len = changed.text_len;
        } else if (set[i].column == 2) {
            row->number = changed.number;
        } else {
            row->date = changed.date;
        }
    }
}

static void model_delete(struct model *model, struct table_slice *slice, const struct schema *schema, uint64_t *state)
{
    /* Often a run of neighbours, so that pages become sparse. */
    size_t at = next_random(state) % model->count;
    size_t run = next_random(state) % 4 == 0 ? next_random(state) % 60 : 1;
    for (size_t i = 0; i < run && at < model->count; i++) {
        slice_delete(slice, schema, row_of(slice, model->rows[at].id));
        model->rows[at] = model->rows[--model->count];
    }
    if (next_random(state) % 3 != 0) {
        slice_tidy(slice, schema, 1 + next_random(state) % 3);
    }
}

static void random_run(uint64_t seed, const char *const *columns, bool refuses)
{
    const int steps = 12000;
    static struct model model;
    uint64_t state = seed;
    struct schema *schema = make_schema(columns);
    struct table_slice *slice = slice_create(heap, &secret, schema);
    model.count = 0;
    model.last_id = 0;
    int rounds = 0; /* of compaction */
    cr_log_info("seed %lu", seed);
    for (int step = 0; step < steps; step++) {
        bool grows = (step / (steps / 6)) % 2 == 0;
        uint64_t choice = next_random(&state) % 10;
        if (refuses) {
            heap_fail_after(heap, (int64_t)(next_random(&state) % 12));
        }
        if (model.count == 0 || (model.count < MODEL_ROWS && choice < (grows ? 7u : 2u))) {
            if (next_random(&state) % 16 == 0) {
                model_insert_several(&model, slice, schema, &state);
            } else {
                model_insert(&model, slice, schema, &state);
            }
        } else if (choice < 8) {
            model_update(&model, slice, schema, &state);
        } else {
            model_delete(&model, slice, schema, &state);
        }
        if (next_random(&state) % 4 == 0) { /* whether it is worth while or not */
            rounds += slice_compact(slice, schema, 1 + next_random(&state) % 20) ? 1 : 0;
        }
        heap_fail_after(heap, -1);
        if (step % 500 == 0) {
            compare(&model, slice, schema);
        }
    }
    compare(&model, slice, schema);
    cr_assert_gt(rounds, 10);
    while (model.count > 0) {
        slice_delete(slice, schema, row_of(slice, model.rows[--model.count].id));
    }
    cr_assert(slice_tidy(slice, schema, SIZE_MAX));
    compare(&model, slice, schema);
    cr_assert_eq(slice->pages_capacity, 0);
    cr_assert_eq(class_bytes(MEM_TABLE_INDEX), 0);
    while (!slice_free(slice, 7)) {
    }
    cr_assert_eq(class_bytes(MEM_TABLE_ROW), 0);
    schema_destroy(heap, schema);
    cr_assert_eq(mem_counters_total(heap_counters(heap)), 0);
}

Test(slice, agrees_with_a_list_after_random_changes)
{
    random_run(1, all_types, false);
    random_run(2, all_ordered, false);
    random_run(5, later_types, false);
}

Test(slice, is_as_it_was_after_refused_memory)
{
    random_run(3, all_types, true);
    random_run(4, all_ordered, true);
    random_run(6, later_types, true);
}

/* --- finding rows by their ids, in whatever order they came --- */

enum { SHUFFLED = 20000 };

static uint64_t shuffled_id(uint64_t i)
{
    return (i * 7919 % SHUFFLED) * 3 + 1; /* 7919 has no factor in common with 20,000 */
}

Test(slice, finds_rows_by_id_in_whatever_order_they_came)
{
    static const char *const words[] = {"n:integer:hash", NULL};
    static bool is_there[SHUFFLED];
    struct schema *schema = make_schema(words);
    struct table_slice *slice = slice_create(heap, &secret, schema);
    uint64_t state = 11;
    for (uint64_t i = 0; i < SHUFFLED; i++) {
        struct typed_value value = {.integer = (int64_t)(i % 100)};
        heap_fail_after(heap, (int64_t)(next_random(&state) % 30));
        is_there[i] = slice_insert(slice, schema, shuffled_id(i), &value) == TABLE_OK;
        heap_fail_after(heap, -1);
        const uint64_t gone = next_random(&state) % (i + 1);
        if (i % 3 == 0 && is_there[gone]) {
            slice_delete(slice, schema, slice_find_row(slice, shuffled_id(gone)));
            is_there[gone] = false;
        }
        if (i % 50 == 0) {
            heap_fail_after(heap, (int64_t)(next_random(&state) % 30));
            slice_tidy(slice, schema, 3);
            heap_fail_after(heap, -1);
        }
    }
    cr_assert(slice_is_valid(slice, schema));
    for (uint64_t i = 0; i < SHUFFLED; i++) {
        const uint32_t row = slice_find_row(slice, shuffled_id(i));
        cr_assert_eq(row != ROW_NONE, is_there[i]);
        cr_assert(row == ROW_NONE || slice_row_id(slice, row) == shuffled_id(i));
        cr_assert_eq(slice_find_row(slice, shuffled_id(i) + 1), ROW_NONE);
    }
    cr_assert(slice_free(slice, SIZE_MAX));
    schema_destroy(heap, schema);
    cr_assert_eq(mem_counters_total(heap_counters(heap)), 0);
}

/* --- memory --- */

static void insert_many(struct table_slice *slice, const struct schema *schema, uint64_t first, uint64_t count)
{
    for (uint64_t id = first; id < first + count; id++) {
        char name[32];
        struct typed_value values[3] = {{.integer = (int64_t)id}, {.is_null = false}, {.integer = (int64_t)(id % 80)}};
        values[1].text = (struct bytes){name, (size_t)snprintf(name, sizeof name, "user_%lu", id)};
        cr_assert_eq(slice_insert(slice, schema, id, values), TABLE_OK);
    }
}

Test(slice, costs_few_bytes_a_row_and_gives_them_back)
{
    static const char *const words[] = {"id:integer:hash", "name:string", "age:integer", NULL};
    struct schema *schema = make_schema(words);
    struct table_slice *slice = slice_create(heap, &secret, schema);
    int64_t empty = mem_counters_total(heap_counters(heap));
    insert_many(slice, schema, 1, 1000);
    int64_t used = mem_counters_total(heap_counters(heap)) - empty;
    cr_log_info("1,000 rows: %.1f bytes a row", (double)used / 1000);
    cr_assert_leq(used, 50 * 1000);
    static uint32_t rows[1000];
    size_t count = all_rows(slice, rows);
    for (size_t i = 0; i < count; i++) {
        slice_delete(slice, schema, rows[i]);
    }
    cr_assert(slice_tidy(slice, schema, SIZE_MAX));
    cr_assert_eq(mem_counters_total(heap_counters(heap)), empty);
    bool is_gone = slice_free(slice, SIZE_MAX);
    cr_assert(is_gone);
    schema_destroy(heap, schema);
}

Test(slice, cycles_of_insert_update_delete_cost_nothing)
{
    static const char *const words[] = {"id:integer:hash", "name:string", "age:integer", NULL};
    struct schema *schema = make_schema(words);
    struct table_slice *slice = slice_create(heap, &secret, schema);
    insert_many(slice, schema, 1, 100);
    static uint32_t rows[1000];
    int64_t before = mem_counters_total(heap_counters(heap));
    for (uint64_t id = 101; id < 5101; id++) {
        insert_many(slice, schema, id, 1);
        size_t count = all_rows(slice, rows);
        cr_assert_eq(count, 101);
        struct assignment set = {2, {.integer = (int64_t)id}};
        cr_assert_eq(slice_update(slice, schema, rows[count - 1], &set, 1), TABLE_OK);
        slice_delete(slice, schema, rows[count - 1]);
        cr_assert(slice_tidy(slice, schema, SIZE_MAX));
    }
    int64_t growth = mem_counters_total(heap_counters(heap)) - before;
    cr_log_info("growth %ld", growth);
    cr_assert_leq(growth, 5 * 1024);
    cr_assert(slice_is_valid(slice, schema));
    bool is_gone = slice_free(slice, SIZE_MAX);
    cr_assert(is_gone);
    schema_destroy(heap, schema);
}

Test(slice, shrinks_after_nine_of_ten_rows_are_deleted_at_random)
{
    static const char *const words[] = {"id:integer:hash", "name:string", "age:integer", NULL};
    struct schema *schema = make_schema(words);
    struct table_slice *slice = slice_create(heap, &secret, schema);
    insert_many(slice, schema, 1, 20000);
    uint64_t full = slice->row_bytes + column_index_bytes(&slice->indexes[0]);
    uint64_t state = 11;
    static uint32_t rows[20000];
    size_t count = all_rows(slice, rows);
    for (size_t i = 0; i < count; i++) {
        if (next_random(&state) % 10 != 0) {
            slice_delete(slice, schema, rows[i]);
        }
    }
    cr_assert(slice_tidy(slice, schema, SIZE_MAX));
    uint64_t left = slice->row_bytes + column_index_bytes(&slice->indexes[0]);
    cr_log_info("%lu bytes of 20,000 rows, %lu of %lu", full, left, slice->row_count);
    cr_assert_leq(left * 10, full * 2);
    cr_assert(slice_is_valid(slice, schema));
    bool is_gone = slice_free(slice, SIZE_MAX);
    cr_assert(is_gone);
    schema_destroy(heap, schema);
}

/* --- ALTER --- */

static void build_last_index(struct table_slice *slice, const struct column *column)
{
    struct index_builder *builder = index_builder_create(slice, column, index_builder_run_rows(slice));
    cr_assert_not_null(builder);
    enum build_status status = BUILD_MORE;
    while (status == BUILD_MORE) {
        status = index_builder_step(builder);
    }
    cr_assert_eq(status, BUILD_DONE);
    index_builder_destroy(builder);
}

Test(slice, gets_columns_and_indexes_and_loses_them)
{
    static const char *const before[] = {"id:integer:hash", "name:string", "age:integer", NULL};
    static const char *const after[] = {"id:integer:hash", "name:string:hash", "age:integer", "note:string", NULL};
    static const char *const ordered[] = {"id:integer:hash", "name:string:btree", "age:integer", NULL};
    struct schema *schema = make_schema(before);
    struct schema *altered = make_schema(after);
    struct schema *in_order = make_schema(ordered);
    struct table_slice *slice = slice_create(heap, &secret, schema);
    insert_many(slice, schema, 1, 1000);
    cr_assert(slice_add_index(slice, INDEX_BTREE, &in_order->columns[1]));
    build_last_index(slice, &in_order->columns[1]);
    cr_assert(slice_is_valid(slice, in_order));
    cr_assert(slice_add_index(slice, INDEX_HASH, &altered->columns[1]));
    build_last_index(slice, &altered->columns[1]);
    struct column_index replaced = slice_replace_index(slice, 1);
    cr_assert_eq(replaced.kind, INDEX_BTREE);
    cr_assert(column_index_free(&replaced, heap, SIZE_MAX));
    cr_assert(slice_is_valid(slice, altered));
    char text[300];
    memset(text, 'x', sizeof text);
    struct assignment set = {3, {.text = {text, sizeof text}}};
    cr_assert_eq(slice_update(slice, altered, row_of(slice, 500), &set, 1), TABLE_OK);
    cr_assert(slice_is_valid(slice, altered));
    cr_assert(slice_value(slice, row_of(slice, 499), 3).is_null);
    struct column_index taken = slice_take_index(slice, 1);
    cr_assert(column_index_free(&taken, heap, SIZE_MAX));
    slice_begin_cleaning(slice, 3);
    while (!slice_clean(slice, 1)) {
    }
    cr_assert(slice_is_valid(slice, schema));
    check_bytes(slice);
    cr_assert(slice_value(slice, row_of(slice, 500), 3).is_null);
    bool is_gone = slice_free(slice, SIZE_MAX);
    cr_assert(is_gone);
    schema_destroy(heap, schema);
    schema_destroy(heap, altered);
    schema_destroy(heap, in_order);
    cr_assert_eq(mem_counters_total(heap_counters(heap)), 0);
}

Test(slice, loses_all_rows_and_takes_new_ones)
{
    static const char *const words[] = {"n:integer:hash", "s:string:btree", "m:integer:btree", "t:string", NULL};
    struct schema *schema = make_schema(words);
    struct table_slice *slice = slice_create(heap, &secret, schema);
    char text[TEXT_MAX];
    memset(text, 'x', sizeof text);
    const uint64_t empty_bytes = slice->row_bytes;
    for (int round = 0; round < 3; round++) {
        for (uint64_t id = 1; id <= MODEL_ROWS; id++) {
            snprintf(text, sizeof text, "%06lu", (unsigned long)(id * 7919 % 1000));
            struct typed_value values[] = {
                {.integer = (int64_t)id % 50}, {.text = {text, 3 + id % 300}}, {.integer = (int64_t)id}, {.is_null = true}};
            values[3] = id % 3 == 0 ? values[1] : values[3];
            values[2].is_null = id % 7 == 0;
            cr_assert_eq(slice_insert(slice, schema, (uint64_t)round * MODEL_ROWS + id, values), TABLE_OK);
        }
        cr_assert(slice_is_valid(slice, schema));
        slice_lock_write(slice);
        uint32_t parts = 1;
        for (; !slice_empty(slice, schema, 2); parts++) {
            check_bytes(slice);
        }
        cr_assert_gt(parts, MODEL_ROWS / PAGE_ROWS / 2);
        slice_unlock_write(slice);
        check_bytes(slice);
        cr_assert(slice_is_valid(slice, schema));
        cr_assert(slice->row_count == 0 && slice->row_bytes == empty_bytes && slice->ids.bytes == 0);
    }
    bool is_gone = slice_free(slice, SIZE_MAX);
    cr_assert(is_gone);
    schema_destroy(heap, schema);
}

Test(slice, lets_readers_share_it_and_a_writer_have_it_alone)
{
    static const char *const words[] = {"n:integer", NULL};
    struct schema *schema = make_schema(words);
    struct table_slice *slice = slice_create(heap, &secret, schema);
    slice_lock_read(slice);
    cr_assert(slice_may_read(slice));
    slice_lock_read(slice);
    cr_assert_not(slice_may_write(slice));
    slice_unlock_read(slice);
    cr_assert_not(slice_may_write(slice), "the other reader still has it");
    slice_unlock_read(slice);
    cr_assert(slice_may_write(slice));
    slice_lock_write(slice);
    cr_assert_not(slice_may_read(slice));
    cr_assert_not(slice_may_write(slice));
    slice_unlock_write(slice);
    cr_assert(slice_may_read(slice));
    cr_assert(slice_may_write(slice));
    bool is_gone = slice_free(slice, SIZE_MAX);
    cr_assert(is_gone);
    schema_destroy(heap, schema);
}

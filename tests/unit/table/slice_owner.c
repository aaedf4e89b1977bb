/* What a slice tells its owner: old rows can be kept from it, and what happens can be repeated elsewhere. */
#include "table/slice.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 6000, ROWS_MAX = 4000, PAGES_MAX = 512, LINE_MAX = 1200, COLUMNS = 4 };

static const char *const columns[COLUMNS] = {"n:integer:hash", "s:string:hash", "f:float", "t:string"};
static struct hash_secret secret;

/* --- rows as lines of text --- */

struct lines {
    char (*rows)[LINE_MAX];
    size_t count;
};

static void add_line(struct lines *lines, const struct table_slice *slice, const struct schema *schema, uint32_t row)
{
    cr_assert_lt(lines->count, (size_t)ROWS_MAX);
    char *line = lines->rows[lines->count++];
    int len = snprintf(line, LINE_MAX, "%010llu", (unsigned long long)slice_row_id(slice, row));
    for (uint32_t i = 0; i < schema->column_count; i++) {
        char scratch[TYPED_VALUE_TEXT_MAX];
        const struct typed_value value = slice_value(slice, row, schema->columns[i].slot);
        const struct bytes text =
            value.is_null ? BYTES("null") : typed_value_format(column_form(&schema->columns[i]), &value, scratch);
        len += snprintf(line + len, (size_t)(LINE_MAX - len), "|%.*s", (int)text.len, text.data);
    }
    cr_assert_lt(len, LINE_MAX);
}

static int compare_lines(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void assert_same_lines(struct lines *a, struct lines *b)
{
    cr_assert_eq(a->count, b->count);
    qsort(a->rows, a->count, LINE_MAX, compare_lines);
    qsort(b->rows, b->count, LINE_MAX, compare_lines);
    for (size_t i = 0; i < a->count; i++) {
        cr_assert_str_eq(a->rows[i], b->rows[i]);
    }
}

static struct lines lines_create(void)
{
    struct lines lines = {malloc(ROWS_MAX * LINE_MAX), 0};
    cr_assert_not_null(lines.rows);
    return lines;
}

/* --- the owner: keeps old rows from a moment on, and repeats everything in a twin --- */

struct keeper {
    struct heap *twin_heap;
    struct table_slice *twin;
    const struct schema *schema_at_start; /* NULL: nothing is kept yet */
    uint32_t used_at_start[PAGES_MAX];    /* by page; rows behind are newer */
    bool is_kept[PAGES_MAX][PAGE_ROWS];
    struct lines kept;
};

/* The rows with numbers first .. end - 1 that were there at the start and are still what they were. */
static void keep_rows(struct keeper *keeper, const struct table_slice *slice, uint32_t first, uint32_t end)
{
    const uint32_t id = first >> ROW_SLOT_BITS;
    cr_assert_eq((end - 1) >> ROW_SLOT_BITS, id);
    cr_assert_lt(id, (uint32_t)PAGES_MAX);
    for (uint32_t slot = row_slot(first); slot <= row_slot(end - 1) && slot < keeper->used_at_start[id]; slot++) {
        if (!keeper->is_kept[id][slot] && page_is_live(slice->pages[id], slot)) {
            add_line(&keeper->kept, slice, keeper->schema_at_start, row_number(id, slot));
        }
        keeper->is_kept[id][slot] = true;
    }
}

static void before_change(void *context, const struct table_slice *slice, uint32_t first, uint32_t end)
{
    struct keeper *keeper = context;
    if (keeper->schema_at_start != NULL && first < end) {
        keep_rows(keeper, slice, first, end);
    }
}

static void repeat(void *context, const struct row_change *change)
{
    struct keeper *keeper = context;
    struct table_slice *twin = keeper->twin;
    const uint32_t row = slice_find_row(twin, change->id);
    if (change->event == ROW_INSERTED) {
        cr_assert_eq(row, ROW_NONE);
        cr_assert_eq(slice_insert(twin, change->schema, change->id, change->values), TABLE_OK);
        return;
    }
    cr_assert_neq(row, ROW_NONE);
    const struct typed_value routing = slice_value(twin, row, change->schema->columns[change->schema->routing_column].slot);
    cr_assert_eq(routing.is_null, change->routing.is_null);
    cr_assert(routing.is_null || routing.integer == change->routing.integer);
    if (change->event == ROW_UPDATED) {
        cr_assert_eq(slice_update(twin, change->schema, row, change->set, change->set_count), TABLE_OK);
    } else {
        cr_assert_eq(change->event, ROW_DELETED);
        slice_delete(twin, change->schema, row);
        slice_tidy(twin, change->schema, 1);
    }
}

static uint32_t next_row(const struct table_slice *slice, uint32_t *page, uint32_t *slot)
{
    for (; *page != PAGE_NONE; *page = slice->pages[*page]->next, *slot = 0) {
        while (*slot < slice->pages[*page]->used) {
            const uint32_t at = (*slot)++;
            if (page_is_live(slice->pages[*page], at)) {
                return row_number(*page, at);
            }
        }
    }
    return ROW_NONE;
}

static void add_all(struct lines *lines, const struct table_slice *slice, const struct schema *schema)
{
    uint32_t page = slice->first;
    uint32_t slot = 0;
    for (uint32_t row = next_row(slice, &page, &slot); row != ROW_NONE; row = next_row(slice, &page, &slot)) {
        add_line(lines, slice, schema, row);
    }
}

static void start_keeping(struct keeper *keeper, const struct table_slice *slice, const struct schema *schema)
{
    keeper->schema_at_start = schema;
    for (uint32_t id = 0; id < slice->pages_end; id++) {
        keeper->used_at_start[id] = slice->pages[id] == NULL ? 0 : slice->pages[id]->used;
    }
}

/* What was there at the start: what was kept, and what nobody changed. */
static void add_unchanged(struct keeper *keeper, const struct table_slice *slice)
{
    for (uint32_t id = 0; id < slice->pages_end; id++) {
        if (slice->pages[id] != NULL && keeper->used_at_start[id] > 0) {
            keep_rows(keeper, slice, row_number(id, 0), row_number(id, keeper->used_at_start[id]));
        }
    }
}

/* --- random statements --- */

static uint64_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 24;
}

struct world {
    uint64_t state, last_id;
    struct heap *heap;
    struct table_slice *slice;
    struct schema *schema;
    char texts[2][400];
};

static struct typed_value random_value(struct world *world, uint32_t column, bool may_be_null)
{
    const uint64_t number = next_random(&world->state) % 1000;
    const size_t len = next_random(&world->state) % (number % 5 == 0 ? 300 : 20);
    char *text = world->texts[column == 1 ? 0 : 1];
    memset(text, (int)('a' + number % 26), len);
    struct typed_value value = {.is_null = may_be_null && number % 7 == 0};
    if (column == 1 || column == 3) {
        value.text = (struct bytes){text, len};
    } else if (column == 2) {
        value.number = (double)number / 8;
    } else {
        value.integer = (int64_t)number;
    }
    return value;
}

static uint32_t random_row(struct world *world)
{
    for (;;) {
        const uint32_t row = slice_find_row(world->slice, next_random(&world->state) % world->last_id + 1);
        if (row != ROW_NONE) {
            return row;
        }
    }
}

static void insert(struct world *world)
{
    struct typed_value values[COLUMNS];
    for (uint32_t i = 0; i < world->schema->column_count; i++) {
        values[i] = random_value(world, i, true);
    }
    if (slice_insert(world->slice, world->schema, world->last_id + 1, values) == TABLE_OK) {
        world->last_id++;
    }
}

static void update(struct world *world)
{
    struct assignment set[COLUMNS];
    size_t count = 0;
    for (uint32_t i = 0; i < world->schema->column_count; i++) {
        if (next_random(&world->state) % 2 == 0) {
            set[count++] = (struct assignment){i, random_value(world, i, false)};
        }
    }
    const enum table_result result = slice_update(world->slice, world->schema, random_row(world), set, count);
    cr_assert(result == TABLE_OK || result == TABLE_NO_MEMORY);
}

static void delete_some(struct world *world, bool grows)
{
    const uint64_t first = next_random(&world->state) % world->last_id + 1;
    const uint64_t run = next_random(&world->state) % (grows ? 60 : 3) == 0 ? 80 : 1;
    for (uint64_t id = first; id < first + run; id++) {
        const uint32_t row = slice_find_row(world->slice, id);
        if (row != ROW_NONE) {
            slice_delete(world->slice, world->schema, row);
        }
    }
}

/* A step of everything that may happen to a slice; every fourth one with memory that runs out. */
static void step(struct world *world, bool grows)
{
    const uint64_t choice = next_random(&world->state) % 10;
    if (choice % 4 == 0) {
        heap_fail_after(world->heap, (int64_t)(next_random(&world->state) % 12));
    }
    if (world->slice->row_count == 0 || (choice < (grows ? 6u : 3u) && world->slice->row_count < ROWS_MAX / 2)) {
        insert(world);
    } else if (choice < 8) {
        update(world);
    } else if (choice == 8) {
        delete_some(world, grows);
    } else if (next_random(&world->state) % 2 == 0) {
        slice_tidy(world->slice, world->schema, 1 + next_random(&world->state) % 3);
    } else {
        (void)slice_compact(world->slice, world->schema, 1 + next_random(&world->state) % 30);
    }
    heap_fail_after(world->heap, -1);
}

/* In parts, all of which an audit finds in order. */
static void empty(struct world *world)
{
    bool is_empty = false;
    slice_lock_write(world->slice);
    while (!is_empty) {
        struct table_memory found = {0};
        char finding[200];
        is_empty = slice_empty(world->slice, world->schema, 1 + next_random(&world->state) % 3);
        cr_assert(slice_audit(world->slice, world->schema, &found, finding), "%s", finding);
    }
    slice_unlock_write(world->slice);
    cr_assert_eq(world->slice->row_count, 0);
}

static struct schema *make_schema(struct heap *heap, int column_count)
{
    struct schema_draft draft = {0};
    for (int i = 0; i < column_count; i++) {
        cr_assert_eq(schema_draft_add(&draft, bytes_of_string(columns[i]), NULL), TABLE_OK);
    }
    schema_draft_choose_routing(&draft);
    struct schema *schema = schema_create(heap, &draft);
    cr_assert_not_null(schema);
    return schema;
}

static void run(uint64_t seed, bool drops_column)
{
    static struct keeper keeper;
    keeper = (struct keeper){.twin_heap = heap_create(), .kept = lines_create()};
    struct world world = {.state = seed, .heap = heap_create()};
    world.schema = make_schema(world.heap, COLUMNS);
    struct schema *schema_at_start = world.schema;
    world.slice = slice_create(world.heap, &secret, world.schema);
    keeper.twin = slice_create(keeper.twin_heap, &secret, world.schema);
    const struct slice_owner owner = {&keeper, before_change, NULL, repeat, NULL};
    world.slice->owner = &owner;
    cr_log_info("seed %lu", seed);
    for (int i = 0; i < STEPS; i++) {
        step(&world, i % 1000 < 850);
    }
    struct lines at_start = lines_create();
    add_all(&at_start, world.slice, world.schema);
    cr_assert_gt(at_start.count, (size_t)300);
    start_keeping(&keeper, world.slice, schema_at_start);
    for (int i = 0; i < STEPS / 2; i++) {
        if (drops_column && i == STEPS / 8) {
            world.schema = make_schema(world.heap, COLUMNS - 1);
            slice_begin_cleaning(world.slice, COLUMNS - 1);
        }
        if (world.slice->is_cleaning && i % 300 == 0) {
            bool is_clean = slice_clean(world.slice, 3);
            (void)is_clean;
        }
        if (seed % 2 == 0 && i == STEPS / 4) {
            empty(&world);
        }
        step(&world, i % 1000 < 500);
    }
    add_unchanged(&keeper, world.slice);
    assert_same_lines(&at_start, &keeper.kept);

    /* The twin has the same now. */
    at_start.count = keeper.kept.count = 0;
    add_all(&at_start, world.slice, world.schema);
    add_all(&keeper.kept, keeper.twin, world.schema);
    assert_same_lines(&at_start, &keeper.kept);
    free(at_start.rows);
    free(keeper.kept.rows);
    cr_assert(slice_is_valid(world.slice, world.schema) && slice_is_valid(keeper.twin, world.schema));
    cr_assert(slice_free(world.slice, SIZE_MAX) && slice_free(keeper.twin, SIZE_MAX));
    if (world.schema != schema_at_start) {
        schema_destroy(world.heap, world.schema);
    }
    schema_destroy(world.heap, schema_at_start);
    cr_assert_eq(mem_counters_total(heap_counters(world.heap)), 0);
    heap_destroy(world.heap);
    heap_destroy(keeper.twin_heap);
}

Test(slice_owner, keeps_old_rows_and_repeats_changes)
{
    cr_assert(hash_secret_draw(&secret));
    for (uint64_t seed = 1; seed <= 6; seed++) {
        run(seed, false);
    }
}

Test(slice_owner, keeps_the_values_of_a_column_that_is_dropped)
{
    cr_assert(hash_secret_draw(&secret));
    for (uint64_t seed = 11; seed <= 16; seed++) {
        run(seed, true);
    }
}

/* --- a row that goes to another slice --- */

struct teller {
    char told[4][64];
    int count;
};

static void note(void *context, const struct row_change *change)
{
    struct teller *teller = context;
    char *line = teller->told[teller->count++];
    if (change->event == ROW_ARRIVED || change->event == ROW_INSERTED) {
        snprintf(line, 64, "%s %d: %d %.*s", change->event == ROW_ARRIVED ? "arrived" : "inserted", (int)change->id,
                 (int)change->values[0].integer, (int)change->values[1].text.len, change->values[1].text.data);
    } else {
        snprintf(line, 64, "%s %d: %d", change->event == ROW_LEFT ? "left" : "other", (int)change->id,
                 (int)change->routing.integer);
    }
}

static void note_old(void *context, const struct table_slice *slice, uint32_t first, uint32_t end)
{
    struct teller *teller = context;
    cr_assert_eq(end, first + 1);
    snprintf(teller->told[teller->count++], 64, "before: %d", (int)slice_value(slice, first, 0).integer);
}

Test(slice_owner, hears_of_rows_that_come_together_when_they_stay)
{
    struct teller teller = {.count = 0};
    const struct slice_owner owner = {&teller, note_old, NULL, note, NULL};
    struct heap *heap = heap_create();
    cr_assert(hash_secret_draw(&secret));
    struct schema *schema = make_schema(heap, 2);
    struct table_slice *slice = slice_create(heap, &secret, schema);
    const struct typed_value values[2] = {{.integer = 5}, {.text = BYTES("text")}};
    uint32_t rows[3];
    slice->owner = &owner;
    slice_lock_write(slice);
    for (uint64_t id = 1; id <= 3; id++) {
        cr_assert_eq(slice_add(slice, schema, id, values, &rows[id - 1]), TABLE_OK);
    }
    cr_assert_eq(teller.count, 0, "they may still go");
    slice_take_back(slice, schema, rows[2], 2);
    cr_assert_eq(teller.count, 1);
    cr_assert_str_eq(teller.told[0], "before: 5", "whoever keeps old rows may have counted it");
    slice_tell_inserted(slice, schema, rows[0]);
    slice_tell_inserted(slice, schema, rows[1]);
    slice_unlock_write(slice);
    cr_assert_eq(teller.count, 3);
    cr_assert_str_eq(teller.told[1], "inserted 1: 5 text");
    cr_assert_str_eq(teller.told[2], "inserted 2: 5 text");
    cr_assert(slice_is_valid(slice, schema));
    cr_assert(slice_free(slice, SIZE_MAX));
    schema_destroy(heap, schema);
    cr_assert_eq(mem_counters_total(heap_counters(heap)), 0);
    heap_destroy(heap);
}

Test(slice_owner, hears_first_that_a_row_leaves_then_that_it_arrives)
{
    struct teller teller = {.count = 0};
    _Atomic uint32_t wants = 0;
    const struct slice_owner owner = {&teller, note_old, NULL, note, &wants};
    struct heap *heap = heap_create();
    cr_assert(hash_secret_draw(&secret));
    struct schema *schema = make_schema(heap, 2);
    struct table_slice *from = slice_create(heap, &secret, schema);
    struct table_slice *to = slice_create(heap, &secret, schema);
    char text[301];
    memset(text, 'x', 300);
    struct typed_value values[2] = {{.integer = 5}, {.text = {text, 300}}};
    cr_assert_eq(slice_insert(from, schema, 7, values), TABLE_OK);
    from->owner = &owner;
    cr_assert_eq(slice_insert(from, schema, 8, values), TABLE_OK);
    cr_assert_eq(teller.count, 0, "nobody listens");
    atomic_store(&wants, 1);
    to->owner = &owner;

    /* The new values are lent from the row that goes. */
    values[0].integer = 6;
    values[1] = slice_value(from, slice_find_row(from, 7), schema->columns[1].slot);
    enum table_result result = TABLE_NO_MEMORY;
    for (int64_t after = 0; result == TABLE_NO_MEMORY; after++) {
        cr_assert_eq(teller.count, 0);
        cr_assert(slice_is_valid(from, schema) && slice_is_valid(to, schema));
        heap_fail_after(heap, after);
        result = slice_move_row(from, slice_find_row(from, 7), to, schema, values);
        heap_fail_after(heap, -1);
    }
    cr_assert_eq(teller.count, 3);
    cr_assert_str_eq(teller.told[0], "before: 5");
    cr_assert_str_eq(teller.told[1], "left 7: 5");
    cr_assert_eq(strncmp(teller.told[2], "arrived 7: 6 xxxxxxxx", 21), 0);
    cr_assert_eq(slice_find_row(from, 7), ROW_NONE);
    cr_assert_neq(slice_find_row(to, 7), ROW_NONE);
    cr_assert(slice_free(from, SIZE_MAX) && slice_free(to, SIZE_MAX));
    schema_destroy(heap, schema);
    cr_assert_eq(mem_counters_total(heap_counters(heap)), 0);
    heap_destroy(heap);
}

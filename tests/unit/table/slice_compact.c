/* slice_compact.c - after deletes a slice takes about as much memory as one into which its rows were just loaded.  */
#include "base/random.h"
#include "table/slice.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 12000, COLUMNS = 4, TEXT_MAX = 24 };

static struct hash_secret secret;
static uint64_t random_state;

static void start(void)
{
    random_state = UINT64_C(20261203);
    cr_assert(hash_secret_draw(&secret));
}

TestSuite(slice_compact, .init = start, .timeout = 900);

/* A slice in a heap of its own, and the ids that it has. */
struct side {
    struct heap *heap;
    struct schema *schema;
    struct table_slice *slice;
    uint64_t *ids;
    size_t count;
};

static struct side side_create(const char *const *columns)
{
    struct side side = {.heap = heap_create(), .ids = malloc(ROWS * sizeof(uint64_t))};
    struct schema_draft draft = {0};
    for (int i = 0; i < COLUMNS; i++) {
        cr_assert_eq(schema_draft_add(&draft, bytes_of_string(columns[i]), NULL), TABLE_OK);
    }
    schema_draft_choose_routing(&draft);
    side.schema = schema_create(side.heap, &draft);
    side.slice = slice_create(side.heap, &secret, side.schema);
    cr_assert(side.schema != NULL && side.slice != NULL && side.ids != NULL);
    return side;
}

static void side_destroy(struct side *side)
{
    cr_assert(slice_free(side->slice, SIZE_MAX));
    schema_destroy(side->heap, side->schema);
    cr_assert_eq(mem_counters_total(heap_counters(side->heap)), 0);
    heap_destroy(side->heap);
    free(side->ids);
}

/* What a row has depends on its id alone. */
static void add_row(struct side *side, uint64_t id)
{
    char name[TEXT_MAX];
    char city[TEXT_MAX];
    const struct typed_value values[COLUMNS] = {
        {.integer = (int64_t)id},
        {.text = {name, (size_t)snprintf(name, sizeof name, "user%08llu@mail.net", (unsigned long long)id)}},
        {.text = {city, (size_t)snprintf(city, sizeof city, "city%03llu", (unsigned long long)(id * 7919 % 1000))}},
        {.integer = (int64_t)(id * 7919 % 80)},
    };
    cr_assert_eq(slice_insert(side->slice, side->schema, id, values), TABLE_OK);
    side->ids[side->count++] = id;
}

static void delete_one(struct side *side)
{
    const size_t at = random_next(&random_state) % side->count;
    const uint32_t row = slice_find_row(side->slice, side->ids[at]);
    cr_assert_neq(row, ROW_NONE);
    slice_delete(side->slice, side->schema, row);
    side->ids[at] = side->ids[--side->count];
}


static uint64_t bytes_of(const struct side *side)
{
    return (uint64_t)mem_counters_total(heap_counters(side->heap));
}

/* Of a slice with the rows 1 .. count. */
static uint64_t fresh_bytes(const char *const *columns, uint64_t count)
{
    struct side side = side_create(columns);
    for (uint64_t id = 1; id <= count; id++) {
        add_row(&side, id);
    }
    const uint64_t bytes = bytes_of(&side);
    side_destroy(&side);
    return bytes;
}

/* Whole rounds while they are worth while. Returns how many. */
static int compact(struct side *side)
{
    int rounds = 0;
    for (; slice_wants_compaction(side->slice); rounds++) {
        while (!slice_compact(side->slice, side->schema, 16)) {
        }
    }
    return rounds;
}

/* Each row is there, with its values, and in the order of the ids. */
static void check_rows(const struct side *side)
{
    cr_assert(slice_is_valid(side->slice, side->schema));
    cr_assert(side->slice->is_ordered);
    cr_assert_eq(side->slice->row_count, side->count);
    for (size_t i = 0; i < side->count; i++) {
        const uint64_t id = side->ids[i];
        char name[TEXT_MAX];
        snprintf(name, sizeof name, "user%08llu@mail.net", (unsigned long long)id);
        const uint32_t row = slice_find_row(side->slice, id);
        cr_assert_neq(row, ROW_NONE);
        cr_assert(bytes_equal(slice_value(side->slice, row, side->schema->columns[1].slot).text, bytes_of_string(name)));
        cr_assert_eq(slice_value(side->slice, row, side->schema->columns[3].slot).integer, (int64_t)(id * 7919 % 80));
    }
}

static void check_bytes(const struct side *side, const char *const *columns, const char *what)
{
    const double ratio = (double)bytes_of(side) / (double)fresh_bytes(columns, side->count);
    printf("%s, %zu rows: %.3f of a fresh load\n", what, side->count, ratio);
    cr_assert_leq(ratio, 1.15, "%s, %zu rows: %.3f of a fresh load", what, side->count, ratio);
}

static const char *const columns_of[][COLUMNS] = {
    {"n:integer:hash", "name:string", "city:string", "age:integer"},
    {"n:integer:hash", "name:string:btree", "city:string:hash", "age:integer:btree"},
};
enum { COLUMN_SETS = sizeof columns_of / sizeof columns_of[0] };

static struct side side_of_rows(const char *const *columns, uint64_t count)
{
    struct side side = side_create(columns);
    for (uint64_t id = 1; id <= count; id++) {
        add_row(&side, id);
    }
    return side;
}

Test(slice_compact, takes_what_a_fresh_load_takes_after_deletes_of_any_share)
{
    static const int shares[] = {12, 25, 50, 70, 80, 90};
    for (int set = 0; set < COLUMN_SETS; set++) {
        for (size_t i = 0; i < sizeof shares / sizeof shares[0]; i++) {
            struct side side = side_of_rows(columns_of[set], ROWS);
            for (int gone = 0; gone < ROWS / 100 * shares[i]; gone++) {
                delete_one(&side);
            }
            (void)slice_tidy(side.slice, side.schema, SIZE_MAX);
            cr_assert_leq(compact(&side), 3);
            check_rows(&side);
            check_bytes(&side, columns_of[set], "random deletes");
            side_destroy(&side);
        }
    }
}

/* Rows that go together, and rows of some pages only: what is dense stays where it is. */
Test(slice_compact, takes_what_a_fresh_load_takes_whichever_rows_went)
{
    static const struct { uint64_t period, gone; } patterns[] = {{2, 1}, {1000, 300}, {500, 170}, {240, 90}, {10000, 5000}};
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        struct side side = side_of_rows(columns_of[0], ROWS);
        side.count = 0;
        for (uint64_t id = 1; id <= ROWS; id++) {
            if (id % patterns[i].period < patterns[i].gone) {
                slice_delete(side.slice, side.schema, slice_find_row(side.slice, id));
            } else {
                side.ids[side.count++] = id;
            }
        }
        (void)slice_tidy(side.slice, side.schema, SIZE_MAX);
        compact(&side);
        check_rows(&side);
        check_bytes(&side, columns_of[0], "a pattern");
        side_destroy(&side);
    }
}

Test(slice_compact, keeps_up_with_rows_that_come_and_go)
{
    for (int set = 0; set < COLUMN_SETS; set++) {
        struct side side = side_of_rows(columns_of[set], ROWS);
        for (uint64_t id = ROWS + 1; id <= 4 * ROWS; id++) {
            delete_one(&side);
            add_row(&side, id);
            (void)slice_tidy(side.slice, side.schema, 1);
            while (id % 8 == 0 && slice_wants_compaction(side.slice)) {
                (void)slice_compact(side.slice, side.schema, 16);
            }
            cr_assert(id % (ROWS / 2) != 0 || slice_free_slots(side.slice) * 6 < side.slice->slot_count);
        }
        printf("%.1f rows moved for each that went\n", (double)side.slice->compact_moved / (3.0 * ROWS));
        check_rows(&side);
        check_bytes(&side, columns_of[set], "rows come and go");
        side_destroy(&side);
    }
}

Test(slice_compact, small_slices_are_made_dense_too)
{
    for (uint64_t count = 1; count <= 1000; count += 37) {
        struct side side = side_of_rows(columns_of[1], count);
        while (side.count > count / 3) {
            delete_one(&side);
        }
        (void)slice_tidy(side.slice, side.schema, SIZE_MAX);
        compact(&side);
        check_rows(&side);
        cr_assert_leq(slice_free_slots(side.slice), side.slice->slot_count / 8 + 24);
        side_destroy(&side);
    }
}

static void note_change(void *context, const struct table_slice *slice, uint32_t first, uint32_t end)
{
    (void)context, (void)slice, (void)first, (void)end;
}

Test(slice_compact, is_wanted_when_it_gains_and_may_be_done)
{
    const struct slice_owner keeper = {.before_change = note_change};
    struct side side = side_of_rows(columns_of[0], ROWS);
    const struct slice_owner *nobody = side.slice->owner;
    cr_assert_not(slice_wants_compaction(side.slice));
    for (int gone = 0; gone < ROWS / 20; gone++) {
        delete_one(&side);
    }
    cr_assert_not(slice_wants_compaction(side.slice), "a twentieth of the slots");
    for (int gone = 0; gone < ROWS / 8; gone++) {
        delete_one(&side);
    }
    cr_assert(slice_wants_compaction(side.slice));
    slice_lock_read(side.slice);
    cr_assert_not(slice_wants_compaction(side.slice));
    slice_unlock_read(side.slice);
    side.slice->owner = &keeper;
    cr_assert_not(slice_wants_compaction(side.slice), "its old rows would have to be written first");
    side.slice->owner = nobody;
    cr_assert_not(slice_compact(side.slice, side.schema, 100));
    cr_assert(slice_wants_compaction(side.slice));
    slice_lock_write(side.slice);
    cr_assert_not(slice_wants_compaction(side.slice));
    slice_unlock_write(side.slice);
    compact(&side);
    cr_assert_eq(side.slice->compact_into, PAGE_NONE);
    check_rows(&side);
    side_destroy(&side);
}

/* Pages of which nothing can be gained are not looked at again and again. */
Test(slice_compact, a_round_in_vain_is_not_repeated)
{
    struct side side = side_of_rows(columns_of[0], ROWS);
    for (int gone = 0; gone < ROWS / 5; gone++) {
        delete_one(&side);
    }
    heap_fail_after(side.heap, 0);
    cr_assert(slice_compact(side.slice, side.schema, SIZE_MAX), "no memory ends the round");
    heap_fail_after(side.heap, -1);
    check_rows(&side);
    cr_assert_not(slice_wants_compaction(side.slice));
    for (int gone = 0; gone < ROWS / 50; gone++) {
        delete_one(&side);
    }
    cr_assert(slice_wants_compaction(side.slice));
    cr_assert_eq(compact(&side), 1);
    check_bytes(&side, columns_of[0], "after a round in vain");
    side_destroy(&side);
}

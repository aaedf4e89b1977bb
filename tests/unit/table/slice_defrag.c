/* slice_defrag.c - a slice whose blocks all move, or leave sparse pages, while rows come and go: valid after each step, the same
 * rows as a twin that nobody moves, the same bytes.  */
#include "base/random.h"
#include "table/slice.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SMALL_ROWS = 1500, LARGE_ROWS = 300000, TEXT_MAX = 3000, COLUMNS = 4, SLICE_MAX = 40, CYCLES_MAX = 5, KEPT_OF_TEN = 1 };

static struct hash_secret secret;
static uint64_t random_state;

static uint64_t random_u64(void)
{
    return random_next(&random_state);
}

static void start(void)
{
    random_state = UINT64_C(20240608);
    cr_assert(hash_secret_draw(&secret));
}

TestSuite(slice_defrag, .init = start, .timeout = 240);

/* A slice in a heap of its own. */
struct side {
    struct heap *heap;
    struct schema *schema;
    struct table_slice *slice;
};

/* [1] is the twin. */
struct pair {
    struct side sides[2];
    uint64_t last_id;
};

static const char *const columns[COLUMNS] = {"n:integer:hash", "s:string:btree", "f:float", "t:string"};

static struct side side_create(void)
{
    struct side side = {.heap = heap_create()};
    struct schema_draft draft = {0};
    for (int i = 0; i < COLUMNS; i++) {
        cr_assert_eq(schema_draft_add(&draft, bytes_of_string(columns[i]), NULL), TABLE_OK);
    }
    schema_draft_choose_routing(&draft);
    side.schema = schema_create(side.heap, &draft);
    side.slice = slice_create(side.heap, &secret, side.schema);
    cr_assert(side.schema != NULL && side.slice != NULL);
    return side;
}

static void side_destroy(struct side *side)
{
    cr_assert(slice_free(side->slice, SIZE_MAX));
    schema_destroy(side->heap, side->schema);
    cr_assert_eq(mem_counters_total(heap_counters(side->heap)), 0);
    heap_destroy(side->heap);
}

/* --- rows --- */

static struct bytes text_of(uint64_t number, char text[TEXT_MAX])
{
    size_t len = (size_t)snprintf(text, TEXT_MAX, "text %llu", (unsigned long long)number);
    const size_t wanted = number % 97 == 3 ? 2500 : number % 11 == 3 ? 128 + number % 100 : len;
    for (; len < wanted; len++) {
        text[len] = (char)('a' + (number + len) % 26);
    }
    return (struct bytes){text, len};
}

static void add_row(struct pair *pair, uint64_t number)
{
    char short_text[32];
    char text[TEXT_MAX];
    const struct typed_value values[COLUMNS] = {
        {.integer = (int64_t)(number * 7919 % 100003)},
        {.text = {short_text, (size_t)snprintf(short_text, sizeof short_text, "s%llu", (unsigned long long)(number % 1000))}},
        {.number = (double)number / 3, .is_null = number % 5 == 0},
        {.text = text_of(number, text), .is_null = number % 7 == 0},
    };
    pair->last_id++;
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(slice_insert(pair->sides[i].slice, pair->sides[i].schema, pair->last_id, values), TABLE_OK);
    }
}

/* The first row at or behind some page and slot; UINT32_MAX: none. Both sides have the same numbers. */
static uint32_t row_from(const struct table_slice *slice, uint32_t id, uint32_t slot)
{
    for (; id < slice->pages_end; id++, slot = 0) {
        const struct page *page = slice->pages[id];
        for (; page != NULL && slot < page->used; slot++) {
            if (page_is_live(page, slot)) {
                return row_number(id, slot);
            }
        }
    }
    return UINT32_MAX;
}

static uint32_t row_behind(const struct table_slice *slice, uint32_t row)
{
    return row_from(slice, row >> ROW_SLOT_BITS, row_slot(row) + 1);
}

static void delete_row(struct pair *pair, uint32_t row)
{
    for (int i = 0; i < 2; i++) {
        slice_delete(pair->sides[i].slice, pair->sides[i].schema, row);
    }
}

static void change_a_little(struct pair *pair)
{
    const struct table_slice *slice = pair->sides[0].slice;
    for (uint64_t i = random_u64() % 3; i > 0; i--) {
        add_row(pair, random_u64() % 100000);
    }
    const uint32_t row = row_from(slice, (uint32_t)(random_u64() % (slice->pages_end + 1)), (uint32_t)(random_u64() % PAGE_ROWS));
    if (row != UINT32_MAX) {
        char text[TEXT_MAX];
        const struct assignment set = {.column = 3, .value = {.text = text_of(random_u64() % 100000, text)}};
        for (int i = 0; i < 2 && row % 2 == 0; i++) {
            cr_assert_eq(slice_update(pair->sides[i].slice, pair->sides[i].schema, row, &set, 1), TABLE_OK);
        }
        if (row % 2 == 1) {
            delete_row(pair, row);
        }
    }
    const size_t pages = random_u64() % 3;
    for (int i = 0; i < 2; i++) {
        (void)slice_tidy(pair->sides[i].slice, pair->sides[i].schema, pages);
        (void)slice_compact(pair->sides[i].slice, pair->sides[i].schema, 1 + pages * 10);
    }
}

static struct pair pair_create(uint64_t rows)
{
    struct pair pair = {.sides = {side_create(), side_create()}};
    for (uint64_t i = 0; i < rows; i++) {
        add_row(&pair, i);
    }
    const struct table_slice *slice = pair.sides[0].slice;
    for (uint32_t row = row_from(slice, 0, 0); row != UINT32_MAX; row = row_behind(slice, row)) {
        if (random_u64() % 10 >= KEPT_OF_TEN) {
            delete_row(&pair, row);
        }
    }
    for (int i = 0; i < 2; i++) {
        cr_assert(slice_tidy(pair.sides[i].slice, pair.sides[i].schema, SIZE_MAX));
    }
    return pair;
}

static bool values_equal(struct typed_value a, struct typed_value b, uint32_t column)
{
    if (a.is_null || b.is_null) {
        return a.is_null == b.is_null;
    }
    return column == 0 ? a.integer == b.integer : column == 2 ? a.number == b.number : bytes_equal(a.text, b.text);
}

static void pair_check(const struct pair *pair)
{
    const struct side *side = &pair->sides[0];
    const struct table_slice *twin = pair->sides[1].slice;
    cr_assert(slice_is_valid(side->slice, side->schema));
    cr_assert_eq(side->slice->row_count, twin->row_count);
    const int64_t *bytes = heap_counters(side->heap)->class_bytes;
    cr_assert_eq(bytes[MEM_TABLE_ROW], (int64_t)(side->slice->row_bytes + side->slice->ids.bytes));
    cr_assert_eq(bytes[MEM_TABLE_INDEX], (int64_t)(column_index_bytes(&side->slice->indexes[0]) + column_index_bytes(&side->slice->indexes[1])));
    for (uint32_t row = row_from(twin, 0, 0); row != UINT32_MAX; row = row_behind(twin, row)) {
        cr_assert_eq(slice_row_id(side->slice, row), slice_row_id(twin, row));
        for (uint32_t i = 0; i < COLUMNS; i++) {
            const uint32_t slot = side->schema->columns[i].slot;
            cr_assert(values_equal(slice_value(side->slice, row, slot), slice_value(twin, row, slot), i));
        }
    }
}

static void pair_destroy(struct pair *pair)
{
    pair_check(pair);
    side_destroy(&pair->sides[0]);
    side_destroy(&pair->sides[1]);
}

static void walk_all(struct pair *pair, void (*between)(struct pair *))
{
    struct slice_defrag state = {0};
    size_t limit = 1 + random_u64() % SLICE_MAX;
    while (!slice_defrag(pair->sides[0].slice, &state, &limit)) {
        if (between != NULL) {
            between(pair);
        }
        limit = 1 + random_u64() % SLICE_MAX;
    }
}

static void check_and_change(struct pair *pair)
{
    pair_check(pair);
    change_a_little(pair);
}

Test(slice_defrag, every_block_may_move_at_any_time)
{
    static const uint64_t sizes[] = {0, 1, 300, SMALL_ROWS};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct pair pair = pair_create(sizes[i]);
        heap_defrag_begin_all(pair.sides[0].heap);
        walk_all(&pair, check_and_change);
        const struct mem_counters before = *heap_counters(pair.sides[0].heap);
        struct slice_defrag state = {0};
        size_t limit = SIZE_MAX;
        const uint64_t moved_before = heap_moves(pair.sides[0].heap).moved;
        cr_assert(slice_defrag(pair.sides[0].slice, &state, &limit));
        const uint64_t moved = heap_moves(pair.sides[0].heap).moved - moved_before;
        cr_assert_geq((int64_t)moved, before.class_blocks[MEM_TABLE_ROW] + before.class_blocks[MEM_TABLE_INDEX] - 2);
        heap_defrag_end(pair.sides[0].heap);
        pair_destroy(&pair);
    }
}

Test(slice_defrag, leaves_a_locked_slice_alone)
{
    struct pair pair = pair_create(300);
    struct table_slice *slice = pair.sides[0].slice;
    struct slice_defrag state = {0};
    size_t limit = SIZE_MAX;
    heap_defrag_begin_all(pair.sides[0].heap);
    slice_lock_read(slice);
    cr_assert(slice_defrag(slice, &state, &limit));
    slice_unlock_read(slice);
    slice_lock_write(slice);
    cr_assert(slice_defrag(slice, &state, &limit));
    slice_unlock_write(slice);
    cr_assert_eq(heap_moves(pair.sides[0].heap).moved, 0);
    heap_defrag_end(pair.sides[0].heap);
    pair_destroy(&pair);
}

static void change_now_and_then(struct pair *pair)
{
    if (random_u64() % 64 == 0) {
        change_a_little(pair);
    }
}

Test(slice_defrag, after_a_mass_delete_the_pages_become_dense)
{
    struct heap_walk walk;
    struct heap *probe = heap_create();
    const bool has_pages = heap_walk(probe, &walk);
    heap_destroy(probe);
    if (!has_pages) {
        return; /* libc's heap */
    }
    struct pair pair = pair_create(LARGE_ROWS);
    struct heap *heap = pair.sides[0].heap;
    cr_assert(heap_walk(heap, &walk));
    printf("used %llu, committed %.2f x", (unsigned long long)walk.used_bytes,
           (double)walk.committed_bytes / (double)walk.used_bytes);
    for (int cycle = 0; cycle < CYCLES_MAX && heap_defrag_begin(heap, 90) > 0; cycle++) {
        walk_all(&pair, change_now_and_then);
        heap_defrag_end(heap);
        heap_collect(heap);
        cr_assert(heap_walk(heap, &walk));
        printf(" %.2f", (double)walk.committed_bytes / (double)walk.used_bytes);
    }
    printf("\n");
    cr_assert_lt((double)walk.committed_bytes, 1.2 * (double)walk.used_bytes);
    pair_destroy(&pair);
}

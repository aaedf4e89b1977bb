/* gather.c - see gather.h.  */
#include "query/gather.h"

#include <assert.h>

_Static_assert((int)GATHER_ROWS >= (int)PAGE_ROWS, "a step takes a whole page");

enum {
    VALUES_AT_ONCE = 16,        /* of a list, in one step */
    PREFETCH_TEXT_BYTES = 2048, /* of a column of a page */
};

/* At the first row of the access. */
static void begin_access(struct gather *gather)
{
    const struct access *access = &gather->access;
    switch ((enum access_kind)access->kind) {
    case ACCESS_SCAN:
        gather->next = gather->slice->first;
        gather->is_done = gather->slice->first == PAGE_NONE;
        gather->examined = access->is_bounded ? access->rows : 0;
        break;
    case ACCESS_HASH:
        gather->next = 0;
        gather->is_done = false;
        break;
    case ACCESS_RANGE:
        gather->next_rank = access->range.first;
        gather->is_done = access->range.first == access->range.end;
        break;
    case ACCESS_ROW:
        gather->is_done = access->id == 0;
        break;
    }
}

/* Beyond values that have no rows. */
static void find_value(struct gather *gather)
{
    while (gather->is_done && gather->access.list != NULL && gather->value + 1 < gather->access.list->list.count) {
        gather->access = access_to_value(&gather->access, gather->slice, ++gather->value);
        begin_access(gather);
    }
}

void gather_begin(struct gather *gather, const struct table_slice *slice, const struct schema *schema, const struct where *where)
{
    *gather = (struct gather){.slice = slice, .schema = schema, .where = where, .access = access_choose(slice, schema, where)};
    for (uint32_t i = 0; i < where->condition_count && gather_is_scan(gather); i++) {
        if (where->conditions[i].column != COLUMN_ROW_ID) {
            gather_reads(gather, where->conditions[i].slot);
        }
    }
    begin_access(gather);
    find_value(gather);
}

/* A walk that is over: nothing is left, or all that it has not met. */
static void end_walk(struct gather *gather)
{
    gather->is_walking = false;
    gather->is_done = !gather->walk.has_rest;
    if (gather->walk.has_rest) {
        gather->is_rest = true;
        gather->access = (struct access){.kind = ACCESS_SCAN, .is_bounded = true};
        gather->next = gather->slice->first;
    }
}

void gather_in_order(struct gather *gather, const struct row_order *order)
{
    const struct access *access = &gather->access;
    if (!order_walk_begin(&gather->walk, gather->slice, gather->schema, gather->where, access, order)) {
        return;
    }
    gather->examined = access->kind == ACCESS_RANGE || access->is_bounded ? access->rows : gather->slice->row_count;
    gather->access = (struct access){.kind = ACCESS_RANGE, .index = gather->walk.index, .range = gather->walk.left};
    gather->is_walking = true;
    gather->is_done = false;
    if (order_walk_is_over(&gather->walk)) {
        end_walk(gather);
    }
}

void gather_reads(struct gather *gather, uint16_t slot)
{
    bool is_known = gather->column_count == GATHER_COLUMNS;
    for (uint32_t i = 0; i < gather->column_count; i++) {
        is_known = is_known || gather->columns[i] == slot;
    }
    if (!is_known) {
        gather->columns[gather->column_count++] = slot;
    }
}

/* A column of a page, and the beginning of its texts. */
__attribute__((always_inline)) static inline void prefetch_column(const struct cells *cells, uint32_t capacity)
{
    const char *block = cells->block;
    const size_t size = cells_bits_offset(cells->width, capacity) + PAGE_WORDS * sizeof(uint64_t);
    for (size_t at = 0; at < size; at += CACHE_LINE_BYTES) {
        __builtin_prefetch(block + at);
    }
    for (size_t at = 0; cells->kind == CELLS_TEXT && at < cells->arena_used && at < PREFETCH_TEXT_BYTES; at += CACHE_LINE_BYTES) {
        __builtin_prefetch(cells->arena + at);
    }
}

/* The rows of an index lie anywhere: their memory is asked for together, before one of them is looked at. Only columns of
 * the schema are touched: others may be being freed.  */
__attribute__((always_inline)) static inline void prefetch_rows(const struct gather *gather, const uint32_t *rows, size_t count)
{
    const struct schema *schema = gather->schema;
    for (size_t i = 0; i < count; i++) {
        const char *page = (const char *)slice_page_of(gather->slice, rows[i]);
        __builtin_prefetch(page);
        __builtin_prefetch(page + CACHE_LINE_BYTES);
    }
    for (size_t i = 0; i < count; i++) {
        const struct page *page = slice_page_of(gather->slice, rows[i]);
        cells_prefetch(&page->ids, page->capacity, row_slot(rows[i]));
        for (uint32_t c = 0; c < schema->column_count; c++) {
            const struct cells *cells = page_cells(page, schema->columns[c].slot);
            if (cells != NULL) {
                cells_prefetch(cells, page->capacity, row_slot(rows[i]));
            }
        }
    }
    for (size_t i = 0; i < count; i++) {
        const struct page *page = slice_page_of(gather->slice, rows[i]);
        for (uint32_t c = 0; c < schema->column_count; c++) {
            const struct cells *cells = page_cells(page, schema->columns[c].slot);
            if (cells != NULL) {
                cells_prefetch_text(cells, row_slot(rows[i]));
            }
        }
    }
}

/* Rows of two values of a list may have the same hash: each is found with its own value only. */
static bool is_looked_for(const struct gather *gather, const struct page *page, uint32_t slot)
{
    const struct condition *list = gather->access.list;
    if (LIKELY(list == NULL || gather->access.kind != ACCESS_HASH)) {
        return true;
    }
    const struct typed_value value = cells_get(page_cells(page, list->slot), page->capacity, slot);
    return typed_value_compare((enum column_type)list->type, &value, &list->list.values[gather->value]) == 0;
}

/* Those of the rows that match. */
static uint32_t filter_rows(const struct gather *gather, const uint32_t *candidates, size_t count, uint32_t *rows)
{
    uint32_t matches = 0;
    prefetch_rows(gather, candidates, count);
    for (size_t i = 0; i < count; i++) {
        const struct page *page = slice_page_of(gather->slice, candidates[i]);
        const uint32_t slot = row_slot(candidates[i]);
        if (is_looked_for(gather, page, slot) && filter_row(gather->where, page, slot)) {
            rows[matches++] = candidates[i];
        }
    }
    return matches;
}

static uint32_t step_hash(struct gather *gather, uint32_t *rows, uint32_t limit)
{
    uint32_t candidates[GATHER_ROWS];
    const uint64_t from = hash_index_entry(gather->access.hash, gather->next);
    const size_t count = hash_index_rows(&gather->access.index->hash, from, candidates, limit, &gather->is_done);
    gather->examined += count;
    if (!gather->is_done) {
        gather->next = candidates[count - 1] + 1; /* no row has the last number: PAGE_NONE is no page's */
    }
    return filter_rows(gather, candidates, count, rows);
}

static uint32_t step_range(struct gather *gather, uint32_t *rows, uint32_t limit)
{
    uint32_t candidates[GATHER_ROWS];
    const uint64_t left = gather->access.range.end - gather->next_rank;
    const struct ordered_index *index = &gather->access.index->ordered;
    uint32_t *into = gather->access.is_exact ? rows : candidates;
    const size_t count = ordered_index_rows(index, gather->next_rank, ORDERED_UP, into, left < limit ? left : limit);
    gather->examined += count;
    gather->next_rank += count;
    gather->is_done = count == left;
    if (!gather->access.is_exact) {
        return filter_rows(gather, candidates, count, rows);
    }
    prefetch_rows(gather, rows, count);
    return (uint32_t)count;
}

static uint32_t step_walk(struct gather *gather, uint32_t *rows)
{
    uint32_t candidates[GATHER_ROWS];
    struct order_walk *walk = &gather->walk;
    const size_t met = order_walk_next(walk, candidates, GATHER_ROWS);
    const uint32_t count = filter_rows(gather, candidates, met, rows);
    order_walk_found(walk, rows, count);
    if (order_walk_is_over(walk)) {
        end_walk(gather);
    }
    return count;
}

static uint32_t step_row(struct gather *gather, uint32_t *rows)
{
    const uint32_t row = slice_find_row(gather->slice, gather->access.id);
    gather->is_done = true;
    if (row == ROW_NONE) {
        return 0;
    }
    gather->examined++;
    return filter_rows(gather, &row, 1, rows);
}

static uint32_t step_index(struct gather *gather, uint32_t *rows, uint32_t limit)
{
    switch ((enum access_kind)gather->access.kind) {
    case ACCESS_HASH:
        return step_hash(gather, rows, limit);
    case ACCESS_RANGE:
        return step_range(gather, rows, limit);
    default:
        return step_row(gather, rows);
    }
}

/* Several values of a list, as long as there is room for rows. */
static uint32_t step_list(struct gather *gather, uint32_t *rows)
{
    uint32_t count = 0;
    for (int i = 0; i < VALUES_AT_ONCE && !gather->is_done && count < GATHER_ROWS; i++) {
        count += step_index(gather, rows + count, GATHER_ROWS - count);
        find_value(gather);
    }
    return count;
}

/* Pages lie anywhere: the next one's columns are asked for, and the head of the one behind it, whose columns are then known. */
static void prefetch_pages(const struct gather *gather)
{
    struct page *const *pages = gather->slice->pages;
    if (gather->next == PAGE_NONE) {
        return;
    }
    const struct page *page = pages[gather->next];
    __builtin_prefetch(page_live_bits(page));
    for (uint32_t i = 0; i < gather->column_count; i++) {
        const struct cells *cells = page_cells(page, gather->columns[i]);
        if (cells != NULL) {
            prefetch_column(cells, page->capacity);
        }
    }
    if (page->next != PAGE_NONE) {
        const char *head = (const char *)pages[page->next];
        __builtin_prefetch(head);
        __builtin_prefetch(head + CACHE_LINE_BYTES);
        __builtin_prefetch(head + 2 * CACHE_LINE_BYTES);
    }
}

const struct page *gather_page(struct gather *gather, struct page_bits *matches)
{
    const struct page *page = gather->slice->pages[gather->next];
    assert(gather_is_scan(gather) && !gather->is_done);
    gather->next = page->next;
    prefetch_pages(gather);
    filter_page(gather->where, page, matches);
    if (gather->is_rest) {
        order_walk_leave_out(&gather->walk, page, matches);
    }
    gather->examined += gather->access.is_bounded ? 0 : page->live;
    gather->is_done = gather->next == PAGE_NONE;
    return page;
}

static uint32_t step_scan(struct gather *gather, uint32_t *rows)
{
    struct page_bits matches;
    const struct page *page = gather_page(gather, &matches);
    return page_bits_rows(&matches, page, rows);
}

uint32_t gather_step(struct gather *gather, uint32_t rows[GATHER_ROWS])
{
    assert(!gather->is_done);
    if (gather->is_walking) {
        return step_walk(gather, rows);
    }
    if (gather->access.kind == ACCESS_SCAN) {
        return step_scan(gather, rows);
    }
    return gather->access.list != NULL ? step_list(gather, rows) : step_index(gather, rows, GATHER_ROWS);
}

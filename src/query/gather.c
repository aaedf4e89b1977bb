/* gather.c - see gather.h.  */
#include "query/gather.h"

#include <assert.h>

_Static_assert((int)GATHER_ROWS >= (int)PAGE_ROWS, "a step takes a whole page");

void gather_begin(struct gather *gather, const struct table_slice *slice, const struct schema *schema, const struct where *where)
{
    *gather = (struct gather){.slice = slice, .schema = schema, .where = where, .access = access_choose(slice, schema, where)};
    const struct ordered_range range = gather->access.range;
    switch ((enum access_kind)gather->access.kind) {
    case ACCESS_SCAN:
        gather->next = slice->first;
        gather->is_done = slice->first == PAGE_NONE;
        gather->examined = gather->access.is_bounded ? range.end - range.first : 0;
        break;
    case ACCESS_HASH:
        break;
    case ACCESS_RANGE:
        gather->next_rank = range.first;
        gather->is_done = range.first == range.end;
        break;
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

/* Those of the rows that match. */
static uint32_t filter_rows(const struct gather *gather, const uint32_t *candidates, size_t count, uint32_t *rows)
{
    uint32_t matches = 0;
    prefetch_rows(gather, candidates, count);
    for (size_t i = 0; i < count; i++) {
        if (filter_row(gather->where, slice_page_of(gather->slice, candidates[i]), row_slot(candidates[i]))) {
            rows[matches++] = candidates[i];
        }
    }
    return matches;
}

static uint32_t step_hash(struct gather *gather, uint32_t *rows)
{
    uint32_t candidates[GATHER_ROWS];
    const uint64_t from = hash_index_entry(gather->access.hash, gather->next);
    const size_t count = hash_index_rows(&gather->access.index->hash, from, candidates, GATHER_ROWS, &gather->is_done);
    gather->examined += count;
    if (!gather->is_done) {
        gather->next = candidates[count - 1] + 1; /* no row has the last number: PAGE_NONE is no page's */
    }
    return filter_rows(gather, candidates, count, rows);
}

static uint32_t step_range(struct gather *gather, uint32_t *rows)
{
    uint32_t candidates[GATHER_ROWS];
    const uint64_t left = gather->access.range.end - gather->next_rank;
    const struct ordered_index *index = &gather->access.index->ordered;
    uint32_t *into = gather->access.is_exact ? rows : candidates;
    const size_t count = ordered_index_rows(index, gather->next_rank, ORDERED_UP, into, left < GATHER_ROWS ? left : GATHER_ROWS);
    gather->examined += count;
    gather->next_rank += count;
    gather->is_done = count == left;
    if (!gather->access.is_exact) {
        return filter_rows(gather, candidates, count, rows);
    }
    prefetch_rows(gather, rows, count);
    return (uint32_t)count;
}

static uint32_t step_scan(struct gather *gather, uint32_t *rows)
{
    const struct page *page = gather->slice->pages[gather->next];
    struct page_bits matches;
    uint32_t count = 0;
    filter_page(gather->where, page, &matches);
    for (uint32_t word = 0; word < PAGE_WORDS; word++) {
        for (uint64_t rest = matches.words[word]; rest != 0; rest &= rest - 1) {
            rows[count++] = row_number(page->id, word * 64 + (uint32_t)__builtin_ctzll(rest));
        }
    }
    gather->examined += gather->access.is_bounded ? 0 : page->live;
    gather->next = page->next;
    gather->is_done = gather->next == PAGE_NONE;
    return count;
}

uint32_t gather_step(struct gather *gather, uint32_t rows[GATHER_ROWS])
{
    assert(!gather->is_done);
    switch ((enum access_kind)gather->access.kind) {
    case ACCESS_HASH:
        return step_hash(gather, rows);
    case ACCESS_RANGE:
        return step_range(gather, rows);
    case ACCESS_SCAN:
        break;
    }
    return step_scan(gather, rows);
}

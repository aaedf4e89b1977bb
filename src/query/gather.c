/* gather.c - see gather.h.  */
#include "query/gather.h"

#include "table/hash_index.h"

#include <assert.h>

_Static_assert((int)GATHER_ROWS >= (int)PAGE_ROWS, "a step takes a whole page");

/* A condition that an index can answer. */
static bool is_access(const struct condition *condition, const struct schema *schema)
{
    return condition->is_required && condition->comparison == COMPARE_EQUAL &&
           schema->columns[condition->column].index_at != COLUMN_NONE;
}

bool gather_scans(const struct where *where, const struct schema *schema)
{
    for (uint32_t i = 0; i < where->condition_count; i++) {
        if (is_access(&where->conditions[i], schema)) {
            return false;
        }
    }
    return true;
}

enum { ACCESS_DESCENTS = 4 };

/* How many rows the index has for the condition, counted over ACCESS_DESCENTS leaves at most: the first may hold only the
 * beginning of them.  */
static size_t access_rows(const struct gather *gather, uint32_t index_at, uint32_t hash)
{
    const struct hash_index *index = &gather->slice->indexes[index_at];
    uint32_t rows[GATHER_ROWS];
    uint64_t from = hash_index_entry(hash, 0);
    size_t total = 0;
    bool is_end = false;
    for (int i = 0; i < ACCESS_DESCENTS && !is_end; i++) {
        size_t count = hash_index_rows(index, from, rows, GATHER_ROWS, &is_end);
        total += count;
        from = count > 0 ? hash_index_entry(hash, rows[count - 1] + 1) : from;
    }
    return total;
}

static void choose_access(struct gather *gather, const struct schema *schema)
{
    size_t fewest = SIZE_MAX;
    uint32_t candidates = 0;
    for (uint32_t i = 0; i < gather->where->condition_count; i++) {
        candidates += is_access(&gather->where->conditions[i], schema) ? 1 : 0;
    }
    for (uint32_t i = 0; i < gather->where->condition_count; i++) {
        const struct condition *condition = &gather->where->conditions[i];
        if (!is_access(condition, schema)) {
            continue;
        }
        uint32_t index_at = schema->columns[condition->column].index_at;
        uint32_t hash = (uint32_t)typed_value_hash(gather->slice->secret, (enum column_type)condition->type, &condition->value);
        size_t rows = candidates == 1 ? 0 : access_rows(gather, index_at, hash);
        if (rows < fewest) {
            fewest = rows;
            gather->access = condition;
            gather->index_at = index_at;
            gather->hash = hash;
        }
    }
}

void gather_begin(struct gather *gather, const struct table_slice *slice, const struct schema *schema, const struct where *where)
{
    *gather = (struct gather){.slice = slice, .schema = schema, .where = where};
    choose_access(gather, schema);
    gather->next = gather->access == NULL ? slice->first : 0;
    gather->is_done = gather->access == NULL && slice->first == PAGE_NONE;
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

static uint32_t step_index(struct gather *gather, uint32_t *rows)
{
    uint32_t candidates[GATHER_ROWS];
    size_t count = hash_index_rows(&gather->slice->indexes[gather->index_at], hash_index_entry(gather->hash, gather->next),
                                   candidates, GATHER_ROWS, &gather->is_done);
    uint32_t matches = 0;
    prefetch_rows(gather, candidates, count);
    for (size_t i = 0; i < count; i++) {
        if (filter_row(gather->where, slice_page_of(gather->slice, candidates[i]), row_slot(candidates[i]))) {
            rows[matches++] = candidates[i];
        }
    }
    gather->examined += count;
    if (!gather->is_done) {
        gather->next = candidates[count - 1] + 1; /* no row has the last number: PAGE_NONE is no page's */
    }
    return matches;
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
    gather->examined += page->live;
    gather->next = page->next;
    gather->is_done = gather->next == PAGE_NONE;
    return count;
}

uint32_t gather_step(struct gather *gather, uint32_t rows[GATHER_ROWS])
{
    assert(!gather->is_done);
    return gather->access != NULL ? step_index(gather, rows) : step_scan(gather, rows);
}

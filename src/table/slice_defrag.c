/* slice_defrag.c - the pages and index nodes of tables leave sparse pages of the heap.
 *
 * The slice itself and the heads of its indexes stay: other threads read their counters without the baton.  */
#include "table/catalogue.h"
#include "table/slice_private.h"

/* The page with id state->page, or what is left of it. */
static void move_page(struct table_slice *slice, struct slice_defrag *state, size_t *limit)
{
    bool is_done = true;
    struct page *page = slice->pages[state->page];
    if (page == NULL) {
        *limit -= *limit > 0;
    } else {
        const struct cells_host host = slice_host(slice, page->capacity);
        slice->pages[state->page] = page_move(&host, page, &state->in_page, limit, &is_done);
    }
    if (is_done) {
        state->page++;
        state->in_page = (struct page_cursor){0};
    }
}

bool slice_defrag(struct table_slice *slice, struct slice_defrag *state, size_t *limit)
{
    if (!slice_may_write(slice)) {
        return true;
    }
    if (state->page == 0 && state->in_page.cells == 0 && state->in_page.slot == 0 && slice->pages != NULL) {
        const size_t size = slice->pages_capacity * sizeof slice->pages[0];
        slice->pages = heap_move_within(slice->heap, MEM_TABLE_ROW, slice->pages, size, limit);
    }
    do {
        if (state->page < slice->pages_end) {
            move_page(slice, state, limit);
        } else if (state->index <= slice->index_count) {
            const bool is_ids = state->index == slice->index_count;
            if (is_ids ? hash_index_move(&slice->ids, slice->heap, &state->entry, limit)
                       : column_index_move(&slice->indexes[state->index], slice->heap, &state->entry, limit)) {
                state->index++;
                state->entry = 0;
            }
        } else {
            return true;
        }
    } while (*limit > 0);
    return false;
}

bool catalogue_defrag_slice(const struct catalogue *catalogue, uint32_t shard, struct table_defrag *state, size_t limit)
{
    for (; limit > 0; limit -= limit > 0) {
        const struct table *table = catalogue_table_at(catalogue, state->table);
        if (table == NULL) {
            return true;
        }
        if (slice_defrag(table->slices[shard], &state->in_slice, &limit)) {
            *state = (struct table_defrag){.table = state->table + 1};
        }
    }
    return false;
}

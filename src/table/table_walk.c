/* table_walk.c - what each column of a table takes in one shard, counted page by page.
 *
 * A slice keeps one counter for all of its rows: which column they go to is asked rarely, and 240 rows are looked at at once.  */
#include "table/definition.h"

#include <assert.h>

/* What the deleted rows of a page keep in the cells' block and arena. */
static uint64_t hole_bytes(const struct page *page, const struct cells *cells)
{
    if (cells->block == NULL) {
        return 0;
    }
    const uint64_t deleted = (uint64_t)(page->used - page->live);
    const uint64_t values = cells_bits_offset(cells->width, page->capacity) * deleted / page->capacity;
    return values + (cells->kind == CELLS_TEXT ? (uint64_t)(cells->arena_used - cells->arena_live) : 0);
}

bool table_walk_slice(const struct table *table, uint32_t shard, uint32_t *page, uint32_t limit, struct table_walk *out)
{
    const struct table_slice *slice = table->slices[shard];
    const struct schema *schema = table_schema(table);
    for (; *page < slice->pages_end && limit > 0; ++*page, limit--) {
        const struct page *at = slice->pages[*page];
        if (at == NULL) {
            continue;
        }
        out->slots += at->used;
        out->rows += at->live;
        out->hole_bytes += hole_bytes(at, &at->ids);
        bool is_fine = cells_audit(&at->ids, at->capacity, &out->row_id_bytes);
        for (uint32_t i = 0; i < schema->column_count; i++) {
            const struct cells *cells = page_cells(at, schema->columns[i].slot);
            if (cells != NULL) {
                is_fine = cells_audit(cells, at->capacity, &out->column_bytes[i]) && is_fine;
                out->hole_bytes += hole_bytes(at, cells);
            }
        }
        assert(is_fine);
    }
    return *page >= slice->pages_end;
}

/* column_fill.c - see column_fill.h.  */
#include "table/column_fill.h"

#include "table/slice_private.h"

#include <assert.h>

static bool fill_page(const struct column_fill *fill, struct page *page)
{
    const struct cells_host host = slice_host(fill->slice, page->capacity);
    struct cells *cells = &page->columns[fill->slot];
    for (uint32_t slot = page_next_live(page, 0); slot < page->capacity; slot = page_next_live(page, slot + 1)) {
        struct cells_write write = {.value = fill->value, .slot = (uint16_t)slot, .type = fill->type};
        if (!cells_prepare(cells, &host, &write)) {
            cells_abandon(&host, &write);
            return false;
        }
        cells_commit(cells, &host, &write);
    }
    return true;
}

enum fill_status column_fill_step(struct column_fill *fill)
{
    struct table_slice *slice = fill->slice;
    assert(slice->is_write_locked);
    while (fill->page < slice->pages_end && slice->pages[fill->page] == NULL) {
        fill->page++;
    }
    if (fill->page >= slice->pages_end) {
        return FILL_DONE;
    }
    struct page *page = slice_widen_page(slice, slice->pages[fill->page], fill->slot + 1u);
    if (page == NULL || !fill_page(fill, page)) {
        return FILL_NO_MEMORY;
    }
    fill->page++;
    return FILL_MORE;
}

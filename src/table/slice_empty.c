/* slice_empty.c - all rows of a slice go: pages are freed as they are, and indexes as wholes, not entry by entry.  */
#include "table/slice_private.h"

#include <assert.h>

/* Tells of the page's rows, and frees it. */
static void drop_rows(struct table_slice *slice, const struct schema *schema, struct page *page)
{
    slice_before_page_change(slice, page);
    for (uint32_t slot = page_next_live(page, 0); slot < page->capacity; slot = page_next_live(page, slot + 1)) {
        slice_tell_removed(slice, schema, row_number(page->id, slot), ROW_DELETED);
    }
    assert(slice->row_count >= page->live);
    __atomic_store_n(&slice->row_count, slice->row_count - page->live, __ATOMIC_RELAXED);
    slice_unlink_page(slice, page);
    slice_remove_pending(slice, page);
    slice_drop_page(slice, page);
}

bool slice_empty(struct table_slice *slice, const struct schema *schema, size_t limit)
{
    assert(slice->is_write_locked);
    slice->is_emptying = true;
    for (; slice->first != PAGE_NONE; limit--) {
        if (limit == 0) {
            return false;
        }
        drop_rows(slice, schema, slice->pages[slice->first]);
    }
    for (uint32_t i = 0; i < slice->index_count; i++) {
        if (!column_index_free(&slice->indexes[i], slice->heap, limit)) {
            return false;
        }
    }
    if (!hash_index_free(&slice->ids, slice->heap, limit)) {
        return false;
    }
    slice->noted_entry = NO_ENTRY;
    slice->is_emptying = false;
    assert(slice->row_count == 0 && slice->page_count == 0);
    debug_assert(slice_is_valid(slice, schema));
    return true;
}

/* slice_alter.c - what ALTER does to a slice: indexes come and go; a dropped column's cells are freed.  */
#include "table/slice_private.h"

#include <assert.h>
#include <string.h>

/* Room for the heads of `count` indexes; 0 frees it. False: no memory, unchanged. */
static bool resize_heads(struct table_slice *slice, uint32_t count)
{
    size_t old_size = slice->index_capacity * sizeof slice->indexes[0];
    size_t size = count * sizeof slice->indexes[0];
    struct column_index *indexes = NULL;
    if (count == 0) {
        heap_free(slice->heap, MEM_TABLE_ROW, slice->indexes, old_size);
    } else {
        indexes = heap_realloc(slice->heap, MEM_TABLE_ROW, slice->indexes, old_size, size);
        if (indexes == NULL) {
            return false;
        }
    }
    slice_count_bytes(slice, size, old_size);
    slice->indexes = indexes;
    slice->index_capacity = (uint16_t)count;
    return true;
}

bool slice_add_index(struct table_slice *slice, enum index_kind kind, const struct column *column)
{
    if (slice->index_count == slice->index_capacity && !resize_heads(slice, slice->index_count + 1u)) {
        return false;
    }
    column_index_init(&slice->indexes[slice->index_count++], kind, column);
    return true;
}

struct column_index slice_take_index(struct table_slice *slice, uint32_t at)
{
    assert(at < slice->index_count);
    struct column_index taken = slice->indexes[at];
    slice->index_count--;
    memmove(slice->indexes + at, slice->indexes + at + 1, (slice->index_count - at) * sizeof taken);
    bool is_cut = resize_heads(slice, slice->index_count);
    (void)is_cut; /* without memory it stays as it is */
    return taken;
}

struct column_index slice_replace_index(struct table_slice *slice, uint32_t at)
{
    assert(at + 1u < slice->index_count);
    const struct column_index replaced = slice->indexes[at];
    const struct column_index last = slice_take_index(slice, slice->index_count - 1u);
    slice->indexes[at] = last; /* the heads may have moved */
    return replaced;
}

void slice_begin_cleaning(struct table_slice *slice, uint32_t slot)
{
    assert(!slice->is_cleaning);
    slice->is_cleaning = true;
    slice->cleaning_slot = (uint16_t)slot;
    slice->cleaning_next = 0;
}

bool slice_clean(struct table_slice *slice, size_t limit)
{
    assert(slice->is_cleaning);
    for (size_t done = 0; done < limit && slice->cleaning_next < slice->pages_end; done++) {
        struct page *page = slice->pages[slice->cleaning_next++];
        if (page != NULL && slice->cleaning_slot < page->cells_count) {
            slice_before_page_change(slice, page);
            struct cells_host host = slice_host(slice, page->capacity);
            done += page->columns[slice->cleaning_slot].long_count;
            cells_release(&page->columns[slice->cleaning_slot], &host);
        }
    }
    slice->is_cleaning = slice->cleaning_next < slice->pages_end;
    return !slice->is_cleaning;
}

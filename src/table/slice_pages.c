/* slice_pages.c - a slice's pages: the directory by id, and the list in the order of their rows.  */
#include "table/slice_private.h"

#include <assert.h>

void slice_count_bytes(struct table_slice *slice, size_t added, size_t removed)
{
    uint64_t bytes = slice->row_bytes + (added == 0 ? 0 : heap_block_bytes(added));
    __atomic_store_n(&slice->row_bytes, bytes - (removed == 0 ? 0 : heap_block_bytes(removed)), __ATOMIC_RELAXED);
}

/* Changes the directory's capacity; 0 frees it. False: no memory, unchanged. */
static bool resize_directory(struct table_slice *slice, uint32_t capacity)
{
    size_t old_size = (size_t)slice->pages_capacity * sizeof(struct page *);
    size_t size = (size_t)capacity * sizeof(struct page *);
    struct page **pages = NULL;
    if (capacity == 0) {
        heap_free(slice->heap, MEM_TABLE_ROW, slice->pages, old_size);
    } else {
        pages = heap_realloc(slice->heap, MEM_TABLE_ROW, slice->pages, old_size, size);
        if (pages == NULL) {
            return false;
        }
    }
    slice_count_bytes(slice, size, old_size);
    slice->pages = pages;
    slice->pages_capacity = capacity;
    return true;
}

/* The lowest free id, with room for it in the directory; PAGE_NONE: no memory or *is_full. */
static uint32_t take_id(struct table_slice *slice, bool *is_full)
{
    uint32_t id = slice->pages_hint;
    while (id < slice->pages_end && slice->pages[id] != NULL) {
        id++;
    }
    *is_full = id == PAGE_NONE;
    if (*is_full) {
        return PAGE_NONE;
    }
    if (id == slice->pages_capacity) {
        size_t size = heap_block_bytes((id + 1 + id / 4) * sizeof(struct page *));
        if (!resize_directory(slice, (uint32_t)(size / sizeof(struct page *)))) {
            return PAGE_NONE;
        }
    }
    return id;
}

static void give_id_back(struct table_slice *slice, uint32_t id)
{
    assert(slice->pages[id] != NULL);
    slice->pages[id] = NULL;
    if (id < slice->pages_hint) {
        slice->pages_hint = id;
    }
    while (slice->pages_end > 0 && slice->pages[slice->pages_end - 1] == NULL) {
        slice->pages_end--;
    }
    if (slice->pages_hint > slice->pages_end) {
        slice->pages_hint = slice->pages_end;
    }
    uint32_t wanted = slice->pages_end + slice->pages_end / 4;
    if (slice->pages_end == 0 || wanted < slice->pages_capacity / 2) {
        bool is_cut = resize_directory(slice, wanted);
        (void)is_cut; /* without memory it stays as it is */
    }
}

static void count_slots(struct table_slice *slice, uint32_t added, uint32_t removed)
{
    assert(slice->slot_count + added >= removed);
    __atomic_store_n(&slice->slot_count, slice->slot_count + added - removed, __ATOMIC_RELAXED);
}

struct page *slice_new_page(struct table_slice *slice, uint32_t capacity, uint32_t cells_count, bool *is_full)
{
    uint32_t id = take_id(slice, is_full);
    if (id == PAGE_NONE) {
        return NULL;
    }
    struct cells_host host = slice_host(slice, capacity);
    struct page *page = page_create(&host, id, capacity, cells_count);
    if (page == NULL) {
        if (slice->page_count == 0) {
            resize_directory(slice, 0);
        }
        return NULL;
    }
    slice->pages[id] = page;
    slice->pages_hint = id + 1;
    if (id >= slice->pages_end) {
        slice->pages_end = id + 1;
    }
    slice->page_count++;
    count_slots(slice, capacity, 0);
    return page;
}

bool slice_grow_page(struct table_slice *slice, struct page *page, uint32_t capacity)
{
    const uint32_t before = page->capacity;
    const struct cells_host host = slice_host(slice, before);
    if (!page_grow(&host, page, capacity)) {
        return false;
    }
    count_slots(slice, capacity, before);
    return true;
}

void slice_link_page(struct table_slice *slice, struct page *page, uint32_t previous)
{
    assert(slice->pages[page->id] == page);
    page->previous = previous;
    page->next = previous == PAGE_NONE ? slice->first : slice->pages[previous]->next;
    *(previous == PAGE_NONE ? &slice->first : &slice->pages[previous]->next) = page->id;
    *(page->next == PAGE_NONE ? &slice->last : &slice->pages[page->next]->previous) = page->id;
}

void slice_unlink_page(struct table_slice *slice, struct page *page)
{
    assert(page->previous == PAGE_NONE ? slice->first == page->id : slice->pages[page->previous]->next == page->id);
    assert(page->next == PAGE_NONE ? slice->last == page->id : slice->pages[page->next]->previous == page->id);
    slice->compact_from = slice->compact_from == page->id ? page->next : slice->compact_from;
    slice->compact_into = slice->compact_into == page->id ? PAGE_NONE : slice->compact_into;
    *(page->previous == PAGE_NONE ? &slice->first : &slice->pages[page->previous]->next) = page->next;
    *(page->next == PAGE_NONE ? &slice->last : &slice->pages[page->next]->previous) = page->previous;
}

void slice_push_pending(struct table_slice *slice, struct page *page)
{
    if (page->is_pending) {
        return;
    }
    page->is_pending = true;
    page->pending_previous = PAGE_NONE;
    page->pending_next = slice->pending;
    if (slice->pending != PAGE_NONE) {
        slice->pages[slice->pending]->pending_previous = page->id;
    }
    slice->pending = page->id;
}

void slice_remove_pending(struct table_slice *slice, struct page *page)
{
    if (!page->is_pending) {
        return;
    }
    assert(slice->pending != PAGE_NONE);
    page->is_pending = false;
    *(page->pending_previous == PAGE_NONE ? &slice->pending : &slice->pages[page->pending_previous]->pending_next) =
        page->pending_next;
    if (page->pending_next != PAGE_NONE) {
        slice->pages[page->pending_next]->pending_previous = page->pending_previous;
    }
}

void slice_drop_page(struct table_slice *slice, struct page *page)
{
    assert(!page->is_pending);
    uint32_t id = page->id;
    struct cells_host host = slice_host(slice, page->capacity);
    count_slots(slice, 0, page->capacity);
    page_destroy(&host, page);
    assert(slice->page_count > 0);
    slice->page_count--;
    give_id_back(slice, id);
    if (slice->page_count == 0) {
        slice->is_ordered = true;
        slice->last_id = 0;
    }
}

struct page *slice_widen_page(struct table_slice *slice, struct page *page, uint32_t cells_count)
{
    if (page->cells_count >= cells_count) {
        return page;
    }
    struct cells_host host = slice_host(slice, page->capacity);
    struct page *moved = page_add_cells(&host, page, cells_count);
    if (moved != NULL) {
        slice->pages[moved->id] = moved;
    }
    return moved;
}

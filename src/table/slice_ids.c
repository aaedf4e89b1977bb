/* slice_ids.c - which page a row is in, by its id: what repeats the changes of another server names rows so.
 *
 * Rows are added in the order of their ids, more or less, so a page holds ids of few blocks (1 << id_shift consecutive ids each). An
 * index of (block, page) pairs costs 0.1 bytes a row then, and no more than an entry a row whatever the order; which slot it is, is
 * looked for in the page.
 *
 * Invariant  L6 the index has (block, page) exactly when the page has a row whose id is in the block.  */
#include "table/slice_private.h"

#include <assert.h>

enum { PAGES_AT_ONCE = 8 };

static uint64_t block_entry(const struct table_slice *slice, uint64_t id, const struct page *page)
{
    return hash_index_entry((uint32_t)(id >> slice->id_shift), page->id);
}

static bool has_entry(const struct table_slice *slice, uint64_t entry)
{
    uint32_t page;
    bool is_end;
    return hash_index_rows(&slice->ids, entry, &page, 1, &is_end) == 1 && page == (uint32_t)entry;
}

static uint64_t id_at(const struct page *page, uint32_t slot)
{
    return (uint64_t)cells_integer(&page->ids, slot);
}

/* Has the page a row of this block in the slots first .. end - 1? */
static bool has_row_between(const struct table_slice *slice, const struct page *page, uint64_t entry, uint32_t first, uint32_t end)
{
    for (uint32_t slot = page_next_live(page, first); slot < end; slot = page_next_live(page, slot + 1)) {
        if (block_entry(slice, id_at(page, slot), page) == entry) {
            return true;
        }
    }
    return false;
}

bool slice_note_id(struct table_slice *slice, const struct page *page, uint64_t id)
{
    const uint64_t entry = block_entry(slice, id, page);
    if (entry == slice->noted_entry || has_entry(slice, entry)) {
        return true;
    }
    if (!hash_index_insert(&slice->ids, slice->heap, entry)) {
        return false;
    }
    slice->noted_entry = entry;
    return true;
}

static void remove_entry(struct table_slice *slice, uint64_t entry)
{
    hash_index_remove(&slice->ids, slice->heap, entry);
    if (slice->noted_entry == entry) {
        slice->noted_entry = NO_ENTRY;
    }
}

void slice_forget_id(struct table_slice *slice, const struct page *page, uint32_t slot)
{
    const uint64_t entry = block_entry(slice, id_at(page, slot), page);
    if (!has_row_between(slice, page, entry, slot + 1, page->used) && !has_row_between(slice, page, entry, 0, slot)) {
        remove_entry(slice, entry);
    }
}

void slice_forget_page(struct table_slice *slice, const struct page *page)
{
    uint64_t previous = NO_ENTRY;
    for (uint32_t slot = page_next_live(page, 0); slot < page->capacity; slot = page_next_live(page, slot + 1)) {
        const uint64_t entry = block_entry(slice, id_at(page, slot), page);
        if (entry != previous && has_entry(slice, entry)) {
            remove_entry(slice, entry);
        }
        previous = entry;
    }
}

bool slice_note_page(struct table_slice *slice, const struct page *page)
{
    for (uint32_t slot = page_next_live(page, 0); slot < page->capacity; slot = page_next_live(page, slot + 1)) {
        if (!slice_note_id(slice, page, id_at(page, slot))) {
            slice_forget_page(slice, page);
            return false;
        }
    }
    return true;
}

/* The row's slot in the page; its capacity: there is none. */
static uint32_t find_slot(const struct page *page, uint64_t id)
{
    uint32_t slot = page_next_live(page, 0);
    while (slot < page->capacity && id_at(page, slot) != id) {
        slot = page_next_live(page, slot + 1);
    }
    return slot;
}

uint32_t slice_find_row(const struct table_slice *slice, uint64_t id)
{
    uint32_t pages[PAGES_AT_ONCE];
    uint64_t from = hash_index_entry((uint32_t)(id >> slice->id_shift), 0);
    bool is_end = false;
    while (!is_end) {
        const size_t count = hash_index_rows(&slice->ids, from, pages, PAGES_AT_ONCE, &is_end);
        for (size_t i = 0; i < count; i++) {
            const struct page *page = slice->pages[pages[i]];
            const uint32_t slot = find_slot(page, id);
            if (slot < page->capacity) {
                return row_number(page->id, slot);
            }
        }
        from += count == 0 ? 0 : (uint64_t)pages[count - 1] + 1 - (uint32_t)from;
    }
    return ROW_NONE;
}

bool slice_ids_are_valid(const struct table_slice *slice)
{
    uint64_t expected = 0;
    for (uint32_t number = slice->first; number != PAGE_NONE; number = slice->pages[number]->next) {
        const struct page *page = slice->pages[number];
        for (uint32_t slot = page_next_live(page, 0); slot < page->capacity; slot = page_next_live(page, slot + 1)) {
            const uint64_t entry = block_entry(slice, id_at(page, slot), page);
            if (!has_entry(slice, entry)) {
                return false;
            }
            expected += has_row_between(slice, page, entry, 0, slot) ? 0 : 1;
        }
    }
    return expected == slice->ids.count;
}

/* slice_private.h - what the files of a slice share: slice.c (rows), slice_pages.c (the list and directory of pages),
 * slice_ids.c (finding rows by their ids), slice_tidy.c (rewriting), slice_compact.c (the same in steps), slice_empty.c (all rows go),
 * slice_alter.c (indexes and columns), slice_audit.c.  */
#ifndef TABLE_SLICE_PRIVATE_H
#define TABLE_SLICE_PRIVATE_H

#include "table/slice.h"

static inline struct cells_host slice_host(struct table_slice *slice, uint32_t capacity)
{
    return (struct cells_host){.heap = slice->heap, .row_bytes = &slice->row_bytes, .capacity = capacity};
}

/* Before rows of a page, by their numbers, are not what they were any more. */
static inline void slice_before_change(const struct table_slice *slice, uint32_t first, uint32_t end)
{
    if (UNLIKELY(slice->owner->before_change != NULL)) {
        slice->owner->before_change(slice->owner->context, slice, first, end);
    }
}

static inline void slice_before_page_change(const struct table_slice *slice, const struct page *page)
{
    slice_before_change(slice, row_number(page->id, 0), row_number(page->id, page->used));
}

void slice_count_bytes(struct table_slice *slice, size_t added, size_t removed);

/* A new page that is not in the list yet. NULL: no memory, or PAGE_NONE pages are there (*is_full). */
struct page *slice_new_page(struct table_slice *slice, uint32_t capacity, uint32_t cells_count, bool *is_full) MUST_USE;
/* Into the list behind page `previous`, PAGE_NONE: at the beginning. */
void slice_link_page(struct table_slice *slice, struct page *page, uint32_t previous);
void slice_unlink_page(struct table_slice *slice, struct page *page);
/* Raises the page's capacity. False: no memory, unchanged. */
MUST_USE bool slice_grow_page(struct table_slice *slice, struct page *page, uint32_t capacity);
/* Frees a page that is not in the list, and its id. */
void slice_drop_page(struct table_slice *slice, struct page *page);

/* A page that was begun before a column came has no cells for it yet: the page with them, which may have moved. NULL: no memory, the page is as it
 * was.  */
struct page *slice_widen_page(struct table_slice *slice, struct page *page, uint32_t cells_count) MUST_USE;

/* Onto the list of pages to tidy, unless it is there; and off it, if it is there. */
void slice_push_pending(struct table_slice *slice, struct page *page);
void slice_remove_pending(struct table_slice *slice, struct page *page);

/* slice_ids.c: the row with this id comes into the page (false: no memory); the row in the slot is going to leave it; all rows of a
 * page that is not in the list yet, or that goes.  */
#define NO_ENTRY UINT64_MAX
MUST_USE bool slice_note_id(struct table_slice *slice, const struct page *page, uint64_t id);
void slice_forget_id(struct table_slice *slice, const struct page *page, uint32_t slot);
MUST_USE bool slice_note_page(struct table_slice *slice, const struct page *page);
void slice_forget_page(struct table_slice *slice, const struct page *page);
/* L6, O(rows x rows of a page): for tests. */
bool slice_ids_are_valid(const struct table_slice *slice);

/* Tells the owner, if anybody listens, of a row that is going to be removed. slice.c. */
void slice_tell_removed(const struct table_slice *slice, const struct schema *schema, uint32_t row, enum row_event event);

/* Appends a live row of `from` to `into`, which has a free slot and cells for all columns; long texts are in both then. False: no memory, and a row
 * that has come into `into` has only some of its values. slice_tidy.c.  */
MUST_USE bool slice_copy_row(struct table_slice *slice, const struct schema *schema, const struct page *from, uint32_t slot, struct page *into);

/* Puts page `a`, and behind it the rows of its next neighbour `b` (or NULL), into a new page that takes their place. False:
 * no memory, nothing changed. Row numbers change.  */
bool slice_rewrite(struct table_slice *slice, const struct schema *schema, struct page *a, struct page *b);

static inline struct index_host slice_index_host(const struct table_slice *slice)
{
    return (struct index_host){.heap = slice->heap, .pages = slice->pages, .secret = slice->secret};
}

/* For debug asserts, after a change to the row: P1-P3 of its page, and, when it lives, L2. slice.c. */
bool slice_row_is_valid(const struct table_slice *slice, const struct schema *schema, uint32_t row);
/* The row is in the index of the column, or has no value there, or the column has no index. slice.c. */
bool slice_row_is_indexed(const struct table_slice *slice, const struct column *column, uint32_t row);

/* The next live slot >= `from`; capacity: there is none. */
static inline uint32_t page_next_live(const struct page *page, uint32_t from)
{
    const uint64_t *bits = page_live_bits(page);
    while (bits != NULL && from < page->capacity) {
        uint64_t rest = bits[from / 64] >> (from % 64);
        if (rest != 0) {
            return from + (uint32_t)__builtin_ctzll(rest);
        }
        from = (from / 64 + 1) * 64;
    }
    return page->capacity;
}

#endif

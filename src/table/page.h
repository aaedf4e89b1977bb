/* page.h - up to PAGE_ROWS rows of one slice, column by column.
 *
 * Slots are handed out in ascending order and never reused while the page lives, so that row ids ascend with the slots; a
 * page that has become sparse is rewritten (slice_tidy). A page is as big as it must be: its capacity grows in steps.
 *
 * Invariant  P1 a slot holds a row exactly when ids has its bit; P2 live is the number of such slots, used is above the
 *            highest; live <= used <= capacity <= PAGE_ROWS; P3 only live slots have bits in the columns' cells.  */
#ifndef TABLE_PAGE_H
#define TABLE_PAGE_H

#include "table/cells.h"
#include "table/table.h"

enum { PAGE_NONE = 0xffffff, ROW_SLOT_BITS = 8 };

/* A row's number: its page's id and its slot. The ids have 24 bits, so no row has the number ROW_NONE. */
#define ROW_NONE UINT32_MAX
_Static_assert((int)PAGE_ROWS <= 1 << ROW_SLOT_BITS, "a row's number has room for its slot");
_Static_assert((uint64_t)PAGE_NONE << ROW_SLOT_BITS <= UINT32_MAX, "a row's number has room for its page");

static inline uint32_t row_number(uint32_t page, uint32_t slot)
{
    return page << ROW_SLOT_BITS | slot;
}

static inline uint32_t row_page(uint32_t row)
{
    return row >> ROW_SLOT_BITS;
}

static inline uint32_t row_slot(uint32_t row)
{
    return row & ((1u << ROW_SLOT_BITS) - 1);
}

struct page {
    uint32_t id;
    uint32_t previous, next; /* ids of the neighbours; PAGE_NONE at the ends */
    uint32_t pending_previous, pending_next; /* in the slice's list of pages to tidy */
    uint8_t capacity, used, live;
    bool is_pending;
    uint16_t cells_count;    /* a column whose slot is beyond has no values in this page */
    struct cells ids;        /* row ids */
    struct cells columns[];  /* by slot */
};

/* The least capacity step that holds `rows`. */
uint32_t page_capacity_for(uint32_t rows);

/* An empty page without neighbours; NULL: no memory. host->capacity is not used. */
struct page *page_create(const struct cells_host *host, uint32_t id, uint32_t capacity, uint32_t cells_count) MUST_USE;
/* Frees it with all values. */
void page_destroy(const struct cells_host *host, struct page *page);
/* Raises the capacity. False: no memory, unchanged. */
MUST_USE bool page_grow(const struct cells_host *host, struct page *page, uint32_t capacity);
/* The page with room for `cells_count` columns: it may move. NULL: no memory, and the page is as it was. */
struct page *page_add_cells(const struct cells_host *host, struct page *page, uint32_t cells_count) MUST_USE;

/* The cells of a slot; NULL when no row of the page has a value there. */
static inline const struct cells *page_cells(const struct page *page, uint32_t slot)
{
    return slot < page->cells_count && page->columns[slot].block != NULL ? &page->columns[slot] : NULL;
}

/* The bits of the rows that live, (capacity + 63) / 64 words; NULL: the page is empty and never held one. */
static inline const uint64_t *page_live_bits(const struct page *page)
{
    return cells_bits(&page->ids, page->capacity);
}

static inline bool page_is_live(const struct page *page, uint32_t slot)
{
    return slot < page->capacity && cells_has_value(&page->ids, page->capacity, slot);
}

/* Removes a live row's values and its id. */
void page_clear_row(const struct cells_host *host, struct page *page, uint32_t slot);

/* Defragmentation: hands the page's blocks to heap_move_within, and returns where the page is now. *is_done: to the last one. */
struct page *page_move(const struct cells_host *host, struct page *page, struct page_cursor *cursor, size_t *limit,
                       bool *is_done) MUST_USE;

/* Bytes of the page and its cells, counted again; false: P1-P3 or an invariant of its cells does not hold. */
MUST_USE bool page_audit(const struct page *page, uint64_t *bytes);

#endif

/* slice_compact.c - pages that deletions have left with many free slots give their rows to new pages, a few rows at a time.
 *
 *   list   ... [ dense ] [ into: filled from its front ] [ from: emptied from its front ] [ ... ]
 *
 * A round goes once along the list. Where a run of sparse pages would fit into fewer or smaller ones, a new page comes before the first of them
 * and takes their rows, in their order; a page that is empty goes. Between two calls the slice is as valid as ever, so others may change it:
 * pages that go take the two ends of the round along (slice_unlink_page), and `into` is left when it does not stand before `from` any more.
 *
 * Invariant  The rows keep their order. Of each row: what needs memory comes first, and can be taken back; then nothing can fail.
 * Read on    docs/design/table-compaction.md.  */
#include "table/slice_private.h"

#include <assert.h>

enum {
    FREE_SHARE = 8,      /* a round begins when one slot of so many is free, */
    FREE_SLOTS_MIN = 24, /* and some more: small slices */
    VAIN_SHARE = 16,     /* and again when so much more is free than it has left */
    SHARE_ONE = 256,
    SPARSE_SHARE_MIN = SHARE_ONE / 11, /* a page is sparse when at least this share of its slots is free */
    GAIN_SHARE = 16,     /* a run is moved when that frees one slot of so many */
    RUN_PAGES_MAX = 8,   /* as far as a run is looked at */
};

/* Slots that can hold no row that comes: the last page's are still handed out. */
static uint64_t page_slots(const struct table_slice *slice, const struct page *page)
{
    return page->id == slice->last ? page->used : page->capacity;
}

uint64_t slice_free_slots(const struct table_slice *slice)
{
    const struct page *last = slice->last == PAGE_NONE ? NULL : slice->pages[slice->last];
    return slice->slot_count - slice->row_count - (last == NULL ? 0 : (uint64_t)(last->capacity - last->used));
}

bool slice_wants_compaction(struct table_slice *slice)
{
    if (!slice_may_write(slice) || slice->owner->before_change != NULL) {
        return false;
    }
    if (slice->compact_from != PAGE_NONE) {
        return true;
    }
    const uint64_t count = slice_free_slots(slice);
    slice->compact_vain = count < slice->compact_vain ? count : slice->compact_vain;
    return count > slice->slot_count / FREE_SHARE + FREE_SLOTS_MIN && count > slice->compact_vain + slice->compact_vain / VAIN_SHARE;
}

/* --- a row --- */

/* Takes a row out of a page that another page has with its long texts. The indexes are the caller's. */
static void leave_page(struct table_slice *slice, const struct schema *schema, struct page *page, uint32_t slot)
{
    const struct cells_host host = slice_host(slice, page->capacity);
    for (uint32_t i = 0; i < schema->column_count; i++) {
        if (page_cells(page, schema->columns[i].slot) != NULL) {
            cells_clear_adopted(&page->columns[schema->columns[i].slot], page->capacity, slot);
        }
    }
    page_clear_row(&host, page, slot); /* its id, and what is left of columns that were dropped */
}

/* The last row of `into`, which has come from `row`, in one index: both numbers are in it afterwards, or the new one alone (*is_done). False: no
 * memory, nothing changed.  */
static bool enter_row(struct table_slice *slice, const struct column *column, uint32_t row, uint32_t new_row, bool *is_done)
{
    const struct typed_value value = slice_value(slice, new_row, column->slot);
    const struct index_host host = slice_index_host(slice);
    *is_done = column->index_at == COLUMN_NONE || value.is_null ||
               column_index_renumber(&slice->indexes[column->index_at], &host, &value, row, new_row);
    if (*is_done) {
        return true;
    }
    if (!column_index_prepare(&slice->indexes[column->index_at], &host, &value, new_row)) {
        return false;
    }
    column_index_commit(&slice->indexes[column->index_at], &host, &value, new_row);
    return true;
}

/* Takes back what was done in the first `count` columns' indexes. */
static void reenter_old(struct table_slice *slice, const struct schema *schema, uint32_t row, uint32_t new_row, const bool *is_done, uint32_t count)
{
    const struct index_host host = slice_index_host(slice);
    for (uint32_t i = 0; i < count; i++) {
        const struct column *column = &schema->columns[i];
        const struct typed_value value = slice_value(slice, row, column->slot);
        if (column->index_at == COLUMN_NONE || value.is_null) {
            continue;
        }
        if (!is_done[i]) {
            column_index_remove(&slice->indexes[column->index_at], &host, &value, new_row);
            continue;
        }
        const bool is_back = column_index_renumber(&slice->indexes[column->index_at], &host, &value, new_row, row);
        assert(is_back);
    }
}

static bool reindex(struct table_slice *slice, const struct schema *schema, uint32_t row, uint32_t new_row)
{
    bool is_done[TABLE_COLUMNS_MAX];
    const struct index_host host = slice_index_host(slice);
    for (uint32_t i = 0; i < schema->column_count; i++) {
        if (!enter_row(slice, &schema->columns[i], row, new_row, &is_done[i])) {
            reenter_old(slice, schema, row, new_row, is_done, i);
            return false;
        }
    }
    for (uint32_t i = 0; i < schema->column_count; i++) {
        if (!is_done[i]) {
            const struct typed_value value = slice_value(slice, row, schema->columns[i].slot);
            column_index_remove(&slice->indexes[schema->columns[i].index_at], &host, &value, row);
        }
    }
    return true;
}

/* False: no memory, nothing changed. */
static bool move_row(struct table_slice *slice, const struct schema *schema, struct page *from, uint32_t slot, struct page *into)
{
    const uint32_t new_slot = into->used;
    const uint32_t new_row = row_number(into->id, new_slot);
    bool is_moved = slice_copy_row(slice, schema, from, slot, into) && slice_note_id(slice, into, slice_row_id(slice, new_row));
    if (is_moved && !reindex(slice, schema, row_number(from->id, slot), new_row)) {
        slice_forget_id(slice, into, new_slot);
        is_moved = false;
    }
    if (is_moved) {
        slice_forget_id(slice, from, slot);
        leave_page(slice, schema, from, slot);
    } else if (into->used > new_slot) {
        leave_page(slice, schema, into, new_slot);
        into->used--;
    }
    debug_assert(slice_row_is_valid(slice, schema, is_moved ? new_row : row_number(from->id, slot)));
    return is_moved;
}

/* --- pages --- */

static bool is_sparse(const struct table_slice *slice, const struct page *page)
{
    const uint64_t slots = page_slots(slice, page);
    return (slots - page->live) * SHARE_ONE >= slots * slice->compact_share;
}

/* The rows of the sparse pages from `page` on, as far as they are looked at; 0: it is not worth while to move them. */
static uint32_t rows_to_move(const struct table_slice *slice, const struct page *page)
{
    uint32_t rows = 0;
    uint64_t slots = 0;
    for (uint32_t i = 0; i < RUN_PAGES_MAX && page != NULL && is_sparse(slice, page); i++) {
        rows += page->live;
        slots += page_slots(slice, page);
        page = page->next == PAGE_NONE ? NULL : slice->pages[page->next];
    }
    const uint32_t rest = rows % PAGE_ROWS;
    const uint64_t needed = rows - rest + (rest == 0 ? 0 : page_capacity_for(rest));
    return needed + slots / GAIN_SHARE < slots ? rows : 0;
}

/* The page before `from` that is being filled; NULL: there is none, or it can take no more of these rows. */
static struct page *page_to_fill(struct table_slice *slice, const struct page *from)
{
    struct page *into = slice->compact_into == PAGE_NONE ? NULL : slice->pages[slice->compact_into];
    const bool is_good = into != NULL && into->next == from->id && into->used < into->capacity && is_sparse(slice, from);
    slice->compact_into = is_good ? into->id : PAGE_NONE;
    return is_good ? into : NULL;
}

/* A new page before `from` for that many rows or a page full of them. NULL: no memory. */
static struct page *open_into(struct table_slice *slice, const struct schema *schema, const struct page *from, uint32_t rows)
{
    bool is_full;
    struct page *into = slice_new_page(slice, page_capacity_for(rows < PAGE_ROWS ? rows : PAGE_ROWS), schema->slot_count, &is_full);
    if (into != NULL) {
        slice_link_page(slice, into, from->previous);
        slice->compact_into = into->id;
    }
    return into;
}

static void drop_empty(struct table_slice *slice, struct page *page)
{
    assert(page->live == 0);
    slice_remove_pending(slice, page);
    slice_unlink_page(slice, page);
    slice_drop_page(slice, page);
}

/* Moves up to `limit` rows and adds to *moved. False: no memory, a page without rows is not left behind. */
static bool move_rows(struct table_slice *slice, const struct schema *schema, struct page *from, struct page *into, size_t limit, size_t *moved)
{
    bool is_fine = true;
    slice_before_page_change(slice, from);
    slice_before_change(slice, row_number(into->id, 0), row_number(into->id, into->capacity));
    const size_t before = *moved;
    while (*moved < limit && is_fine && from->live > 0 && into->used < into->capacity) {
        is_fine = move_row(slice, schema, from, page_next_live(from, 0), into);
        *moved += is_fine ? 1 : 0;
    }
    __atomic_store_n(&slice->compact_moved, slice->compact_moved + (*moved - before), __ATOMIC_RELAXED);
    if (into->live == 0) {
        drop_empty(slice, into);
    }
    if (from->live == 0) {
        drop_empty(slice, from);
    }
    return is_fine;
}

/* Goes on at the page; returns what that cost, in rows. */
static size_t work_on(struct table_slice *slice, const struct schema *schema, struct page *page, size_t limit)
{
    size_t cost = 1;
    if (page->live == 0) {
        slice_before_page_change(slice, page);
        drop_empty(slice, page);
        return cost;
    }
    struct page *into = page_to_fill(slice, page);
    if (into == NULL) {
        const uint32_t rows = rows_to_move(slice, page);
        if (rows == 0) {
            slice->compact_from = page->next;
            return cost;
        }
        into = open_into(slice, schema, page, rows);
    }
    if (into == NULL || !move_rows(slice, schema, page, into, limit, &cost)) {
        slice->compact_from = PAGE_NONE; /* another round may have more luck */
    }
    return cost;
}

static void begin_round(struct table_slice *slice)
{
    const uint64_t share = slice->slot_count == 0 ? 0 : slice_free_slots(slice) * SHARE_ONE / slice->slot_count * 3 / 4;
    slice->compact_share = (uint8_t)(share > SPARSE_SHARE_MIN ? share : SPARSE_SHARE_MIN);
    slice->compact_from = slice->first;
    slice->compact_into = PAGE_NONE;
}

bool slice_compact(struct table_slice *slice, const struct schema *schema, size_t limit)
{
    assert(slice_may_write(slice));
    assert(!slice->is_emptying);
    if (slice->compact_from == PAGE_NONE) {
        begin_round(slice);
    }
    while (limit > 0 && slice->compact_from != PAGE_NONE) {
        const size_t cost = work_on(slice, schema, slice->pages[slice->compact_from], limit);
        limit -= cost < limit ? cost : limit;
    }
    if (slice->compact_from != PAGE_NONE) {
        return false;
    }
    slice->compact_into = PAGE_NONE;
    slice->compact_vain = slice_free_slots(slice);
    return true;
}

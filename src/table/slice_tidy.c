/* slice_tidy.c - sparse pages are rewritten: alone when they are much too big for their rows, or joined with a neighbour.
 *
 * Invariant  The rows keep their order. What needs memory comes first; then nothing can fail.  */
#include "table/slice_private.h"

#include <assert.h>

enum { JOIN_ROWS = PAGE_ROWS / 2, SHRINK_SHARE = 4 };

bool slice_copy_row(struct table_slice *slice, const struct schema *schema, const struct page *from, uint32_t slot, struct page *into)
{
    struct cells_host host = slice_host(slice, into->capacity);
    struct typed_value id = {.integer = cells_integer(&from->ids, slot)};
    struct cells_write write = {.value = &id, .slot = into->used, .type = COLUMN_INTEGER};
    if (!cells_prepare(&into->ids, &host, &write)) {
        return false;
    }
    cells_commit(&into->ids, &host, &write);
    into->used++;
    into->live++;
    for (uint32_t i = 0; i < schema->column_count; i++) {
        const struct column *column = &schema->columns[i];
        const struct cells *cells = page_cells(from, column->slot);
        struct typed_value value = cells == NULL ? (struct typed_value){.is_null = true} : cells_get(cells, from->capacity, slot);
        if (value.is_null) {
            continue;
        }
        write = (struct cells_write){.value = &value, .slot = (uint16_t)(into->used - 1), .type = column->type};
        write.adopts_text = column_type_is_text((enum column_type)column->type) && value.text.len > CELLS_INLINE_MAX;
        if (!cells_prepare(&into->columns[column->slot], &host, &write)) {
            return false;
        }
        cells_commit(&into->columns[column->slot], &host, &write);
    }
    return true;
}

struct rewrite {
    struct page *into;
    uint32_t old_rows[PAGE_ROWS]; /* by slot of `into`: the number the row had */
};

static bool copy_page(struct table_slice *slice, const struct schema *schema, const struct page *from, struct rewrite *rewrite)
{
    for (uint32_t slot = page_next_live(from, 0); slot < from->capacity; slot = page_next_live(from, slot + 1)) {
        rewrite->old_rows[rewrite->into->used] = row_number(from->id, slot);
        if (!slice_copy_row(slice, schema, from, slot, rewrite->into)) {
            return false;
        }
    }
    return true;
}

enum entries { NEW_ENTRIES, OLD_ENTRIES };

/* Removes the entries of the first `rows` rows of the new page from one index. */
static void remove_entries(struct table_slice *slice, const struct column *column, const struct rewrite *rewrite, uint32_t rows,
                           enum entries which)
{
    const struct cells *cells = page_cells(rewrite->into, column->slot);
    const struct index_host host = slice_index_host(slice);
    for (uint32_t slot = 0; cells != NULL && slot < rows; slot++) {
        struct typed_value value = cells_get(cells, rewrite->into->capacity, slot);
        uint32_t row = which == NEW_ENTRIES ? row_number(rewrite->into->id, slot) : rewrite->old_rows[slot];
        if (!value.is_null) {
            column_index_remove(&slice->indexes[column->index_at], &host, &value, row);
        }
    }
}

static bool insert_entries(struct table_slice *slice, const struct column *column, const struct rewrite *rewrite)
{
    const struct cells *cells = page_cells(rewrite->into, column->slot);
    const struct index_host host = slice_index_host(slice);
    struct column_index *index = &slice->indexes[column->index_at];
    for (uint32_t slot = 0; cells != NULL && slot < rewrite->into->used; slot++) {
        const struct typed_value value = cells_get(cells, rewrite->into->capacity, slot);
        const uint32_t row = row_number(rewrite->into->id, slot);
        if (value.is_null) {
            continue;
        }
        if (!column_index_prepare(index, &host, &value, row)) {
            remove_entries(slice, column, rewrite, slot, NEW_ENTRIES);
            return false;
        }
        column_index_commit(index, &host, &value, row);
    }
    return true;
}

/* Enters the new page's rows into all indexes. False: no memory, nothing changed. */
static bool index_page(struct table_slice *slice, const struct schema *schema, const struct rewrite *rewrite)
{
    for (uint32_t i = 0; i < schema->column_count; i++) {
        if (schema->columns[i].index_at == COLUMN_NONE || insert_entries(slice, &schema->columns[i], rewrite)) {
            continue;
        }
        for (uint32_t before = 0; before < i; before++) {
            if (schema->columns[before].index_at != COLUMN_NONE) {
                remove_entries(slice, &schema->columns[before], rewrite, rewrite->into->used, NEW_ENTRIES);
            }
        }
        return false;
    }
    return true;
}

/* Frees a page whose long strings another one has, in the columns of the schema. */
static void drop_copied(struct table_slice *slice, const struct schema *schema, struct page *page)
{
    for (uint32_t i = 0; i < schema->column_count; i++) {
        if (schema->columns[i].slot < page->cells_count) {
            page->columns[schema->columns[i].slot].long_count = 0;
        }
    }
    slice_drop_page(slice, page);
}

bool slice_rewrite(struct table_slice *slice, const struct schema *schema, struct page *a, struct page *b)
{
    struct rewrite rewrite;
    bool is_full;
    uint32_t rows = a->live + (b == NULL ? 0u : b->live);
    assert(rows <= PAGE_ROWS);
    assert(b == NULL || a->next == b->id);
    rewrite.into = slice_new_page(slice, page_capacity_for(rows), schema->slot_count, &is_full);
    if (rewrite.into == NULL) {
        return false;
    }
    slice_before_page_change(slice, a);
    if (b != NULL) {
        slice_before_page_change(slice, b);
    }
    if (!copy_page(slice, schema, a, &rewrite) || (b != NULL && !copy_page(slice, schema, b, &rewrite)) ||
        !slice_note_page(slice, rewrite.into)) {
        drop_copied(slice, schema, rewrite.into);
        return false;
    }
    if (!index_page(slice, schema, &rewrite)) {
        slice_forget_page(slice, rewrite.into);
        drop_copied(slice, schema, rewrite.into);
        return false;
    }
    for (uint32_t i = 0; i < schema->column_count; i++) {
        if (schema->columns[i].index_at != COLUMN_NONE) {
            remove_entries(slice, &schema->columns[i], &rewrite, rewrite.into->used, OLD_ENTRIES);
        }
    }
    assert(rewrite.into->live == rows);
    assert(rewrite.into->used == rows);
    slice_link_page(slice, rewrite.into, b == NULL ? a->id : b->id);
    struct page *old[] = {a, b};
    for (int i = 0; i < 2 && old[i] != NULL; i++) {
        slice_remove_pending(slice, old[i]);
        slice_forget_page(slice, old[i]);
        slice_unlink_page(slice, old[i]);
        drop_copied(slice, schema, old[i]);
    }
    if (b != NULL) {
        slice_push_pending(slice, rewrite.into); /* its new neighbours may fit, too */
    }
    return true;
}

static void tidy_page(struct table_slice *slice, const struct schema *schema, struct page *page)
{
    if (page->live == 0) {
        slice_before_page_change(slice, page); /* its numbers may be other rows' from here on */
        slice_unlink_page(slice, page);
        slice_drop_page(slice, page);
        return;
    }
    struct page *previous = page->previous == PAGE_NONE ? NULL : slice->pages[page->previous];
    struct page *next = page->next == PAGE_NONE ? NULL : slice->pages[page->next];
    if (previous != NULL && previous->live + page->live <= JOIN_ROWS) {
        slice_rewrite(slice, schema, previous, page);
    } else if (next != NULL && page->live + next->live <= JOIN_ROWS) {
        slice_rewrite(slice, schema, page, next);
    } else if (page->live * SHRINK_SHARE <= page->capacity && page_capacity_for(page->live) < page->capacity) {
        slice_rewrite(slice, schema, page, NULL);
    }
}

bool slice_tidy(struct table_slice *slice, const struct schema *schema, size_t limit)
{
    for (size_t i = 0; i < limit && slice->pending != PAGE_NONE; i++) {
        struct page *page = slice->pages[slice->pending];
        slice_remove_pending(slice, page);
        tidy_page(slice, schema, page);
    }
    return slice->pending == PAGE_NONE;
}

/* slice.c - the rows of a slice: added, changed, removed; its locks, its end.  */
#include "table/slice.h"

#include "base/check.h"
#include "table/slice_private.h"

#include <assert.h>
#include <string.h>

enum {
    PAGE_SPARSE = PAGE_ROWS / 2, /* pages with as few rows may be joined: slice_tidy looks at them */
    FIRST_CAPACITY_SHARE = 4,    /* a further page begins with room for a quarter of the rows that are there */
};

static const struct slice_owner no_owner;

/* The indexes in the order of their places. */
static bool add_indexes(struct table_slice *slice, const struct schema *schema)
{
    for (uint32_t at = 0; at < schema->index_count; at++) {
        uint32_t i = 0;
        while (schema->columns[i].index_at != at) {
            i++;
        }
        if (!slice_add_index(slice, (enum index_kind)schema->columns[i].index, &schema->columns[i])) {
            return false;
        }
    }
    return true;
}

struct table_slice *slice_create(struct heap *heap, const struct hash_secret *secret, const struct schema *schema)
{
    struct table_slice *slice = heap_alloc_zeroed(heap, MEM_TABLE_ROW, sizeof *slice);
    if (slice == NULL) {
        return NULL;
    }
    slice->heap = heap;
    slice->owner = &no_owner;
    slice->secret = secret;
    slice->first = slice->last = slice->pending = slice->compact_from = slice->compact_into = PAGE_NONE;
    slice->is_ordered = true;
    slice->noted_entry = NO_ENTRY;
    slice->ids.counts_as_rows = true;
    slice->id_shift = ID_SHIFT_LEAST;
    slice->row_bytes = heap_block_bytes(sizeof *slice);
    if (!add_indexes(slice, schema)) {
        bool is_gone = slice_free(slice, SIZE_MAX);
        assert(is_gone);
        return NULL;
    }
    return slice;
}

/* About how many nodes: one is 1 or 2 KiB. */
static size_t node_count(uint64_t bytes)
{
    return (bytes + 1023) / 1024;
}

static void spend(size_t *limit, size_t spent)
{
    *limit -= spent < *limit ? spent : *limit;
}

bool slice_free(struct table_slice *slice, size_t limit)
{
    assert(slice->reader_count == 0);
    assert(!slice->is_write_locked);
    if (slice->owner->may_free != NULL && !slice->owner->may_free(slice->owner->context, slice, limit)) {
        return false;
    }
    size_t nodes = node_count(slice->ids.bytes);
    if (!hash_index_free(&slice->ids, slice->heap, limit)) {
        return false;
    }
    spend(&limit, nodes);
    while (slice->index_count > 0) {
        struct column_index *index = &slice->indexes[slice->index_count - 1];
        nodes = node_count(column_index_bytes(index));
        if (!column_index_free(index, slice->heap, limit)) {
            return false;
        }
        spend(&limit, nodes);
        slice_take_index(slice, slice->index_count - 1u);
    }
    while (slice->first != PAGE_NONE) {
        if (limit == 0) {
            return false;
        }
        struct page *page = slice->pages[slice->first];
        size_t blocks = 1u + page->cells_count;
        for (uint32_t i = 0; i < page->cells_count; i++) {
            blocks += page->columns[i].long_count;
        }
        slice_unlink_page(slice, page);
        slice_remove_pending(slice, page);
        slice_drop_page(slice, page);
        spend(&limit, blocks);
    }
    heap_free(slice->heap, MEM_TABLE_ROW, slice, sizeof *slice);
    return true;
}

struct typed_value slice_value(const struct table_slice *slice, uint32_t row, uint32_t slot)
{
    const struct page *page = slice_page_of(slice, row);
    const struct cells *cells = page_cells(page, slot);
    return cells == NULL ? (struct typed_value){.is_null = true} : cells_get(cells, page->capacity, row_slot(row));
}

uint64_t slice_row_id(const struct table_slice *slice, uint32_t row)
{
    return (uint64_t)cells_integer(&slice_page_of(slice, row)->ids, row_slot(row));
}

/* --- checking a row --- */

bool slice_row_is_indexed(const struct table_slice *slice, const struct column *column, uint32_t row)
{
    struct typed_value value = slice_value(slice, row, column->slot);
    if (column->index_at == COLUMN_NONE || value.is_null) {
        return true;
    }
    const struct index_host host = slice_index_host(slice);
    return column_index_has(&slice->indexes[column->index_at], &host, &value, row);
}

bool slice_row_is_valid(const struct table_slice *slice, const struct schema *schema, uint32_t row)
{
    const struct page *page = slice_page_of(slice, row);
    const uint64_t page_bytes = (uint64_t)page->capacity * (page->cells_count + 1u) * sizeof(uint64_t);
    uint64_t bytes = 0;
    assert(page->id == row_page(row));
    assert(!check_is_due(page_bytes, slice->row_count) || page_audit(page, &bytes));
    for (uint32_t i = 0; page_is_live(page, row_slot(row)) && i < schema->column_count; i++) {
        assert(slice_row_is_indexed(slice, &schema->columns[i], row));
    }
    return true;
}

/* --- adding --- */

/* The page at the end of the list, with a free slot. NULL: no memory or *is_full. */
static struct page *open_page(struct table_slice *slice, const struct schema *schema, bool *is_full)
{
    *is_full = false;
    struct page *page = slice->last == PAGE_NONE ? NULL : slice->pages[slice->last];
    if (page != NULL && page->used == page->capacity && !slice->is_write_locked && (page->used - page->live) * 3 >= page->used) {
        slice_rewrite(slice, schema, page, NULL);
        page = slice->pages[slice->last];
    }
    if (page != NULL && page->used < page->capacity) {
        return page;
    }
    if (page != NULL && page->used < PAGE_ROWS) {
        return slice_grow_page(slice, page, page_capacity_for(page->used + 1u)) ? page : NULL;
    }
    uint64_t share = slice->row_count / FIRST_CAPACITY_SHARE;
    uint32_t capacity = page_capacity_for(share < PAGE_ROWS ? (uint32_t)share : PAGE_ROWS);
    page = slice_new_page(slice, capacity, schema->slot_count, is_full);
    if (page != NULL) {
        slice_link_page(slice, page, slice->last);
    }
    return page;
}

/* A row on its way into a page. */
struct row_write {
    struct page *page;
    struct cells_host host;
    struct typed_value id;
    uint32_t count;
    struct {
        struct cells *cells;
        struct cells_write write;
    } parts[TABLE_COLUMNS_MAX + 1]; /* its id, and its values that are not null */
};

static void abandon_row(struct row_write *row)
{
    for (uint32_t i = 0; i < row->count; i++) {
        cells_abandon(&row->host, &row->parts[i].write);
    }
}

static bool prepare_part(struct row_write *row, struct cells *cells, enum column_type type, const struct typed_value *value)
{
    assert(row->count <= TABLE_COLUMNS_MAX);
    row->parts[row->count].cells = cells;
    row->parts[row->count].write = (struct cells_write){.value = value, .slot = row->page->used, .type = (uint8_t)type};
    return cells_prepare(cells, &row->host, &row->parts[row->count++].write);
}

/* Makes room for a row in the page's next slot. False: no memory, nothing to be undone. */
static bool prepare_row(struct row_write *row, const struct schema *schema, const struct typed_value *values)
{
    bool is_ready = prepare_part(row, &row->page->ids, COLUMN_INTEGER, &row->id);
    for (uint32_t i = 0; i < schema->column_count && is_ready; i++) {
        const struct column *column = &schema->columns[i];
        if (!values[i].is_null) {
            is_ready = prepare_part(row, &row->page->columns[column->slot], (enum column_type)column->type, &values[i]);
        }
    }
    if (!is_ready) {
        abandon_row(row);
    }
    return is_ready;
}

static void unindex_row(struct table_slice *slice, const struct schema *schema, uint32_t row, const struct typed_value *values,
                        uint32_t column_count)
{
    const struct index_host host = slice_index_host(slice);
    for (uint32_t i = 0; i < column_count; i++) {
        const struct column *column = &schema->columns[i];
        if (column->index_at != COLUMN_NONE && !values[i].is_null) {
            column_index_abandon(&slice->indexes[column->index_at], &host, &values[i], row);
        }
    }
}

/* Makes the indexes of the row's values ready for it. False: no memory, nothing changed. */
static bool prepare_indexes(struct table_slice *slice, const struct schema *schema, uint32_t row, const struct typed_value *values)
{
    const struct index_host host = slice_index_host(slice);
    for (uint32_t i = 0; i < schema->column_count; i++) {
        const struct column *column = &schema->columns[i];
        if (column->index_at != COLUMN_NONE && !values[i].is_null &&
            !column_index_prepare(&slice->indexes[column->index_at], &host, &values[i], row)) {
            unindex_row(slice, schema, row, values, i);
            return false;
        }
    }
    return true;
}

static void commit_indexes(struct table_slice *slice, const struct schema *schema, uint32_t row, const struct typed_value *values)
{
    const struct index_host host = slice_index_host(slice);
    for (uint32_t i = 0; i < schema->column_count; i++) {
        const struct column *column = &schema->columns[i];
        if (column->index_at != COLUMN_NONE && !values[i].is_null) {
            column_index_commit(&slice->indexes[column->index_at], &host, &values[i], row);
        }
    }
}

static bool fill_slot(struct table_slice *slice, const struct schema *schema, struct page *page, uint64_t id,
                      const struct typed_value *values)
{
    struct row_write row;
    row.page = page;
    row.host = slice_host(slice, page->capacity);
    row.id = (struct typed_value){.integer = (int64_t)id};
    row.count = 0;
    if (!prepare_row(&row, schema, values)) {
        return false;
    }
    const uint32_t number = row_number(page->id, page->used);
    if (!prepare_indexes(slice, schema, number, values)) {
        abandon_row(&row);
        return false;
    }
    if (!slice_note_id(slice, page, id)) {
        unindex_row(slice, schema, number, values, schema->column_count);
        abandon_row(&row);
        return false;
    }
    for (uint32_t i = 0; i < row.count; i++) {
        cells_commit(row.parts[i].cells, &row.host, &row.parts[i].write);
    }
    page->used++;
    page->live++;
    commit_indexes(slice, schema, number, values);
    assert(page->used <= page->capacity);
    debug_assert(slice_row_is_valid(slice, schema, row_number(page->id, page->used - 1u)));
    return true;
}

/* Numbers of the auto column are row ids: those that are given there are not taken again. */
static void note_number(struct table_slice *slice, const struct typed_value *value)
{
    if (value->is_null || value->integer <= 0 || value->integer > COLUMN_AUTO_MAX) {
        return;
    }
    const uint64_t id = (uint64_t)value->integer;
    slice->highest_id = id > slice->highest_id ? id : slice->highest_id;
    if (slice->last_row_id != NULL) {
        row_id_raise(slice->last_row_id, id);
    }
}

static enum table_result add_row(struct table_slice *slice, const struct schema *schema, uint64_t id, const struct typed_value *values)
{
    bool is_full;
    struct page *page = open_page(slice, schema, &is_full);
    if (page == NULL) {
        return is_full ? TABLE_FULL : TABLE_NO_MEMORY;
    }
    struct page *wide = slice_widen_page(slice, page, schema->slot_count);
    if (wide == NULL || !fill_slot(slice, schema, wide, id, values)) {
        page = wide != NULL ? wide : page;
        if (page->live == 0 && !page->is_pending) {
            slice_unlink_page(slice, page);
            slice_drop_page(slice, page);
        }
        return TABLE_NO_MEMORY;
    }
    if (id < slice->last_id) {
        slice->is_ordered = false;
    } else {
        slice->last_id = id;
    }
    slice->highest_id = id > slice->highest_id ? id : slice->highest_id;
    if (schema->has_auto) {
        note_number(slice, &values[schema->auto_at]);
    }
    __atomic_store_n(&slice->row_count, slice->row_count + 1, __ATOMIC_RELAXED);
    return TABLE_OK;
}

/* Does anybody listen? Otherwise what would be told is not even gathered. */
static inline bool is_told(const struct table_slice *slice)
{
    const struct slice_owner *owner = slice->owner;
    return owner->changed != NULL &&
           (owner->wants == NULL || UNLIKELY(atomic_load_explicit(owner->wants, memory_order_relaxed) != 0));
}

static void tell(const struct table_slice *slice, struct row_change change)
{
    change.slice = slice;
    slice->owner->changed(slice->owner->context, &change);
}

enum table_result slice_insert(struct table_slice *slice, const struct schema *schema, uint64_t id, const struct typed_value *values)
{
    const enum table_result result = add_row(slice, schema, id, values);
    if (result == TABLE_OK && is_told(slice)) {
        tell(slice, (struct row_change){.schema = schema, .event = ROW_INSERTED, .id = id, .values = values});
    }
    return result;
}

uint32_t slice_last_row(const struct table_slice *slice)
{
    return row_number(slice->last, slice->pages[slice->last]->used - 1u);
}

enum table_result slice_add(struct table_slice *slice, const struct schema *schema, uint64_t id, const struct typed_value *values, uint32_t *row)
{
    assert(slice->is_write_locked);
    const enum table_result result = add_row(slice, schema, id, values);
    if (result == TABLE_OK) {
        *row = slice_last_row(slice);
    }
    return result;
}

enum table_result slice_add_version(struct table_slice *slice, const struct schema *schema, uint64_t id, const struct typed_value *values,
                                    uint32_t *row)
{
    const bool is_ordered = slice->is_ordered;
    const enum table_result result = slice_add(slice, schema, id, values, row);
    slice->is_ordered = is_ordered; /* until the version comes to stay */
    return result;
}

/* That it came, with its values as they are there. */
static void tell_values(const struct table_slice *slice, const struct schema *schema, uint32_t row, enum row_event event)
{
    struct typed_value values[TABLE_COLUMNS_MAX];
    for (uint32_t i = 0; i < schema->column_count; i++) {
        values[i] = slice_value(slice, row, schema->columns[i].slot);
    }
    tell(slice, (struct row_change){.schema = schema, .event = event, .id = slice_row_id(slice, row), .values = values});
}

void slice_tell_inserted(const struct table_slice *slice, const struct schema *schema, uint32_t row)
{
    if (is_told(slice)) {
        tell_values(slice, schema, row, ROW_INSERTED);
    }
}

/* --- changing --- */

struct change {
    const struct column *column;
    struct cells_write write;
    struct column_index *index; /* that is ready for the new value; NULL: none changes */
};

static bool prepare_index(struct table_slice *slice, uint32_t row, struct change *change)
{
    const struct column *column = change->column;
    if (column->index_at == COLUMN_NONE) {
        return true;
    }
    const struct index_host host = slice_index_host(slice);
    const struct typed_value old = slice_value(slice, row, column->slot);
    struct column_index *index = &slice->indexes[column->index_at];
    if (column_index_keeps(index, &host, &old, change->write.value)) {
        return true;
    }
    if (!column_index_prepare(index, &host, change->write.value, row)) {
        return false;
    }
    change->index = index;
    return true;
}

/* Room for the new value. A null needs none. False: no memory, and undo_changes follows. */
static bool prepare_change(struct table_slice *slice, struct page *page, uint32_t row, struct change *change)
{
    const struct cells_host host = slice_host(slice, page->capacity);
    return change->write.value->is_null ||
           (cells_prepare(&page->columns[change->column->slot], &host, &change->write) && prepare_index(slice, row, change));
}

static void undo_changes(struct table_slice *slice, const struct cells_host *host, uint32_t row, struct change *changes, size_t count)
{
    const struct index_host index_host = slice_index_host(slice);
    for (size_t i = 0; i < count; i++) {
        if (changes[i].index != NULL) {
            column_index_abandon(changes[i].index, &index_host, changes[i].write.value, row);
        }
        cells_abandon(host, &changes[i].write);
    }
}

static void clear_value(struct table_slice *slice, struct page *page, uint32_t row, const struct column *column)
{
    const struct cells_host host = slice_host(slice, page->capacity);
    const struct index_host index_host = slice_index_host(slice);
    const struct typed_value old = slice_value(slice, row, column->slot);
    if (column->index_at != COLUMN_NONE && !old.is_null) {
        column_index_remove(&slice->indexes[column->index_at], &index_host, &old, row);
    }
    cells_clear(&page->columns[column->slot], &host, row_slot(row));
}

static void commit_change(struct table_slice *slice, struct page *page, uint32_t row, struct change *change)
{
    const struct cells_host host = slice_host(slice, page->capacity);
    struct cells *cells = &page->columns[change->column->slot];
    if (change->write.value->is_null) {
        clear_value(slice, page, row, change->column);
        return;
    }
    if (change->index == NULL) {
        cells_commit(cells, &host, &change->write);
        return;
    }
    struct ordered_change in_order;
    const struct index_host index_host = slice_index_host(slice);
    const struct typed_value old = slice_value(slice, row, change->column->slot);
    column_index_begin_change(change->index, &index_host, &old, row, &in_order);
    cells_commit(cells, &host, &change->write);
    column_index_end_change(change->index, &index_host, change->write.value, row, &in_order);
}

static struct typed_value routing_value(const struct table_slice *slice, const struct schema *schema, uint32_t row)
{
    return schema->routing_column == COLUMN_NONE ? (struct typed_value){.is_null = true}
                                                 : slice_value(slice, row, schema->columns[schema->routing_column].slot);
}

static void before_update(const struct table_slice *slice, const struct schema *schema, uint32_t row,
                          const struct assignment *set, size_t set_count)
{
    slice_before_change(slice, row, row + 1);
    if (is_told(slice)) {
        tell(slice, (struct row_change){.schema = schema,
                                        .event = ROW_UPDATED,
                                        .id = slice_row_id(slice, row),
                                        .set = set,
                                        .set_count = set_count,
                                        .routing = routing_value(slice, schema, row)});
    }
}

enum table_result slice_update(struct table_slice *slice, const struct schema *schema, uint32_t row,
                               const struct assignment *set, size_t set_count)
{
    struct change changes[TABLE_COLUMNS_MAX];
    struct page *page = slice_widen_page(slice, slice_page_of(slice, row), schema->slot_count);
    if (page == NULL) {
        return TABLE_NO_MEMORY;
    }
    struct cells_host host = slice_host(slice, page->capacity);
    uint32_t slot = row_slot(row);
    assert(page_is_live(page, slot));
    assert(set_count <= TABLE_COLUMNS_MAX);
    for (size_t i = 0; i < set_count; i++) {
        const struct column *column = &schema->columns[set[i].column];
        changes[i] = (struct change){
            .column = column, .write = {.value = &set[i].value, .slot = (uint16_t)slot, .type = column->type}};
        if (!prepare_change(slice, page, row, &changes[i])) {
            undo_changes(slice, &host, row, changes, i + 1);
            return TABLE_NO_MEMORY;
        }
    }
    before_update(slice, schema, row, set, set_count);
    for (size_t i = 0; i < set_count; i++) {
        if (set[i].column == schema_auto_column(schema)) {
            note_number(slice, &set[i].value);
        }
        commit_change(slice, page, row, &changes[i]);
    }
    debug_assert(slice_row_is_valid(slice, schema, row));
    return TABLE_OK;
}

/* --- removing --- */

void slice_tell_removed(const struct table_slice *slice, const struct schema *schema, uint32_t row, enum row_event event)
{
    if (is_told(slice)) {
        tell(slice, (struct row_change){.schema = schema,
                                        .event = event,
                                        .id = slice_row_id(slice, row),
                                        .routing = routing_value(slice, schema, row)});
    }
}

static void take_out(struct table_slice *slice, const struct schema *schema, uint32_t row)
{
    struct page *page = slice_page_of(slice, row);
    uint32_t slot = row_slot(row);
    assert(page_is_live(page, slot));
    const struct index_host index_host = slice_index_host(slice);
    for (uint32_t i = 0; i < schema->column_count; i++) {
        const struct column *column = &schema->columns[i];
        struct typed_value value = {.is_null = true};
        if (column->index_at != COLUMN_NONE) {
            value = slice_value(slice, row, column->slot);
        }
        if (!value.is_null) {
            column_index_remove(&slice->indexes[column->index_at], &index_host, &value, row);
        }
    }
    slice_forget_id(slice, page, slot);
    struct cells_host host = slice_host(slice, page->capacity);
    page_clear_row(&host, page, slot);
    assert(slice->row_count > 0);
    __atomic_store_n(&slice->row_count, slice->row_count - 1, __ATOMIC_RELAXED);
    if (page->live <= PAGE_SPARSE) {
        slice_push_pending(slice, page);
    }
    debug_assert(slice_row_is_valid(slice, schema, row));
}

static void remove_row(struct table_slice *slice, const struct schema *schema, uint32_t row, enum row_event event)
{
    slice_before_change(slice, row, row + 1);
    slice_tell_removed(slice, schema, row, event);
    take_out(slice, schema, row);
}

void slice_take_back(struct table_slice *slice, const struct schema *schema, uint32_t row, uint64_t highest_id)
{
    assert(slice->is_write_locked);
    slice_before_change(slice, row, row + 1);
    take_out(slice, schema, row);
    slice->highest_id = highest_id;
}

void slice_delete(struct table_slice *slice, const struct schema *schema, uint32_t row)
{
    remove_row(slice, schema, row, ROW_DELETED);
}

/* --- moving --- */

enum table_result slice_move_row(struct table_slice *from, uint32_t row, struct table_slice *to, const struct schema *schema,
                                 const struct typed_value *values)
{
    assert(from != to);
    const enum table_result result = add_row(to, schema, slice_row_id(from, row), values);
    if (result == TABLE_OK) {
        remove_row(from, schema, row, ROW_LEFT);
        if (is_told(to)) {
            tell_values(to, schema, slice_last_row(to), ROW_ARRIVED);
        }
    }
    return result;
}

void slice_supersede(struct table_slice *from, uint32_t old, struct table_slice *slice, uint32_t row, const struct schema *schema,
                     const struct assignment *set, size_t set_count)
{
    assert(slice_row_id(from, old) == slice_row_id(slice, row));
    slice->is_ordered = false;
    if (from != slice) {
        remove_row(from, schema, old, ROW_LEFT);
        if (is_told(slice)) {
            tell_values(slice, schema, row, ROW_ARRIVED);
        }
        return;
    }
    before_update(slice, schema, old, set, set_count);
    take_out(slice, schema, old);
}

/* --- locks --- */

void slice_lock_read(struct table_slice *slice)
{
    assert(slice_may_read(slice));
    slice->reader_count++;
}

void slice_unlock_read(struct table_slice *slice)
{
    assert(slice->reader_count > 0);
    slice->reader_count--;
}

void slice_lock_write(struct table_slice *slice)
{
    assert(slice_may_write(slice));
    slice->is_write_locked = true;
}

void slice_unlock_write(struct table_slice *slice)
{
    assert(slice->is_write_locked);
    slice->is_write_locked = false;
}

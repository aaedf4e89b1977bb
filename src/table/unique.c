/* unique.c - see unique.h.  */
#include "table/unique.h"

#include "table/slice_private.h"

#include <assert.h>

enum { ROWS_AT_ONCE = 16 };

struct unique_column unique_column_of(const struct schema *schema, const struct column *column)
{
    assert(column->index_at != COLUMN_NONE);
    const bool is_routing = schema->routing_column != COLUMN_NONE && schema->columns[schema->routing_column].slot == column->slot;
    return (struct unique_column){.slot = column->slot, .index_at = column->index_at, .type = column->type, .is_routing = is_routing};
}

/* --- one slice --- */

/* Up to `max` rows of the slice that have the value. */
static uint32_t hash_rows(const struct table_slice *slice, const struct unique_column *column, const struct typed_value *value, uint32_t *out,
                          uint32_t max)
{
    const enum column_type type = (enum column_type)column->type;
    const struct hash_index *index = &slice->indexes[column->index_at].hash;
    const uint32_t hash = (uint32_t)typed_value_hash(slice->secret, type, value);
    uint32_t rows[ROWS_AT_ONCE];
    uint32_t next = 0;
    uint32_t found = 0;
    for (bool is_end = false; !is_end && found < max;) {
        const size_t count = hash_index_rows(index, hash_index_entry(hash, next), rows, ROWS_AT_ONCE, &is_end);
        for (size_t i = 0; i < count && found < max; i++) {
            const struct typed_value other = slice_value(slice, rows[i], column->slot);
            if (typed_value_compare(type, &other, value) == 0) {
                out[found++] = rows[i];
            }
        }
        is_end = is_end || count == 0 || rows[count - 1] == UINT32_MAX;
        next = is_end ? 0 : rows[count - 1] + 1;
    }
    return found;
}

static uint32_t btree_rows(const struct table_slice *slice, const struct unique_column *column, const struct typed_value *value, uint32_t *out,
                           uint32_t max)
{
    const struct ordered_index *index = &slice->indexes[column->index_at].ordered;
    const struct ordered_bound bound = {.value = value, .is_inclusive = true};
    const struct ordered_range range = ordered_index_range(index, slice->pages, bound, bound);
    uint32_t found = 0;
    while (found < max && range.first + found < range.end) {
        const uint64_t left = range.end - range.first - found;
        found += (uint32_t)ordered_index_rows(index, range.first + found, ORDERED_UP, out + found, left < max - found ? left : max - found);
    }
    return found;
}

static uint32_t slice_rows(const struct table_slice *slice, const struct unique_column *column, const struct typed_value *value, uint32_t *out,
                           uint32_t max)
{
    assert(column->index_at < slice->index_count);
    return slice->indexes[column->index_at].kind == INDEX_BTREE ? btree_rows(slice, column, value, out, max)
                                                                : hash_rows(slice, column, value, out, max);
}

static bool slice_has_other(const struct table_slice *slice, const struct unique_column *column, const struct typed_value *value, uint32_t except)
{
    uint32_t rows[2];
    const uint32_t count = slice_rows(slice, column, value, rows, except == ROW_NONE ? 1 : 2);
    return count == 2 || (count == 1 && rows[0] != except);
}

/* --- all slices --- */

/* Looks in the slices `first` and on. */
static bool is_taken_from(const struct table *table, const struct unique_column *column, const struct typed_value *value, struct row_at except,
                          uint32_t first)
{
    bool is_taken = false;
    for (uint32_t i = first; i < table->shard_count && !is_taken; i++) {
        is_taken = slice_has_other(table->slices[i], column, value, i == except.shard ? except.row : ROW_NONE);
    }
    return is_taken;
}

bool unique_is_taken(const struct table *table, const struct unique_column *column, const struct typed_value *value, struct row_at except)
{
    assert(!value->is_null);
    if (!column->is_routing) {
        return is_taken_from(table, column, value, except, 0);
    }
    const uint32_t shard = table_route(table, table->slices[0]->secret, value, 0);
    return slice_has_other(table->slices[shard], column, value, shard == except.shard ? except.row : ROW_NONE);
}

uint32_t unique_rows(const struct table *table, const struct unique_column *column, const struct typed_value *value, struct row_at *out,
                     uint32_t max)
{
    assert(!value->is_null);
    const uint32_t own = column->is_routing ? table_route(table, table->slices[0]->secret, value, 0) : 0;
    const uint32_t end = column->is_routing ? own + 1 : table->shard_count;
    uint32_t found = 0;
    for (uint32_t shard = own; shard < end && found < max; shard++) {
        uint32_t rows[ROWS_AT_ONCE];
        const uint32_t left = max - found;
        const uint32_t count = slice_rows(table->slices[shard], column, value, rows, left < ROWS_AT_ONCE ? left : ROWS_AT_ONCE);
        for (uint32_t i = 0; i < count; i++) {
            out[found++] = (struct row_at){.shard = shard, .row = rows[i]};
        }
    }
    return found;
}

uint32_t unique_find_taken(const struct table *table, const struct typed_value *values, enum unique_reach reach)
{
    const struct schema *schema = table_schema(table);
    const struct row_at none = {.row = ROW_NONE};
    for (uint32_t i = 0; schema->has_unique && i < schema->column_count; i++) {
        if (!schema->columns[i].is_unique || values[i].is_null) {
            continue;
        }
        const struct unique_column column = unique_column_of(schema, &schema->columns[i]);
        assert(reach == UNIQUE_ALL_SLICES || column.is_routing || table->shard_count == 1);
        if (unique_is_taken(table, &column, &values[i], none)) {
            return i;
        }
    }
    return COLUMN_NONE;
}

bool unique_asks_all(const struct table *table, const struct typed_value *values)
{
    const struct schema *schema = table_schema(table);
    bool asks_all = false;
    for (uint32_t i = 0; schema->has_unique && table->shard_count > 1 && i < schema->column_count && !asks_all; i++) {
        const bool has_value = !values[i].is_null || i == schema_auto_column(schema); /* its number may come later */
        asks_all = schema->columns[i].is_unique && has_value && i != schema->routing_column;
    }
    return asks_all;
}

/* --- all rows --- */

void unique_walk_begin(struct unique_walk *walk, const struct table *table, struct unique_column column)
{
    *walk = (struct unique_walk){.table = table, .column = column, .at = {.shard = 0, .row = row_number(0, 0)}};
}

/* Rows of slices before its own were compared with it already. */
static bool is_repeated(const struct unique_walk *walk, const struct page *page, const struct cells *cells, uint32_t slot)
{
    const struct typed_value value = cells_get(cells, page->capacity, slot);
    return !value.is_null && is_taken_from(walk->table, &walk->column, &value, walk->at, walk->at.shard);
}

enum unique_status unique_walk_step(struct unique_walk *walk)
{
    const struct table_slice *slice = walk->table->slices[walk->at.shard];
    const uint32_t number = row_page(walk->at.row);
    if (number >= slice->pages_end) {
        walk->at = (struct row_at){.shard = walk->at.shard + 1, .row = row_number(0, 0)};
        return walk->at.shard == walk->table->shard_count ? UNIQUE_DONE : UNIQUE_MORE;
    }
    const struct page *page = slice->pages[number];
    const struct cells *cells = page == NULL ? NULL : page_cells(page, walk->column.slot);
    for (uint32_t slot = 0; cells != NULL && slot < page->used; slot++) {
        walk->at.row = row_number(number, slot);
        if (is_repeated(walk, page, cells, slot)) {
            return UNIQUE_REPEATED;
        }
    }
    walk->at.row = row_number(number + 1, 0);
    return UNIQUE_MORE;
}

struct typed_value unique_walk_value(const struct unique_walk *walk)
{
    return slice_value(walk->table->slices[walk->at.shard], walk->at.row, walk->column.slot);
}

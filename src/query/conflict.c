/* conflict.c - see conflict.h.  */
#include "query/conflict.h"

#include <assert.h>
#include <string.h>

enum { MARKS_MAX = 1 << 20, MARK_GIVEN_UP = UINT32_MAX, ROWS_OF_A_VALUE = 4 };

/* A row that the statement has to do with. */
struct conflict_mark {
    struct conflict_mark *next;         /* in its place of `marks` */
    struct conflict_mark *next_removed;
    struct row_at at;
    uint32_t added; /* which of `rows` it is; MARK_GIVEN_UP: a row of the table that counts no more */
};

enum table_result conflict_begin(struct conflict_rows *rows, const struct conflict *conflict, const struct table *table, struct added_row *added,
                                 uint32_t row_count)
{
    *rows = (struct conflict_rows){.conflict = conflict, .table = table, .rows = added, .is_single = row_count == 1};
    if (conflict == NULL) {
        return TABLE_OK;
    }
    uint64_t places = 1;
    while (places < row_count && places < MARKS_MAX) {
        places *= 2;
    }
    arena_init(&rows->arena, MEM_QUERY_BUFFER, SIZE_MAX);
    arena_init(&rows->values, MEM_QUERY_BUFFER, ROW_WORK_BYTES_MAX);
    rows->mask = places - 1;
    rows->marks = arena_alloc_zeroed(&rows->arena, places * sizeof(struct conflict_mark *));
    return rows->marks != NULL ? TABLE_OK : TABLE_NO_MEMORY;
}

void conflict_end(struct conflict_rows *rows)
{
    if (rows->conflict != NULL) {
        arena_release(&rows->arena);
        arena_release(&rows->values);
    }
    *rows = (struct conflict_rows){.count = 0};
}

static const struct schema *schema_of(const struct conflict_rows *rows)
{
    return table_schema(rows->table);
}

/* --- marks --- */

static struct conflict_mark **place_of(const struct conflict_rows *rows, struct row_at at)
{
    const uint64_t number = ((uint64_t)at.shard << 32 | at.row) * UINT64_C(0x9e3779b97f4a7c15);
    return &rows->marks[(number >> 32) & rows->mask];
}

static struct conflict_mark *find_mark(const struct conflict_rows *rows, struct row_at at)
{
    struct conflict_mark *mark = *place_of(rows, at);
    while (mark != NULL && (mark->at.shard != at.shard || mark->at.row != at.row)) {
        mark = mark->next;
    }
    return mark;
}

static struct conflict_mark *new_mark(struct conflict_rows *rows)
{
    return arena_alloc_zeroed(&rows->arena, sizeof(struct conflict_mark));
}

static void put_mark(const struct conflict_rows *rows, struct conflict_mark *mark, struct row_at at, uint32_t added)
{
    struct conflict_mark **place = place_of(rows, at);
    mark->at = at;
    mark->added = added;
    mark->next = *place;
    *place = mark;
}

/* --- who has a value --- */

/* The row that counts and has the value. False: none has. */
static bool find_row(const struct conflict_rows *rows, uint32_t column, const struct typed_value *value, struct row_at *out)
{
    const struct schema *schema = schema_of(rows);
    const struct unique_column unique = unique_column_of(schema, &schema->columns[column]);
    struct row_at found[ROWS_OF_A_VALUE];
    const uint32_t count = unique_rows(rows->table, &unique, value, found, ROWS_OF_A_VALUE);
    assert(count <= 2); /* one that was given up, and one that counts */
    for (uint32_t i = 0; i < count; i++) {
        const struct conflict_mark *mark = find_mark(rows, found[i]);
        if (mark == NULL || mark->added != MARK_GIVEN_UP) {
            *out = found[i];
            return true;
        }
    }
    return false;
}

static enum table_result refuse(struct conflict_rows *rows, uint32_t column, const struct typed_value *value)
{
    rows->fault = unique_fault(rows->table, column, value);
    return TABLE_NOT_UNIQUE;
}

/* REPLACE. A row of the statement goes at once; one of the table when all is good. */
static enum table_result give_up(struct conflict_rows *rows, struct row_at at)
{
    struct conflict_mark *mark = find_mark(rows, at);
    if (mark != NULL) {
        assert(mark->added < rows->count);
        struct table_slice *slice = rows->table->slices[at.shard];
        slice_take_back(slice, schema_of(rows), at.row, slice->highest_id);
        rows->rows[mark->added].row = ROW_NONE;
        rows->kept_count--;
        return TABLE_OK;
    }
    mark = new_mark(rows);
    if (mark == NULL) {
        return TABLE_NO_MEMORY;
    }
    put_mark(rows, mark, at, MARK_GIVEN_UP);
    mark->next_removed = rows->removed;
    rows->removed = mark;
    return TABLE_OK;
}

static enum table_result settle_column(struct conflict_rows *rows, uint32_t column, const struct typed_value *value, enum conflict_outcome *outcome,
                                       struct row_at *met)
{
    const struct conflict *conflict = rows->conflict;
    if (!schema_of(rows)->columns[column].is_unique || value->is_null || !find_row(rows, column, value, met)) {
        return TABLE_OK;
    }
    if (conflict->target != COLUMN_NONE && conflict->target != column) {
        return refuse(rows, column, value);
    }
    if (conflict->deed == CONFLICT_REPLACE) {
        return give_up(rows, *met);
    }
    *outcome = conflict->deed == CONFLICT_IGNORE ? CONFLICT_SKIP : CONFLICT_CHANGE;
    return TABLE_OK;
}

enum table_result conflict_settle(struct conflict_rows *rows, const struct typed_value *values, enum conflict_outcome *outcome, struct row_at *met)
{
    const uint32_t target = rows->conflict->target;
    enum table_result result = TABLE_OK;
    *outcome = CONFLICT_ADD;
    if (target != COLUMN_NONE) {
        result = settle_column(rows, target, &values[target], outcome, met);
    }
    for (uint32_t i = 0; i < schema_of(rows)->column_count && result == TABLE_OK && *outcome == CONFLICT_ADD; i++) {
        result = i == target ? TABLE_OK : settle_column(rows, i, &values[i], outcome, met);
    }
    return result;
}

/* --- adding --- */

enum table_result conflict_add(struct conflict_rows *rows, uint32_t shard, uint64_t id, const struct typed_value *values)
{
    struct added_row *added = &rows->rows[rows->count];
    struct conflict_mark *mark = rows->conflict != NULL ? new_mark(rows) : NULL;
    if (rows->conflict != NULL && mark == NULL) {
        return TABLE_NO_MEMORY;
    }
    *added = (struct added_row){.shard = shard, .before.row = ROW_NONE};
    const enum table_result result = slice_add(rows->table->slices[shard], schema_of(rows), id, values, &added->row);
    if (result != TABLE_OK) {
        return result;
    }
    if (mark != NULL) {
        put_mark(rows, mark, (struct row_at){added->shard, added->row}, rows->count);
    }
    rows->count++;
    rows->kept_count++;
    return TABLE_OK;
}

/* --- changing --- */

static uint32_t set_count(const struct conflict *conflict)
{
    return conflict->set_count + (conflict->work != NULL ? conflict->work->set_count : 0);
}

static enum table_result fail(struct conflict_rows *rows, const struct row_failure *failure)
{
    if (failure->result == EXPRESSION_NO_MEMORY) {
        return TABLE_NO_MEMORY;
    }
    row_work_fault(rows->conflict->work, failure, &rows->work_fault);
    return TABLE_FAULT;
}

/* What the row is given: set_count assignments. *out is NULL: the conditions are not true. */
static enum table_result compute(struct conflict_rows *rows, struct row_at met, const struct typed_value *values, const struct assignment **out)
{
    const struct conflict *conflict = rows->conflict;
    struct row_failure failure;
    bool is_kept = true;
    arena_empty(&rows->values);
    struct assignment *set = arena_alloc(&rows->values, set_count(conflict) * sizeof *set);
    *out = NULL;
    if (set == NULL) {
        return TABLE_NO_MEMORY;
    }
    if (conflict->work != NULL &&
        !row_work_upsert(conflict->work, rows->table->slices[met.shard], met.row, values, &rows->values, &is_kept, set, &failure)) {
        return fail(rows, &failure);
    }
    for (uint32_t i = 0; i < conflict->set_count; i++) {
        set[set_count(conflict) - conflict->set_count + i] = conflict->set[i];
    }
    *out = is_kept ? set : NULL;
    return TABLE_OK;
}

static enum table_result check_unique(struct conflict_rows *rows, struct row_at met, const struct assignment *set)
{
    struct row_at other;
    for (uint32_t i = 0; i < set_count(rows->conflict); i++) {
        const bool is_checked = schema_of(rows)->columns[set[i].column].is_unique && !set[i].value.is_null;
        if (is_checked && find_row(rows, set[i].column, &set[i].value, &other) && (other.shard != met.shard || other.row != met.row)) {
            return refuse(rows, set[i].column, &set[i].value);
        }
    }
    return TABLE_OK;
}

/* A text that is lent from a row becomes a copy, which stays when the row's page changes. False: no memory. */
static bool copy_text(struct conflict_rows *rows, uint32_t column, struct typed_value *value)
{
    if (value->is_null || !column_type_is_text((enum column_type)schema_of(rows)->columns[column].type)) {
        return true;
    }
    const struct bytes text = typed_value_text(value);
    const char *copy = arena_copy(&rows->values, text);
    *value = (struct typed_value){.text = {copy, text.len}};
    return copy != NULL;
}

/* All values of the row as it is to be. False: no memory. */
static bool new_values(struct conflict_rows *rows, struct row_at met, const struct assignment *set, struct typed_value *out)
{
    const struct schema *schema = schema_of(rows);
    for (uint32_t i = 0; i < schema->column_count; i++) {
        out[i] = slice_value(rows->table->slices[met.shard], met.row, schema->columns[i].slot);
        if (!copy_text(rows, i, &out[i])) {
            return false;
        }
    }
    for (uint32_t i = 0; i < set_count(rows->conflict); i++) {
        out[set[i].column] = set[i].value;
        if (!copy_text(rows, set[i].column, &out[set[i].column])) { /* it may be the text of another column of the row */
            return false;
        }
    }
    return true;
}

static uint32_t new_shard(const struct conflict_rows *rows, const struct typed_value *values, uint64_t id)
{
    const uint32_t routing = schema_of(rows)->routing_column;
    return table_route(rows->table, rows->table->slices[0]->secret, routing == COLUMN_NONE ? NULL : &values[routing], id);
}

/* The new version is there: the row at `met` counts no more. */
static void put_version(struct conflict_rows *rows, struct row_at met, struct row_at version, struct conflict_mark *marks[2])
{
    const struct conflict_mark *old = find_mark(rows, met);
    uint32_t added = rows->count;
    if (old != NULL) { /* a row that this statement has put */
        struct table_slice *slice = rows->table->slices[met.shard];
        added = old->added;
        slice_take_back(slice, schema_of(rows), met.row, slice->highest_id);
        rows->rows[added].shard = version.shard;
        rows->rows[added].row = version.row;
    } else {
        put_mark(rows, marks[1], met, MARK_GIVEN_UP);
        rows->rows[rows->count++] = (struct added_row){.shard = version.shard, .row = version.row, .before = met};
        rows->kept_count++;
    }
    put_mark(rows, marks[0], version, added);
}

static enum table_result add_version(struct conflict_rows *rows, struct row_at met, const struct assignment *set)
{
    struct typed_value values[TABLE_COLUMNS_MAX];
    const uint64_t id = slice_row_id(rows->table->slices[met.shard], met.row);
    struct conflict_mark *marks[2] = {new_mark(rows), new_mark(rows)};
    struct row_at version;
    if (marks[0] == NULL || marks[1] == NULL) {
        return TABLE_NO_MEMORY;
    }
    if (!new_values(rows, met, set, values)) {
        return TABLE_NO_MEMORY;
    }
    version.shard = new_shard(rows, values, id);
    const enum table_result result = slice_add_version(rows->table->slices[version.shard], schema_of(rows), id, values, &version.row);
    if (result == TABLE_OK) {
        put_version(rows, met, version, marks);
    }
    return result;
}

enum table_result conflict_change(struct conflict_rows *rows, struct row_at met, const struct typed_value *values)
{
    const struct assignment *set;
    enum table_result result = compute(rows, met, values, &set);
    if (result == TABLE_OK && set != NULL) {
        result = check_unique(rows, met, set);
    }
    if (result != TABLE_OK || set == NULL) {
        return result;
    }
    if (!rows->is_single) {
        return add_version(rows, met, set);
    }
    rows->single = set;
    rows->single_count = set_count(rows->conflict);
    rows->rows[rows->count++] = (struct added_row){.shard = met.shard, .row = met.row, .before = met};
    rows->kept_count++;
    return TABLE_OK;
}

/* --- what stays --- */

bool conflict_single_update(const struct conflict_rows *rows, struct unique_update *update)
{
    *update = (struct unique_update){.table = rows->table, .set = rows->single, .set_count = rows->single_count};
    return rows->single != NULL;
}

/* values: copies, since what is set may be the text of another column of the row. */
static enum table_result update_single(const struct conflict_rows *rows, const struct typed_value *values)
{
    struct assignment set[TABLE_COLUMNS_MAX];
    const struct added_row *row = rows->rows;
    for (uint32_t i = 0; i < rows->single_count; i++) {
        set[i] = (struct assignment){rows->single[i].column, values[rows->single[i].column]};
    }
    return slice_update(rows->table->slices[row->shard], schema_of(rows), row->row, set, rows->single_count);
}

enum table_result conflict_apply_single(struct conflict_rows *rows)
{
    struct typed_value values[TABLE_COLUMNS_MAX];
    struct added_row *row = rows->rows;
    if (rows->single == NULL) {
        return TABLE_OK;
    }
    struct table_slice *from = rows->table->slices[row->shard];
    if (!new_values(rows, row->before, rows->single, values)) {
        return TABLE_NO_MEMORY;
    }
    const uint32_t to = new_shard(rows, values, slice_row_id(from, row->row));
    if (to == row->shard) {
        return update_single(rows, values);
    }
    const enum table_result result = slice_move_row(from, row->row, rows->table->slices[to], schema_of(rows), values);
    if (result == TABLE_OK) {
        row->shard = to;
        row->row = slice_last_row(rows->table->slices[to]);
    }
    return result;
}

bool conflict_remove_next(struct conflict_rows *rows)
{
    const struct conflict_mark *mark = rows->removed;
    if (mark == NULL) {
        return false;
    }
    rows->removed = mark->next_removed;
    slice_delete(rows->table->slices[mark->at.shard], schema_of(rows), mark->at.row);
    return true;
}

/* The columns that UPDATE sets, with their values in the new version. */
static uint32_t read_set(const struct conflict_rows *rows, const struct added_row *row, struct assignment *set)
{
    const struct conflict *conflict = rows->conflict;
    const struct schema *schema = schema_of(rows);
    const uint32_t computed = set_count(conflict) - conflict->set_count;
    for (uint32_t i = 0; i < set_count(conflict); i++) {
        const uint32_t column = i < computed ? conflict->work->sets[i].column : conflict->set[i - computed].column;
        set[i] = (struct assignment){column, slice_value(rows->table->slices[row->shard], row->row, schema->columns[column].slot)};
    }
    return set_count(conflict);
}

static bool copy_texts(struct conflict_rows *rows, struct assignment *set, uint32_t count)
{
    arena_empty(&rows->values);
    bool is_copied = true;
    for (uint32_t i = 0; i < count && is_copied; i++) {
        is_copied = copy_text(rows, set[i].column, &set[i].value);
    }
    return is_copied;
}

/* In place if that can be: the slice stays in order. */
static bool update_in_place(struct conflict_rows *rows, struct added_row *row)
{
    struct assignment set[TABLE_COLUMNS_MAX];
    struct table_slice *slice = rows->table->slices[row->shard];
    const uint32_t count = read_set(rows, row, set);
    if (row->shard != row->before.shard || !copy_texts(rows, set, count) ||
        slice_update(slice, schema_of(rows), row->before.row, set, count) != TABLE_OK) {
        return false;
    }
    slice_take_back(slice, schema_of(rows), row->row, slice->highest_id);
    row->row = row->before.row;
    return true;
}

void conflict_keep(struct conflict_rows *rows, struct added_row *row)
{
    struct assignment set[TABLE_COLUMNS_MAX];
    struct table_slice *slice = rows->table->slices[row->shard];
    if (row->before.row == ROW_NONE) {
        slice_tell_inserted(slice, schema_of(rows), row->row);
    } else if (rows->single == NULL && !update_in_place(rows, row)) {
        const uint32_t count = read_set(rows, row, set);
        slice_supersede(rows->table->slices[row->before.shard], row->before.row, slice, row->row, schema_of(rows), set, count);
    }
}

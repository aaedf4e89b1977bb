/* statement.c - see statement.h.  */
#include "query/statement.h"

#include "exec/exec.h"
#include "query/slice_wait.h"
#include "shard/server.h"

#include <assert.h>
#include <string.h>

/* A statement that finds more, or must look longer, goes on as a job. */
enum { SMALL_STEPS = 6, SMALL_ROWS = 256 };

/* --- reading --- */

enum table_result field_parse(const struct schema *schema, struct bytes word, enum table_result bad_field, struct assignment *out)
{
    struct bytes name;
    struct bytes text;
    enum comparison comparison;
    if (!comparison_split(word, &name, &comparison, &text) || comparison != COMPARE_EQUAL) {
        return bad_field;
    }
    uint32_t column = schema_find_column(schema, name);
    if (column == COLUMN_NONE) {
        return TABLE_BAD_VALUE;
    }
    struct typed_value value = {.is_null = false};
    if (!typed_value_parse(column_form(&schema->columns[column]), text, &value)) {
        return TABLE_BAD_VALUE;
    }
    *out = (struct assignment){.column = column, .value = value};
    return TABLE_OK;
}

struct table *statement_table(const struct exec *exec)
{
    return catalogue_find(atomic_load_explicit(&exec->server->catalogue, memory_order_acquire), exec->db, exec->argv[1]);
}

static uint32_t set_capacity(const struct exec *exec)
{
    return exec->argc < TABLE_COLUMNS_MAX ? exec->argc : TABLE_COLUMNS_MAX;
}

size_t statement_bytes(const struct exec *exec)
{
    return where_bytes(exec->argc) + set_capacity(exec) * sizeof(struct assignment);
}

static bool has_word(const struct exec *exec, uint32_t from, const char *word)
{
    for (uint32_t i = from; i < exec->argc; i++) {
        if (bytes_equal_ignore_case(exec->argv[i], bytes_of_string(word))) {
            return true;
        }
    }
    return false;
}

/* The words behind SET. */
static enum table_result parse_assignments(struct statement *statement, const struct exec *exec, uint32_t from)
{
    uint64_t seen[TABLE_COLUMNS_MAX / 64] = {0};
    if (from == exec->argc) {
        return TABLE_BAD_ASSIGNMENT;
    }
    for (uint32_t i = from; i < exec->argc; i++) {
        struct assignment assignment;
        enum table_result result = field_parse(statement->schema, exec->argv[i], TABLE_BAD_ASSIGNMENT, &assignment);
        if (result != TABLE_OK) {
            return result;
        }
        uint64_t bit = UINT64_C(1) << (assignment.column % 64);
        if ((seen[assignment.column / 64] & bit) != 0) {
            return TABLE_FIELD_TWICE;
        }
        seen[assignment.column / 64] |= bit;
        statement->set[statement->set_count++] = assignment;
        if (assignment.column == statement->schema->routing_column) {
            statement->moves_rows = statement->table->shard_count > 1;
        }
    }
    return TABLE_OK;
}

static enum table_result parse_where(struct statement *statement, const struct exec *exec, uint32_t *at, void *memory)
{
    struct config *config = exec->server->config;
    struct where_source source = {
        .schema = statement->schema,
        .words = exec->argv + *at,
        .count = exec->argc - *at,
        .is_left_to_right =
            atomic_load_explicit(&config->table_where_precedence, memory_order_relaxed) == WHERE_LEFT_TO_RIGHT,
        .ends_at_set = statement->kind == STATEMENT_UPDATE,
    };
    uint32_t used = 0;
    enum table_result result = where_parse(&statement->where, &source, memory, &used);
    *at += used;
    return result;
}

enum table_result statement_parse(struct statement *statement, const struct exec *exec, enum statement_kind kind,
                                  struct table *table, void *memory)
{
    *statement = (struct statement){
        .kind = kind,
        .table = table,
        .schema = table_schema(table),
        .set = memory,
        .scan_limit = atomic_load_explicit(&exec->server->config->table_max_scan_rows, memory_order_relaxed),
    };
    uint32_t at = 2;
    if (kind == STATEMENT_UPDATE && !has_word(exec, at, "SET")) {
        return TABLE_MISSING_SET;
    }
    if (at < exec->argc && bytes_equal_ignore_case(exec->argv[at], BYTES("WHERE"))) {
        at++;
        enum table_result result = parse_where(statement, exec, &at, statement->set + set_capacity(exec));
        if (result != TABLE_OK) {
            return result;
        }
    }
    if (kind != STATEMENT_UPDATE) {
        return at == exec->argc ? TABLE_OK : TABLE_BAD_CLAUSE;
    }
    if (at == exec->argc || !bytes_equal_ignore_case(exec->argv[at], BYTES("SET"))) {
        return at == exec->argc ? TABLE_MISSING_SET : TABLE_BAD_CLAUSE;
    }
    return parse_assignments(statement, exec, at + 1);
}

int32_t statement_shard(const struct statement *statement, const struct exec *exec)
{
    if (statement->table->shard_count == 1) {
        return 0;
    }
    const struct condition *routing = statement->schema->routing_column == COLUMN_NONE || statement->moves_rows
                                          ? NULL
                                          : where_equality(&statement->where, statement->schema->routing_column);
    if (routing == NULL) {
        return STATEMENT_ALL_SHARDS;
    }
    return (int32_t)table_route(statement->table, &exec->server->secret, &routing->value, 0);
}

struct shard_range statement_range(const struct statement *statement, int32_t shard)
{
    if (shard == STATEMENT_ALL_SHARDS) {
        return (struct shard_range){0, statement->table->shard_count};
    }
    return (struct shard_range){(uint32_t)shard, (uint32_t)shard + 1};
}

/* --- limits --- */

bool statement_is_within_limit(const struct statement *statement, uint64_t examined)
{
    /* A single condition that an index answers, or none at all, filters nothing. */
    bool filters = statement->where.condition_count > 1 ||
                   (statement->where.condition_count == 1 && access_scans(&statement->where, statement->schema));
    return statement->scan_limit <= 0 || !filters || examined <= (uint64_t)statement->scan_limit;
}

enum table_result statement_check(const struct statement *statement, const struct exec *exec, struct shard_range range)
{
    struct config *config = exec->server->config;
    if (atomic_load_explicit(&config->table_require_index, memory_order_relaxed) != 0 &&
        where_needs_index(&statement->where, statement->schema)) {
        return TABLE_NOT_INDEXED;
    }
    uint64_t rows = 0;
    for (uint32_t i = range.first; i < range.end; i++) {
        rows += statement->table->slices[i]->row_count;
    }
    bool scans = access_scans(&statement->where, statement->schema);
    return scans && !statement_is_within_limit(statement, rows) ? TABLE_SCAN_LIMIT : TABLE_OK;
}

bool statement_must_wait(const struct statement *statement, struct exec *exec, struct shard_range range)
{
    const bool is_reading = statement->kind == STATEMENT_SELECT;
    bool must_wait = false;
    for (uint32_t i = range.first; i < range.end && !must_wait; i++) {
        const struct table_slice *slice = statement->table->slices[i];
        must_wait = slice_must_wait(exec, statement->table, i, is_reading ? slice_may_read(slice) : slice_may_write(slice),
                                    is_reading ? WAIT_WITH_READERS : WAIT_WITH_WRITERS);
    }
    return must_wait;
}

/* --- rows --- */

/* The row goes to the shard `to` with its id and its new values. */
static enum table_result move_row(const struct statement *statement, const struct found_row *row, uint32_t to)
{
    struct typed_value values[TABLE_COLUMNS_MAX];
    const struct schema *schema = statement->schema;
    struct table_slice *from = statement->table->slices[row->shard];
    for (uint32_t i = 0; i < schema->column_count; i++) {
        values[i] = slice_value(from, row->row, schema->columns[i].slot);
    }
    for (uint32_t i = 0; i < statement->set_count; i++) {
        values[statement->set[i].column] = statement->set[i].value;
    }
    return slice_move_row(from, row->row, statement->table->slices[to], schema, values);
}

static const struct typed_value *new_routing_value(const struct statement *statement)
{
    uint32_t i = 0;
    while (statement->set[i].column != statement->schema->routing_column) {
        i++;
    }
    return &statement->set[i].value;
}

enum table_result statement_apply(const struct statement *statement, const struct exec *exec, const struct found_row *row)
{
    struct table_slice *slice = statement->table->slices[row->shard];
    if (statement->kind == STATEMENT_DELETE) {
        slice_delete(slice, statement->schema, row->row);
        return TABLE_OK;
    }
    if (statement->moves_rows) {
        uint32_t to = table_route(statement->table, &exec->server->secret, new_routing_value(statement), row->id);
        if (to != row->shard) {
            return move_row(statement, row, to);
        }
    }
    return slice_update(slice, statement->schema, row->row, statement->set, statement->set_count);
}

void statement_count_rows(struct exec *exec, uint64_t count)
{
    if (count > 0) {
        exec_count_changes(exec, count);
        exec_effect_none(exec);
    }
}

/* --- at once --- */

enum small { SMALL_FOUND, SMALL_TOO_BIG, SMALL_NO_MEMORY };

/* Finds all rows of the range in a few steps, in the order of their ids. */
static enum small find_small(const struct statement *statement, struct shard_range range, struct found *found, uint64_t *examined)
{
    uint32_t rows[GATHER_ROWS];
    uint32_t steps = 0;
    *examined = 0;
    for (uint32_t shard = range.first; shard < range.end; shard++) {
        struct gather gather;
        gather_begin(&gather, statement->table->slices[shard], statement->schema, &statement->where);
        while (!gather.is_done) {
            if (++steps > SMALL_STEPS + range.end - range.first) {
                return SMALL_TOO_BIG;
            }
            uint32_t count = gather_step(&gather, rows);
            if (found->count + count > SMALL_ROWS) {
                return SMALL_TOO_BIG;
            }
            if (count > 0 && !found_add(found, gather.slice, shard, rows, count)) {
                return SMALL_NO_MEMORY;
            }
        }
        *examined += gather.examined;
    }
    return found_sort(found, SIZE_MAX) == FOUND_SORTED ? SMALL_FOUND : SMALL_NO_MEMORY;
}

static void tell_found(const struct statement *statement, struct exec *exec, const struct found *found,
                       const struct statement_replies *replies)
{
    replies->rows(exec, found->count);
    for (size_t i = 0; i < found->count; i++) {
        replies->row(exec, statement, &found->rows[i]);
    }
}

/* *done: how many rows were changed, on errors, too. */
static enum table_result apply_found(const struct statement *statement, struct exec *exec, const struct found *found,
                                     struct shard_range range, size_t *done)
{
    enum table_result result = TABLE_OK;
    *done = 0;
    exec_begin_unit(exec);
    while (*done < found->count && result == TABLE_OK) {
        result = statement_apply(statement, exec, &found->rows[*done]);
        *done += result == TABLE_OK ? 1 : 0;
    }
    exec_end_unit(exec);
    for (uint32_t i = range.first; i < range.end && statement->kind == STATEMENT_DELETE; i++) {
        slice_tidy(statement->table->slices[i], statement->schema, SIZE_MAX);
    }
    statement_count_rows(exec, *done);
    return result;
}

bool statement_run_small(const struct statement *statement, struct exec *exec, struct shard_range range,
                         const struct statement_replies *replies)
{
    struct found found;
    uint64_t examined;
    size_t done = 0;
    enum table_result result = TABLE_OK;
    found_init(&found);
    const enum small small = find_small(statement, range, &found, &examined);
    if (small == SMALL_NO_MEMORY) {
        result = TABLE_NO_MEMORY;
    } else if (small == SMALL_FOUND && !statement_is_within_limit(statement, examined)) {
        result = TABLE_SCAN_LIMIT;
    } else if (small == SMALL_FOUND && statement->kind != STATEMENT_SELECT) {
        result = apply_found(statement, exec, &found, range, &done);
    }
    if (result != TABLE_OK) {
        replies->refuse(exec, result, statement->scan_limit);
    } else if (small == SMALL_FOUND && statement->kind == STATEMENT_SELECT) {
        tell_found(statement, exec, &found, replies);
    } else if (small == SMALL_FOUND) {
        replies->changed(exec, done);
    }
    found_release(&found);
    return small != SMALL_TOO_BIG;
}

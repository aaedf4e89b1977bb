/* table_query.c - TABLE.QUERY: a statement of SQL, its arguments behind it; and TABLE.EXECUTE, whose text was read before (exec/prepared.h).
 *
 * route() reads the text to name the shard of its rows, or all; there the handler reads it again and runs it, by the means of table.c.
 *
 * Threads    Route function: the connection's, in an epoch section. Handler: the holder of the shard's baton, or of all.
 * Memory     The tree, its plan and the arguments' values: an arena of class MEM_QUERY_BUFFER, PLAN_BYTES_MAX at most, until the handler returns;
 *            a job has its own.
 * Read on    plan/plan.h  */
#include "cmd/table/table.h"
#include "cmd/table/table_definition.h"
#include "cmd/table/table_error.h"
#include "cmd/table/table_explain.h"
#include "cmd/table/table_join.h"
#include "cmd/table/table_reply.h"
#include "cmd/table/table_rows.h"
#include "plan/plan_insert.h"
#include "plan/plan_query.h"
#include "plan/plan_rows.h"
#include "query/insert.h"
#include "table/unique.h"

static bool has_many_rows(const struct plan *plan)
{
    return plan->tree->change->rows->count > 1;
}

/* An INSERT that needs more than table_insert_row. */
static bool needs_source(const struct plan *plan)
{
    return has_many_rows(plan) || plan->tree->change->returning != NULL || plan->tree->change->conflict != SQL_CONFLICT_ERROR;
}

static bool is_definition(const struct plan *plan)
{
    return plan->tree->kind >= SQL_STATEMENT_CREATE_TABLE;
}

/* The text, and the table that it names: NULL only where CREATE, ALTER and DROP name one that is not there. */
static enum table_result read_plan(struct plan *plan, const struct exec *exec, struct arena *arena, struct sql_fault *fault, struct table **table)
{
    const struct plan_source source = plan_source_of(exec);
    const enum table_result result = plan_read(plan, &source, arena, fault);
    *table = NULL;
    if (result == TABLE_OK && is_definition(plan)) {
        *table = plan_look_up(plan, exec);
        return TABLE_OK;
    }
    return result == TABLE_OK ? plan_find_table(plan, exec, table) : result;
}

/* A statement_read_fn. */
static enum table_result read_statement(struct statement *statement, const struct exec *exec, struct arena *arena, struct sql_fault *fault)
{
    struct plan plan;
    struct table *table;
    const enum table_result result = read_plan(&plan, exec, arena, fault, &table);
    return result == TABLE_OK ? plan_statement(&plan, exec, table, statement) : result;
}

/* A text that was read, as long as a function of this file works on it. */
struct reading {
    struct arena arena;
    struct plan plan;
    struct sql_fault fault;
    struct table *table;
};

/* reading_end follows, whatever the result. */
static enum table_result reading_begin(struct reading *reading, const struct exec *exec)
{
    arena_init(&reading->arena, MEM_QUERY_BUFFER, PLAN_BYTES_MAX);
    return read_plan(&reading->plan, exec, &reading->arena, &reading->fault, &reading->table);
}

static void reading_end(struct reading *reading)
{
    arena_release(&reading->arena);
}

/* --- where it runs --- */

/* A single row has a shard, several may go to all. */
static int32_t route_rows(struct exec *exec, struct plan *plan, struct table *table)
{
    struct typed_value values[TABLE_COLUMNS_MAX];
    struct plan_rows_in rows;
    if (has_many_rows(plan)) {
        return ROUTE_ALL;
    }
    if (plan_insert(plan, exec, table, &rows) != TABLE_OK || plan_insert_row(&rows, 0, plan->arena, values) != TABLE_OK) {
        return 0;
    }
    const int32_t shard = table_route_row(exec, table, values);
    return rows.on_conflict.conflict != NULL && rows.on_conflict.conflict->asks_all ? ROUTE_ALL : shard;
}

/* Mistakes route anywhere: the handler finds them again. */
static int32_t route_plan(struct exec *exec, struct plan *plan, struct table *table)
{
    if (is_definition(plan) || plan_is_join(plan)) {
        return ROUTE_ALL;
    }
    exec->routed = table;
    if (table->shard_count == 1) {
        return 0;
    }
    if (plan->tree->kind == SQL_STATEMENT_INSERT) {
        return route_rows(exec, plan, table);
    }
    struct statement statement;
    if (plan_statement(plan, exec, table, &statement) != TABLE_OK) {
        return 0;
    }
    const int32_t shard = statement_shard(&statement, exec);
    return shard == STATEMENT_ALL_SHARDS ? ROUTE_ALL : shard;
}

static int32_t route_query(struct exec *exec)
{
    struct reading reading;
    exec->routed = NULL;
    const int32_t shard = reading_begin(&reading, exec) == TABLE_OK ? route_plan(exec, &reading.plan, reading.table) : 0;
    reading_end(&reading);
    return shard;
}

static bool waits_for_query(struct exec *exec)
{
    struct reading reading;
    const bool is_read = reading_begin(&reading, exec) == TABLE_OK;
    const bool must_wait = is_read && (plan_is_join(&reading.plan) ? table_join_waits(exec, &reading.plan) : table_waits(exec, reading.table));
    reading_end(&reading);
    return must_wait;
}

/* --- running it --- */

/* Memory was refused when the row was routed, and no id was taken, or other shards are not at hand which may have one of its values. */
static bool is_row_misrouted(const struct exec *exec, const struct table *table, const struct typed_value *values)
{
    return table->shard_count > 1 && (exec->routed_number == 0 || exec->routed_of != table->serial ||
                                      (exec->shard != NULL && unique_asks_all(table, values)));
}

static void reply_result(struct exec *exec, enum table_result result, const struct sql_fault *fault)
{
    if (result == TABLE_FAULT) {
        table_reply_fault(exec, fault);
    } else {
        reply_table_error(exec->reply, result, 0);
    }
}

static void run_insert(struct exec *exec, struct plan *plan, struct table *table)
{
    struct typed_value values[TABLE_COLUMNS_MAX];
    struct plan_rows_in rows;
    enum table_result result = plan_insert(plan, exec, table, &rows);
    if (result == TABLE_OK) {
        result = plan_insert_row(&rows, 0, plan->arena, values);
    }
    if (result == TABLE_OK && is_row_misrouted(exec, table, values)) {
        result = TABLE_NO_MEMORY;
    }
    if (result == TABLE_OK) {
        table_insert_row(exec, table, values);
    } else {
        reply_result(exec, result, plan->fault);
    }
}

/* --- INSERT of several rows, with ON CONFLICT, or with RETURNING --- */

struct rows_reader {
    bool is_open;
    struct reading reading;
    struct plan_rows_in rows;
    struct arena row_arena; /* what the last row's values need */
};

static void close_rows(void *context)
{
    struct rows_reader *reader = context;
    if (reader->is_open) {
        arena_release(&reader->row_arena);
        reading_end(&reader->reading);
    }
    reader->is_open = false;
}

static enum table_result open_rows(void *context, const struct exec *exec, struct insert_head *head)
{
    struct rows_reader *reader = context;
    close_rows(reader);
    enum table_result result = reading_begin(&reader->reading, exec);
    arena_init(&reader->row_arena, MEM_QUERY_BUFFER, PLAN_BYTES_MAX);
    reader->is_open = true;
    if (result == TABLE_OK) {
        result = plan_insert(&reader->reading.plan, exec, reader->reading.table, &reader->rows);
    }
    *head = (struct insert_head){.table = reader->reading.table,
                                 .row_count = reader->rows.row_count,
                                 .value_count = reader->rows.row_count * reader->rows.targets.count,
                                 .conflict = reader->rows.on_conflict.conflict,
                                 .returning = reader->rows.returning};
    return result;
}

static enum table_result read_row(void *context, const struct exec *exec, uint32_t at, struct typed_value *values)
{
    struct rows_reader *reader = context;
    (void)exec;
    arena_empty(&reader->row_arena);
    return plan_insert_row(&reader->rows, at, &reader->row_arena, values);
}

static void refuse_rows(struct exec *exec, enum table_result result, const struct table_fault *fault, const void *context)
{
    const struct rows_reader *reader = context;
    reply_rewind(exec->reply);
    if (fault != NULL) {
        reply_table_fault(exec->reply, result, fault);
        return;
    }
    reply_result(exec, result, &reader->reading.fault);
}

static void run_insert_many(struct exec *exec)
{
    static const struct insert_source source = {.reader_bytes = sizeof(struct rows_reader),
                                                .open = open_rows,
                                                .row = read_row,
                                                .close = close_rows,
                                                .refuse = refuse_rows,
                                                .rows = table_reply_row_count,
                                                .row_id = table_reply_row_id,
                                                .items = table_reply_items,
                                                .fault = table_reply_fault};
    struct rows_reader reader = {.is_open = false};
    insert_run(exec, &source, &reader);
    close_rows(&reader);
}

static void run_rows(struct exec *exec, struct plan *plan, struct table *table)
{
    struct statement statement;
    enum table_result result = plan_statement(plan, exec, table, &statement);
    if (result == TABLE_OK && table_is_misrouted(exec, &statement)) {
        result = TABLE_NO_MEMORY;
    }
    if (result == TABLE_OK && plan->tree->is_explain) {
        table_explain(exec, plan, &statement);
    } else {
        table_run_statement(exec, &statement, &(struct statement_reading){.result = result, .fault = plan->fault, .read = read_statement});
    }
}

static void command_query(struct exec *exec)
{
    struct reading reading;
    const enum table_result result = reading_begin(&reading, exec);
    if (result != TABLE_OK) {
        reply_result(exec, result, &reading.fault);
    } else if ((is_definition(&reading.plan) || plan_is_join(&reading.plan)) && exec->shard != NULL) { /* misrouted */
        reply_result(exec, TABLE_NO_MEMORY, &reading.fault);
    } else if (is_definition(&reading.plan)) {
        table_define(exec, &reading.plan);
    } else if (plan_is_join(&reading.plan)) {
        table_join(exec, &reading.plan);
    } else if (reading.plan.tree->kind == SQL_STATEMENT_INSERT && needs_source(&reading.plan)) {
        run_insert_many(exec);
    } else if (reading.plan.tree->kind == SQL_STATEMENT_INSERT) {
        run_insert(exec, &reading.plan, reading.table);
    } else {
        run_rows(exec, &reading.plan, reading.table);
    }
    reading_end(&reading);
}

/* --- which tables it names --- */

/* What a statement does with its table. EXPLAIN reads it. */
static uint32_t needs_of(const struct sql_statement *tree)
{
    if (tree->is_explain || tree->kind == SQL_STATEMENT_SELECT) {
        return TABLE_IS_READ;
    }
    const bool only_adds = tree->kind == SQL_STATEMENT_INSERT && tree->change->conflict == SQL_CONFLICT_ERROR && tree->change->returning == NULL;
    const bool is_definition_of_it = tree->kind >= SQL_STATEMENT_CREATE_TABLE;
    return only_adds || is_definition_of_it ? TABLE_IS_WRITTEN : TABLE_IS_READ | TABLE_IS_WRITTEN;
}

/* A command_tables_fn. */
static bool query_tables(const struct bytes *argv, uint32_t argc, command_table_fn *tell, void *arg)
{
    struct plan plan;
    struct arena arena;
    struct sql_fault fault;
    char name[PLAN_TABLE_NAME_MAX];
    if (argc < 2) {
        return true;
    }
    const struct plan_source source = {.text = argv[1], .arguments = argv + 2, .argument_count = argc - 2};
    arena_init(&arena, MEM_QUERY_BUFFER, PLAN_BYTES_MAX);
    enum table_result result = plan_read(&plan, &source, &arena, &fault);
    struct plan_sources sources = {.count = 0};
    if (result == TABLE_OK && plan_is_join(&plan)) {
        result = plan_sources_of(&plan, &sources);
    }
    if (result == TABLE_OK) {
        tell(plan_table_name(&plan, name), needs_of(plan.tree), arg);
    }
    for (uint32_t i = 0; i < sources.count; i++) {
        const struct plan one = plan_of_source(&plan, sources.sources[i]);
        tell(plan_table_name(&one, name), TABLE_IS_READ, arg);
    }
    if (result == TABLE_OK && plan.tree->kind == SQL_STATEMENT_ALTER_TABLE && plan.tree->definition->alter == SQL_ALTER_RENAME) {
        const struct sql_table renamed = {.space = plan.table->space, .name = plan.tree->definition->name};
        plan.table = &renamed;
        tell(plan_table_name(&plan, name), TABLE_IS_WRITTEN, arg);
    }
    arena_release(&arena);
    return result != TABLE_NO_MEMORY;
}

/* --- rows of the command table --- */

#define QUERY_COMPLEXITY "As TABLE.SELECT, TABLE.INSERT, TABLE.UPDATE, TABLE.DELETE or TABLE.SCHEMA.*"

const struct command_spec query_commands[] = {
    {.name = "table.execute", .run = command_query, .route = route_query, .waits = waits_for_query, .tables = query_tables, .arity = -2, .scope = SCOPE_ROUTED,
     .flags = COMMAND_WRITE | COMMAND_DENYOOM | COMMAND_NOSCRIPT | COMMAND_NAMES_PREPARED, .since = "1.0.0", .group = "table", .complexity = QUERY_COMPLEXITY,
     .summary = "Runs a statement that this connection has prepared, with an argument for each of its parameters.", .syntax = "name [argument ...]"},
    {.name = "table.query", .run = command_query, .route = route_query, .waits = waits_for_query, .tables = query_tables, .arity = -2, .scope = SCOPE_ROUTED,
     .flags = COMMAND_WRITE | COMMAND_DENYOOM, .since = "1.0.0", .group = "table",
     .complexity = QUERY_COMPLEXITY ", and O(B) to read the text, B its bytes",
     .summary = "Runs a statement of SQL, with an argument for each of its parameters.", .syntax = "sql [argument ...]"},
    {0},
};

/* table_query.c - TABLE.QUERY: a statement of SQL, its arguments behind it.
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
#include "cmd/table/table_rows.h"
#include "plan/plan_insert.h"
#include "plan/plan_rows.h"
#include "table/unique.h"

/* The words of a command as a text and its arguments. */
static struct plan_source source_of(const struct exec *exec)
{
    return (struct plan_source){.text = exec->argv[1], .arguments = exec->argv + 2, .argument_count = exec->argc - 2};
}

static bool is_definition(const struct plan *plan)
{
    return plan->tree->kind >= SQL_STATEMENT_CREATE_TABLE;
}

/* The text, and the table that it names: NULL only where CREATE, ALTER and DROP name one that is not there. */
static enum table_result read_plan(struct plan *plan, const struct exec *exec, struct arena *arena, struct sql_fault *fault, struct table **table)
{
    const struct plan_source source = source_of(exec);
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

/* Mistakes route anywhere: the handler finds them again. */
static int32_t route_plan(struct exec *exec, struct plan *plan, struct table *table)
{
    if (is_definition(plan)) {
        return ROUTE_ALL;
    }
    exec->routed = table;
    if (table->shard_count == 1) {
        return 0;
    }
    if (plan->tree->kind == SQL_STATEMENT_INSERT) {
        struct typed_value values[TABLE_COLUMNS_MAX];
        return plan_insert(plan, exec, table, values) == TABLE_OK ? table_route_row(exec, table, values) : 0;
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
    const bool must_wait = reading_begin(&reading, exec) == TABLE_OK && table_waits(exec, reading.table);
    reading_end(&reading);
    return must_wait;
}

/* --- running it --- */

/* Memory was refused when it was routed, so that it has come to a shard which may not be its own; `own`: as statement_shard names it. */
static bool is_misrouted(const struct exec *exec, const struct table *table, int32_t own)
{
    return exec->shard != NULL && table->shard_count > 1 && own != (int32_t)exec->shard->number;
}

/* The same of a row, whose id is taken when it is routed. */
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
    enum table_result result = plan_insert(plan, exec, table, values);
    if (result == TABLE_OK && is_row_misrouted(exec, table, values)) {
        result = TABLE_NO_MEMORY;
    }
    if (result == TABLE_OK) {
        table_insert_row(exec, table, values);
    } else {
        reply_result(exec, result, plan->fault);
    }
}

static void run_rows(struct exec *exec, struct plan *plan, struct table *table)
{
    struct statement statement;
    enum table_result result = plan_statement(plan, exec, table, &statement);
    if (result == TABLE_OK && is_misrouted(exec, table, statement_shard(&statement, exec))) {
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
    } else if (is_definition(&reading.plan) && exec->shard != NULL) { /* misrouted */
        reply_result(exec, TABLE_NO_MEMORY, &reading.fault);
    } else if (is_definition(&reading.plan)) {
        table_define(exec, &reading.plan);
    } else if (reading.plan.tree->kind == SQL_STATEMENT_INSERT) {
        run_insert(exec, &reading.plan, reading.table);
    } else {
        run_rows(exec, &reading.plan, reading.table);
    }
    reading_end(&reading);
}

/* --- rows of the command table --- */

const struct command_spec query_commands[] = {
    {.name = "table.query", .run = command_query, .route = route_query, .waits = waits_for_query, .arity = -2, .scope = SCOPE_ROUTED,
     .flags = COMMAND_WRITE | COMMAND_DENYOOM, .since = "1.0.0", .group = "table",
     .complexity = "As TABLE.SELECT, TABLE.INSERT, TABLE.UPDATE, TABLE.DELETE or TABLE.SCHEMA.*, and O(B) to read the text, B its bytes",
     .summary = "Runs a statement of SQL, with an argument for each of its parameters.", .syntax = "sql [argument ...]"},
    {0},
};

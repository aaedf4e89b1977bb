/* table_count.c - TABLE.COUNT and TABLE.EXISTS: how many rows match, and whether any does.
 *
 * They are SELECTs with clauses of their own, whose rows are not told.
 *
 * Threads    Route functions: the connection's, in an epoch section. Handlers: the holder of the shard's baton, or of all.
 * Read on    query/implied_select.h  */
#include "cmd/table/table.h"
#include "cmd/table/table_reply.h"
#include "cmd/table/table_rows.h"
#include "query/implied_select.h"
#include "table/slice.h"

#include <assert.h>

/* --- replies --- */

static void ignore_count(struct exec *exec, size_t count)
{
    (void)exec;
    (void)count;
}

static void ignore_row(struct exec *exec, const struct statement *statement, const struct found_row *row)
{
    (void)exec;
    (void)statement;
    (void)row;
}

static void reply_number(struct exec *exec, const struct select *select, const struct scalar *items)
{
    assert(select->item_count == 1 && items[0].type == SCALAR_INTEGER);
    reply_integer(exec->reply, items[0].integer);
}

static void reply_whether_any(struct exec *exec, size_t count)
{
    reply_integer(exec->reply, count > 0);
}

static const struct statement_replies count_replies = {
    .refuse = table_reply_refusal, .fault = table_reply_fault, .rows = ignore_count, .row = ignore_row, .items = reply_number};
static const struct statement_replies exists_replies = {
    .refuse = table_reply_refusal, .fault = table_reply_fault, .rows = reply_whether_any, .row = ignore_row};

/* --- running it --- */

static int32_t route(struct exec *exec)
{
    return table_route_statement(exec, STATEMENT_SELECT);
}

static bool waits(struct exec *exec)
{
    return table_waits(exec, statement_table(exec));
}

/* Without conditions no row is looked at: the slices know their numbers. */
static void count_all(struct exec *exec, const struct statement *statement)
{
    const struct shard_range range = statement_range(statement, table_command_shard(exec));
    int64_t count = 0;
    if (statement_must_wait(statement, exec, range)) {
        return;
    }
    for (uint32_t i = range.first; i < range.end; i++) {
        count += (int64_t)statement->table->slices[i]->row_count;
    }
    reply_integer(exec->reply, count);
}

static void run(struct exec *exec, statement_read_fn *read, const struct statement_replies *replies)
{
    struct statement statement;
    struct sql_fault fault;
    struct arena arena;
    arena_init(&arena, MEM_QUERY_BUFFER, SELECT_PLAN_BYTES_MAX);
    enum table_result result = read(&statement, exec, &arena, &fault);
    if (result == TABLE_OK && table_is_misrouted(exec, &statement)) {
        result = TABLE_NO_MEMORY;
    }
    if (result == TABLE_OK && read == implied_read_count && statement.where.condition_count == 0) {
        count_all(exec, &statement);
    } else {
        table_run_statement(exec, &statement, &(struct statement_reading){.result = result, .fault = &fault, .read = read, .replies = replies});
    }
    arena_release(&arena);
}

static void command_count(struct exec *exec)
{
    run(exec, implied_read_count, &count_replies);
}

static void command_exists(struct exec *exec)
{
    run(exec, implied_read_exists, &exists_replies);
}

/* --- rows of the command table --- */

#define WHERE_SYNTAX "namespace.table [WHERE condition [AND|OR condition ...]]"

const struct command_spec count_commands[] = {
    {.name = "table.count", .names_table = true, .run = command_count, .route = route, .waits = waits, .arity = -2, .scope = SCOPE_ROUTED,
     .flags = COMMAND_READONLY, .since = "1.0.0", .group = "table",
     .complexity = "O(1) without conditions, else as TABLE.SELECT, but for the reply",
     .summary = "Returns the number of the rows of a table that match.", .syntax = WHERE_SYNTAX},
    {.name = "table.exists", .names_table = true, .run = command_exists, .route = route, .waits = waits, .arity = -2, .scope = SCOPE_ROUTED,
     .flags = COMMAND_READONLY, .since = "1.0.0", .group = "table",
     .complexity = "As TABLE.SELECT, up to the first row that is found",
     .summary = "Returns 1 if a row of a table matches, else 0.", .syntax = WHERE_SYNTAX},
    {0},
};

/* table.c - TABLE.INSERT, SELECT, UPDATE, DELETE, HELP.
 *
 * route() reads a command to name its shard, or all; there the handler reads it again and runs it. What needs more than a
 * moment becomes a job.
 *
 * Threads    Route functions: the connection's, in an epoch section. Handlers: the holder of the shard's baton, or of all.
 * Read on    query/statement.h, query/statement_job.h; table_schema.c for what changes the catalogue.  */
#include "cmd/table/table.h"
#include "cmd/table/table_error.h"
#include "cmd/table/table_insert.h"
#include "cmd/table/table_reply.h"
#include "cmd/table/table_rows.h"
#include "exec/exec.h"
#include "query/insert_words.h"
#include "query/slice_wait.h"
#include "query/statement.h"
#include "query/statement_job.h"
#include "shard/server.h"
#include "table/unique.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum {
    ROUTE_WORDS = 24,   /* statements with as many words are read on the stack */
    FIRST_FIELD_AT = 2,
};

/* --- TABLE.INSERT --- */

static enum table_result read_fields(const struct exec *exec, const struct schema *schema, struct typed_value *values, struct table_fault *fault)
{
    return insert_fields_read(exec, FIRST_FIELD_AT, exec->argc, schema, values, fault);
}

/* The id of a row that is to be added is taken, once. */
static uint64_t take_id(struct exec *exec, struct table *table)
{
    if (exec->routed_number == 0 || exec->routed_of != table->serial) { /* it may be another table of the same name */
        exec->routed_number = table_take_row_id(table);
        exec->routed_of = table->serial;
    }
    return exec->routed_number;
}

/* The auto column gets its number, if none is given: TABLE_NO_NUMBER. */
static enum table_result give_number(struct exec *exec, struct table *table, struct typed_value *values)
{
    const struct schema *schema = table_schema(table);
    const bool is_given = !schema_needs_number(schema, values) || schema_give_number(schema, take_id(exec, table), values);
    return is_given ? TABLE_OK : TABLE_NO_NUMBER;
}

/* The shard of a row that is to be added; its id is taken. */
static uint32_t shard_of_row(struct exec *exec, struct table *table, const struct typed_value *values)
{
    const struct schema *schema = table_schema(table);
    const uint64_t id = take_id(exec, table);
    const struct typed_value *routing = schema->routing_column == COLUMN_NONE ? NULL : &values[schema->routing_column];
    return table_route(table, &exec->server->secret, routing, id);
}

int32_t table_route_row(struct exec *exec, struct table *table, struct typed_value *values)
{
    if (give_number(exec, table, values) != TABLE_OK) {
        return 0; /* which table_insert_row finds again */
    }
    const uint32_t shard = shard_of_row(exec, table, values);
    return unique_asks_all(table, values) ? ROUTE_ALL : (int32_t)shard;
}

/* Does ONCONFLICT need all shards? Also where the words are wrong, which is found again. */
static bool asks_all(const struct exec *exec, struct table *table, const struct insert_words *words)
{
    const struct conflict *conflict;
    struct table_fault fault;
    struct sql_fault sql_fault;
    struct arena arena;
    arena_init(&arena, MEM_QUERY_BUFFER, SELECT_PLAN_BYTES_MAX);
    const enum table_result result = conflict_words_plan(&words->conflict, exec, table, &arena, &conflict, &fault, &sql_fault);
    const bool needs_all = result != TABLE_OK || (conflict != NULL && conflict->asks_all);
    arena_release(&arena);
    return needs_all;
}

/* COLUMNS ... VALUES, ONCONFLICT, or RETURNING: a single row goes to its shard, several may go to all. */
static int32_t route_rows(struct exec *exec, struct table *table, struct typed_value *values)
{
    struct insert_words words;
    struct table_fault fault;
    if (exec->argc > EXEC_WORDS_MAX) {
        return ROUTE_ALL;
    }
    if (insert_words_read(&words, exec, table_schema(table), &fault) != TABLE_OK) {
        return 0;
    }
    if (words.row_count > 1) {
        return ROUTE_ALL;
    }
    if (insert_words_row(&words, exec, 0, values, &fault) != TABLE_OK) {
        return 0;
    }
    const int32_t shard = table_route_row(exec, table, values);
    return words.conflict.is_any && asks_all(exec, table, &words) ? ROUTE_ALL : shard;
}

/* The row id is taken here, where the commands of a pipeline still stand in order: on their shards they may pass each
 * other. Mistakes take none; the handler finds them again.  */
static int32_t route_insert(struct exec *exec)
{
    struct typed_value values[TABLE_COLUMNS_MAX];
    struct table *table = statement_table(exec);
    exec->routed = table;
    if (table == NULL || table->shard_count == 1) {
        return 0;
    }
    struct table_fault fault;
    if (!insert_words_are_fields(exec)) {
        return route_rows(exec, table, values);
    }
    if (read_fields(exec, table_schema(table), values, &fault) != TABLE_OK) {
        return 0;
    }
    return table_route_row(exec, table, values);
}

/* A row comes to `shard`; under all batons, other slices are asked for its values. True: exec_wait_for was called. */
static bool insert_must_wait(struct exec *exec, const struct table *table, uint32_t shard)
{
    bool must_wait = slice_must_wait(exec, table, shard, slice_may_write(table->slices[shard]), WAIT_WITH_WRITERS);
    for (uint32_t i = 0; exec->shard == NULL && i < table->shard_count && !must_wait; i++) {
        must_wait = i != shard && slice_must_wait(exec, table, i, slice_may_read(table->slices[i]), WAIT_WITH_READERS);
    }
    return must_wait;
}

/* Another row has one of the values: true, and it was replied. */
static bool is_refused_as_repeated(struct exec *exec, const struct table *table, const struct typed_value *values)
{
    const uint32_t taken = unique_find_taken(table, values, exec->shard == NULL ? UNIQUE_ALL_SLICES : UNIQUE_OWN_SLICE);
    if (taken == COLUMN_NONE) {
        return false;
    }
    const struct table_fault fault = unique_fault(table, taken, &values[taken]);
    reply_table_fault(exec->reply, TABLE_NOT_UNIQUE, &fault);
    return true;
}

void table_insert_row(struct exec *exec, struct table *table, struct typed_value *values)
{
    enum table_result result = give_number(exec, table, values);
    if (result != TABLE_OK) {
        reply_table_error(exec->reply, result, 0);
        return;
    }
    const uint32_t shard = exec->shard != NULL ? exec->shard->number : shard_of_row(exec, table, values);
    struct table_slice *slice = table->slices[shard];
    if (insert_must_wait(exec, table, shard) || is_refused_as_repeated(exec, table, values)) {
        return;
    }
    const uint64_t id = exec->routed_number != 0 ? exec->routed_number : table_take_row_id(table);
    result = slice_insert(slice, table_schema(table), id, values);
    if (result != TABLE_OK) {
        reply_table_error(exec->reply, result, 0);
        return;
    }
    statement_count_rows(exec, 1);
    reply_bulk_integer(exec->reply, (int64_t)id);
}

static void command_insert(struct exec *exec)
{
    struct typed_value values[TABLE_COLUMNS_MAX];
    struct table *table = exec->shard == NULL ? statement_table(exec) : exec->routed;
    if (!insert_words_are_fields(exec)) {
        table_insert_words(exec);
        return;
    }
    if (table == NULL) {
        reply_table_error(exec->reply, TABLE_MISSING, 0);
        return;
    }
    struct table_fault fault = {0};
    const enum table_result result = read_fields(exec, table_schema(table), values, &fault);
    if (result != TABLE_OK) {
        reply_table_fault(exec->reply, result, &fault);
        return;
    }
    table_insert_row(exec, table, values);
}

/* RETURNING and ONCONFLICT read the table. */
static bool insert_tables(const struct bytes *argv, uint32_t argc, command_table_fn *tell, void *arg)
{
    if (insert_words_may_read(argv, argc)) {
        tell(argv[1], TABLE_IS_READ, arg);
    }
    return true;
}

/* --- TABLE.SELECT, UPDATE, DELETE --- */

int32_t table_route_statement(struct exec *exec, enum statement_kind kind)
{
    char stack[ROUTE_WORDS * (sizeof(struct condition) + 2 * sizeof(struct where_node) + sizeof(struct assignment))]
        __attribute__((aligned(16)));
    struct table *table = statement_table(exec);
    exec->routed = table;
    if (table == NULL || table->shard_count == 1) {
        return 0;
    }
    size_t needed = statement_bytes(exec);
    void *memory = needed <= sizeof stack ? stack : exec_scratch(exec, needed);
    struct statement statement;
    if (memory == NULL) {
        return ROUTE_ALL; /* where it is right in any case */
    }
    if (statement_parse(&statement, exec, kind, table, memory) != TABLE_OK) {
        return 0;
    }
    int32_t shard = statement_shard(&statement, exec);
    return shard == STATEMENT_ALL_SHARDS ? ROUTE_ALL : shard;
}

bool table_is_misrouted(const struct exec *exec, const struct statement *statement)
{
    return exec->shard != NULL && statement->table->shard_count > 1 && statement_shard(statement, exec) != (int32_t)exec->shard->number;
}

static int32_t route_select(struct exec *exec)
{
    return table_route_statement(exec, STATEMENT_SELECT);
}

static int32_t route_update(struct exec *exec)
{
    return table_route_statement(exec, STATEMENT_UPDATE);
}

static int32_t route_delete(struct exec *exec)
{
    return table_route_statement(exec, STATEMENT_DELETE);
}

void table_reply_refusal(struct exec *exec, enum table_result result, const struct statement *statement)
{
    reply_rewind(exec->reply);
    if (statement == NULL || result == TABLE_SCAN_LIMIT) {
        reply_table_error(exec->reply, result, statement == NULL ? 0 : statement->scan_limit);
    } else {
        reply_table_fault(exec->reply, result, &statement->fault);
    }
}

static void reply_changed(struct exec *exec, size_t count)
{
    reply_integer(exec->reply, (int64_t)count);
}

static const struct statement_replies replies = {
    .refuse = table_reply_refusal, .fault = table_reply_fault, .rows = table_reply_row_count,
    .row = table_reply_row, .items = table_reply_items, .changed = reply_changed};

const struct statement_replies *table_statement_replies(void)
{
    return &replies;
}

int32_t table_command_shard(const struct exec *exec)
{
    return exec->shard == NULL ? STATEMENT_ALL_SHARDS : (int32_t)exec->shard->number;
}

void table_run_statement(struct exec *exec, const struct statement *statement, const struct statement_reading *reading)
{
    enum table_result result = reading->result;
    const int32_t shard = table_command_shard(exec);
    const struct statement_replies *tell = reading->replies != NULL ? reading->replies : &replies;
    struct shard_range range = {0};
    if (result == TABLE_OK) {
        range = statement_range(statement, shard);
        result = statement_check(statement, exec, range);
    }
    if (result == TABLE_FAULT) {
        tell->fault(exec, reading->fault);
    } else if (result != TABLE_OK) {
        tell->refuse(exec, result, statement);
    } else if (!statement_must_wait(statement, exec, range) && (statement->moves_rows || !statement_run_small(statement, exec, range, tell))) {
        if (reading->read == NULL) {
            statement_job_start(exec, statement->kind, shard, tell);
        } else {
            statement_job_start_read(exec, statement->kind, shard, tell, reading->read);
        }
    }
}

/* On one shard, in a batch, or on all of them: at once if it is small. */
static void run_statement(struct exec *exec, enum statement_kind kind)
{
    struct statement statement;
    struct sql_fault fault;
    struct arena arena;
    struct table *table = exec->shard == NULL ? statement_table(exec) : exec->routed;
    void *memory = exec_scratch(exec, statement_bytes(exec));
    if (table == NULL || memory == NULL) {
        reply_table_error(exec->reply, table == NULL ? TABLE_MISSING : TABLE_NO_MEMORY, 0);
        return;
    }
    enum table_result result = statement_parse(&statement, exec, kind, table, memory);
    arena_init(&arena, MEM_QUERY_BUFFER, SELECT_PLAN_BYTES_MAX);
    if (result == TABLE_OK) {
        result = statement_plan(&statement, exec, &arena, &fault);
    }
    table_run_statement(exec, &statement, &(struct statement_reading){.result = result, .fault = &fault});
    arena_release(&arena);
}

static void command_select(struct exec *exec)
{
    run_statement(exec, STATEMENT_SELECT);
}

static void command_update(struct exec *exec)
{
    run_statement(exec, STATEMENT_UPDATE);
}

static void command_delete(struct exec *exec)
{
    run_statement(exec, STATEMENT_DELETE);
}

/* --- TABLE.HELP --- */

static const char *const help_notes[] = {
    "  types: string, integer, float, date (YYYY-MM-DD), boolean, datetime (ISO 8601), decimal(digits,scale), blob, uuid, json",
    "  index: hash, btree, none (default); deprecated: true (= hash), false (= none)",
    "  options: an index, notnull, unique, primary, auto, default=<value>; in any order",
    "  condition: <col><op><value> or <col> <op> <value> or <col> <op> COLUMN <col>; op: = != <> > < >= <=",
    "  condition: <col> [NOT] BETWEEN a AND b, <col> [NOT] IN ( a b ... ), <col> [NOT] LIKE pattern, <col> IS [NOT] NULL",
    "  set: <col>=<value>, <col>=NULL, or <col>:=<expression> of SQL over the row as it was, in one word",
    "  returning: items as behind COLUMNS of TABLE.SELECT; of an updated row as it is afterwards, of a deleted one as it was",
    "  conditions are joined by AND and OR, negated by NOT, and grouped by ( and ) as words of their own; _id is the row's id",
};
enum { HELP_NOTES = sizeof help_notes / sizeof help_notes[0], HELP_LINE_MAX = 512 };

static bool is_table_command(const struct command_spec *spec)
{
    return spec->parent == NULL && strncmp(spec->name, "table.", strlen("table.")) == 0;
}

static void command_help_table(struct exec *exec)
{
    const struct command_spec *const *rows = exec->server->commands;
    size_t count = HELP_NOTES;
    for (size_t i = 0; rows[i] != NULL; i++) {
        count += is_table_command(rows[i]) ? 1 : 0;
    }
    reply_array(exec->reply, count);
    for (size_t i = 0; rows[i] != NULL; i++) {
        char line[HELP_LINE_MAX];
        if (!is_table_command(rows[i])) {
            continue;
        }
        const char *syntax = rows[i]->syntax == NULL ? "" : rows[i]->syntax;
        int len = snprintf(line, sizeof line, "%s%s%s", rows[i]->name, *syntax == '\0' ? "" : " ", syntax);
        for (size_t c = 0; rows[i]->name[c] != '\0'; c++) {
            line[c] = (char)toupper((unsigned char)line[c]);
        }
        reply_simple(exec->reply, (struct bytes){line, (size_t)len < sizeof line ? (size_t)len : sizeof line - 1});
    }
    for (size_t i = 0; i < HELP_NOTES; i++) {
        reply_simple(exec->reply, bytes_of_string(help_notes[i]));
    }
}

/* --- rows of the command table --- */

#define CONDITIONS_SYNTAX "condition [AND|OR condition ...]"
#define CONFLICT_SYNTAX "[ONCONFLICT ERROR|IGNORE|REPLACE|UPDATE column=value|column:=expression ...] "
#define CONDITIONS_COMPLEXITY                                                                                                  \
    "O(M) with an equality on an indexed column, M the number of rows with that value, otherwise O(N), N the number of rows"

bool table_waits(struct exec *exec, const struct table *table)
{
    return table != NULL && table_must_wait(exec, table);
}

/* Statements that only read wait for others of their kind, too. */
static bool waits_for_table(struct exec *exec)
{
    return table_waits(exec, statement_table(exec));
}

const struct command_spec table_commands[] = {
    {.name = "table.delete", .names_table = true, .key_flags = "RW access delete", .run = command_delete, .route = route_delete, .waits = waits_for_table, .arity = -2, .scope = SCOPE_ROUTED,
     .flags = COMMAND_WRITE, .since = "1.0.0", .group = "table", .complexity = CONDITIONS_COMPLEXITY,
     .summary = "Deletes the rows of a table that match, and returns their number, or what is computed of them.",
     .syntax = "namespace.table [WHERE " CONDITIONS_SYNTAX "] [RETURNING item ...]"},
    {.name = "table.help", .run = command_help_table, .arity = 1, .scope = SCOPE_INSTANT,
     .flags = COMMAND_READONLY | COMMAND_FAST, .since = "1.0.0", .group = "table", .complexity = "O(1)",
     .summary = "Lists the table commands.", .syntax = ""},
    {.name = "table.insert", .names_table = true, .run = command_insert, .route = route_insert, .waits = waits_for_table, .tables = insert_tables, .arity = -3, .scope = SCOPE_ROUTED,
     .flags = COMMAND_WRITE | COMMAND_DENYOOM | COMMAND_FAST, .since = "1.0.0", .group = "table",
     .complexity = "O(C) for each row, C the number of columns",
     .summary = "Adds a row to a table, or several together, and returns their ids, or what is computed of them.",
     .syntax = "namespace.table column=value [column=value ...] " CONFLICT_SYNTAX "[RETURNING item ...] | "
               "COLUMNS column [column ...] " CONFLICT_SYNTAX "[RETURNING item ...] VALUES value [value ...]"},
    {.name = "table.select", .names_table = true, .run = command_select, .route = route_select, .waits = waits_for_table, .arity = -2, .scope = SCOPE_ROUTED,
     .flags = COMMAND_READONLY, .since = "1.0.0", .group = "table", .complexity = CONDITIONS_COMPLEXITY,
     .summary = "Returns the rows of a table that match, or what is computed of them.",
     .syntax = "namespace.table [COLUMNS [DISTINCT] item [AS name] ...] [WHERE " CONDITIONS_SYNTAX
               "] [GROUP BY expression ...] [HAVING condition] [ORDER BY expression [ASC|DESC] ...] [LIMIT n [OFFSET m]]"},
    {.name = "table.update", .names_table = true, .key_flags = "RW access update", .run = command_update, .route = route_update, .waits = waits_for_table, .arity = -2, .scope = SCOPE_ROUTED,
     .flags = COMMAND_WRITE | COMMAND_DENYOOM, .since = "1.0.0", .group = "table", .complexity = CONDITIONS_COMPLEXITY,
     .summary = "Changes the rows of a table that match, and returns their number, or what is computed of them.",
     .syntax = "namespace.table [WHERE " CONDITIONS_SYNTAX "] SET column=value|column:=expression [column=value|column:=expression ...] [RETURNING item ...]"},
    {0},
};

/* table.h - what table.c does with a statement that was read, whatever language it came in, and a row that was read.
 *
 * Threads    The holder of the shard's baton, or of all.  */
#ifndef CMD_TABLE_TABLE_H
#define CMD_TABLE_TABLE_H

#include "query/statement.h"
#include "query/statement_job.h"

/* How reading a statement ended. */
struct statement_reading {
    enum table_result result;
    const struct sql_fault *fault; /* of TABLE_FAULT */
    statement_read_fn *read;       /* reads it again, if it becomes a job; NULL: statement_parse does */
    const struct statement_replies *replies; /* NULL: those of TABLE.SELECT, UPDATE and DELETE */
};

/* The shards whose batons the command has, as statement_range takes them. */
int32_t table_command_shard(const struct exec *exec);
/* Checks the statement and runs it: at once when it is small, else as a job; or replies why not. `statement` has a meaning where reading ended
 * well, and its limit and fault else.  */
void table_run_statement(struct exec *exec, const struct statement *statement, const struct statement_reading *reading);
/* How TABLE.SELECT, UPDATE and DELETE tell their outcome. */
const struct statement_replies *table_statement_replies(void);
/* Replies an error instead of what was replied before: a function of struct statement_replies. */
void table_reply_refusal(struct exec *exec, enum table_result result, const struct statement *statement);

/* The shard of a command whose words from the third on are read by statement_parse, or ROUTE_ALL; exec->routed is its table. Mistakes are routed
 * anywhere: the handler finds them again.  */
int32_t table_route_statement(struct exec *exec, enum statement_kind kind);

/* Memory was refused when it was routed, so that it has come to a shard which may not be its own. */
bool table_is_misrouted(const struct exec *exec, const struct statement *statement);

/* INSERT on several shards: names the shard of the row, or ROUTE_ALL where it has a value that no other row may have, and takes its id, once. Both
 * it and table_insert_row give the row's auto column its number. */
int32_t table_route_row(struct exec *exec, struct table *table, struct typed_value *values);
/* Adds the row and replies its id, or why not. values: complete, but for the auto column. */
void table_insert_row(struct exec *exec, struct table *table, struct typed_value *values);

/* Somebody has locked a slice of the table, and exec_wait_for was called; NULL: there is no table. */
bool table_waits(struct exec *exec, const struct table *table);

#endif

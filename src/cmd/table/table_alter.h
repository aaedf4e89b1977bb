/* table_alter.h - TABLE.SCHEMA.ALTER.
 *
 * Threads    All batons are held.
 * Read on    query/alter.h  */
#ifndef CMD_TABLE_ALTER_H
#define CMD_TABLE_ALTER_H

#include "exec/exec.h"
#include "query/fault.h"

/* SCOPE_ALL */
void command_schema_alter(struct exec *exec);
/* A command_tables_fn: the table's new name. */
bool schema_alter_tables(const struct bytes *argv, uint32_t argc, command_table_fn *tell, void *arg);

/* Replies the outcome of a change of what tables there are, and counts it. */
void table_reply_changed(struct exec *exec, enum table_result result);
/* The same of ALTERs that may be jobs, ADD INDEX and ADD COLUMN: an alter_done_fn. */
void table_reply_altered(struct exec *exec, enum table_result result, const struct table_fault *fault);

#endif

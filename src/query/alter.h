/* alter.h - columns and indexes come and go, and names change: TABLE.SCHEMA.ALTER.
 *
 * ALTER waits until no statement has the table locked; statements that come later wait for it. It is one short step with all batons held,
 * but for two: ADD COLUMN with a default on a table with rows (column_job.h), and ADD INDEX on one with many. That one builds the index as a
 * job: the slices are locked for reading meanwhile, so that rows stay as they are and queries go on without the index; when all slices have
 * it, a last short step without other readers makes it visible in all of them at once. If the column is to become unique, all rows are looked
 * at with the index before.
 *
 *   START --> [BUILD] --> [CHECK] --> FINISH --> done
 *
 * Threads    START, FINISH, and all else: all batons. BUILD: that of the slice's shard. CHECK: none.  */
#ifndef QUERY_ALTER_H
#define QUERY_ALTER_H

#include "exec/exec.h"
#include "query/column_job.h"
#include "table/definition.h"

/* One step each, for a table that nobody has locked (table_must_wait has said no). The words are those of the command: `column`
 * col:type[:option ...], the others names. Unless the result is TABLE_OK nothing has changed. alter_drop_column may call exec_wait_for and
 * return TABLE_OK: the cells of a column that was dropped before are still being freed. alter_add_column may start a
 * job (column_job.h), which calls `done`, and return TABLE_OK: rows get a default.  */
MUST_USE enum table_result alter_add_column(struct exec *exec, struct table *table, struct bytes column, alter_done_fn *done);
MUST_USE enum table_result alter_drop_column(struct exec *exec, struct table *table, struct bytes name);
MUST_USE enum table_result alter_rename_column(struct exec *exec, struct table *table, struct bytes name, struct bytes new_name);
/* name: namespace.table, of the same database. Whoever has watched the table, under either name, is told. */
MUST_USE enum table_result alter_rename_table(struct exec *exec, struct table *table, struct bytes name);
MUST_USE enum table_result alter_drop_index(struct exec *exec, struct table *table, struct bytes name);

enum { ALTER_INDEX_WORD_MAX = COLUMN_NAME_MAX + 16 };

/* Starts the job that adds an index: `table` is the table's name, `index` col[:kind][:unique], ALTER_INDEX_WORD_MAX bytes at most; both are copied.
 * TABLE_NO_MEMORY, TABLE_MISSING, TABLE_COLUMN_MISSING (a longer word): there is no job, and `done` is not called.  */
MUST_USE enum table_result alter_add_index(struct exec *exec, struct bytes table, struct bytes index, alter_done_fn *done);

#endif

/* column_job.h - ADD COLUMN on a table with rows that get the default: a job with parts, one a slice.
 *
 *   START, the slices are locked for writing --> parts fill the column --> FINISH, the schema has the column --> done
 *
 * A fill that is given up, since memory is refused or the connection has gone, leaves nothing: the cells are freed as those of a column that
 * is dropped.
 *
 * Threads    START, FINISH: all batons. Parts: the baton of the slice's shard.  */
#ifndef QUERY_COLUMN_JOB_H
#define QUERY_COLUMN_JOB_H

#include "exec/exec.h"
#include "query/fault.h"
#include "table/definition.h"

/* Tells how an ALTER ended. TABLE_REPEATED: *fault says which value (unique_check.h), lent until the function returns. */
typedef void alter_done_fn(struct exec *exec, enum table_result result, const struct table_fault *fault);

/* The table's schema and the column of the word, in a slot that is free. Names and texts are borrowed. All batons held. */
MUST_USE enum table_result column_job_draft(const struct table *table, struct bytes word, struct schema_draft *draft);
/* The cells of a column that was dropped before are still being freed: true, and exec_wait_for was called. All batons held. */
MUST_USE bool column_job_must_wait(struct exec *exec, const struct table *table);

/* Starts the job; `table` is the table's name, `column` the column's word, with a default and no index: both are copied. TABLE_NO_MEMORY: there is
 * no job.  */
MUST_USE enum table_result column_job_start(struct exec *exec, struct bytes table, struct bytes column, alter_done_fn *done);

#endif

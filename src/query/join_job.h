/* join_job.h - a SELECT over several tables, as a job.
 *
 * It locks the slices of all its tables for reading, in one step, so that it sees one moment of all of them; reads the tables but the first one
 * into hash tables, joins the first one's rows with them as they are found, in parts, and replies.
 *
 *   START --> READ --> LINK --> READ --> ... --> SETTLE --> REPLY --> END --> done
 *     +-- refused: done          (any of them: END when something is refused)
 *
 * Threads    START and END: all batons; LINK, SETTLE, REPLY: none, the parts of READ (join_run.h) neither.
 * Limits     table-join-memory.  */
#ifndef QUERY_JOIN_JOB_H
#define QUERY_JOIN_JOB_H

#include "query/join.h"

/* Reads the command's words, under all batons: *out is in the arena. TABLE_FAULT: *fault says what is wrong. */
typedef enum table_result join_read_fn(struct join **out, const struct exec *exec, struct arena *arena, struct sql_fault *fault);

/* `replies`: rows, items, refuse and fault are called; lent until the job is over. */
void join_job_start(struct exec *exec, join_read_fn *read, const struct statement_replies *replies);

#endif

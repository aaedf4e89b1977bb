/* statement_job.h - a TABLE.SELECT, UPDATE or DELETE that takes many steps.
 *
 * It locks the slices that it works on (for reading: SELECT), finds the rows, each slice's as a part (search.h), and replies in
 * the order of their ids, or applies its change to one after the other, and gives the locks back; so it sees, and makes, one state.
 * While it holds the locks it reads without any baton: no shard waits for it.
 *
 *   START --> FIND --> [SETTLE] --> REPLY -----------------+
 *     |         |                                          +--> END --> done
 *     |         +--> [CHECK] --> [TELL] --> APPLY --> TIDY +
 *     +--> EMPTY ------------------------------------------+
 *     +-- small, or refused: done
 *
 * SETTLE: of a SELECT with clauses (select_run.h). EMPTY: DELETE of all rows, which looks for none. CHECK: of an UPDATE that sets a unique
 * column (unique_check.h). TELL: RETURNING, of an UPDATE or DELETE; its rows come in the order of the shards. Both go to END when they are refused.
 *
 * Threads    START and END: the batons of its shards; FIND (and other threads), SETTLE, REPLY, CHECK, TELL: none; APPLY, TIDY, EMPTY: the one of the
 *            row's shard, or all of them when rows change their shard.
 * Limits     When the connection dies while a change is being applied, the rest is applied at once: a change is never left
 *            half done. When memory is refused half way, what was changed stays, and the error says so.  */
#ifndef QUERY_STATEMENT_JOB_H
#define QUERY_STATEMENT_JOB_H

#include "query/statement.h"

/* Starts it on `shard`, or STATEMENT_ALL_SHARDS; the words are read (again) when it holds the batons. `replies` tell its outcome, and
 * are lent until the job is over.  */
void statement_job_start(struct exec *exec, enum statement_kind kind, int32_t shard, const struct statement_replies *replies);

/* Reads a statement that is no TABLE.SELECT, UPDATE or DELETE from the command's words, as statement_parse and statement_plan do: its table,
 * conditions and plans, in the arena. TABLE_FAULT: *fault says what is wrong.  */
typedef enum table_result statement_read_fn(struct statement *statement, const struct exec *exec, struct arena *arena, struct sql_fault *fault);

/* The same for a statement that `read` reads, always as one of that kind. */
void statement_job_start_read(struct exec *exec, enum statement_kind kind, int32_t shard, const struct statement_replies *replies,
                              statement_read_fn *read);

#endif

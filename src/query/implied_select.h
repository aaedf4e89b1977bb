/* implied_select.h - SELECTs whose clauses are no words of the command: TABLE.COUNT is COLUMNS count(*), TABLE.EXISTS is LIMIT 1.
 *
 *   TABLE.COUNT ns.t [WHERE conditions]        TABLE.EXISTS ns.t [WHERE conditions]
 *
 * Threads    Under the batons of the statement's shards, or inside an epoch section.
 * Read on    statement_job.h  */
#ifndef QUERY_IMPLIED_SELECT_H
#define QUERY_IMPLIED_SELECT_H

#include "query/statement_job.h"

/* A statement_read_fn each. TABLE_MISSING; TABLE_BAD_CLAUSE: there are more words than those; else as statement_parse and statement_plan. */
MUST_USE enum table_result implied_read_count(struct statement *statement, const struct exec *exec, struct arena *arena, struct sql_fault *fault);
MUST_USE enum table_result implied_read_exists(struct statement *statement, const struct exec *exec, struct arena *arena, struct sql_fault *fault);

#endif

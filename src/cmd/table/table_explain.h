/* table_explain.h - EXPLAIN: how a SELECT of SQL would be run.
 *
 * Threads    The holder of the shard's baton, or of all.  */
#ifndef CMD_TABLE_TABLE_EXPLAIN_H
#define CMD_TABLE_TABLE_EXPLAIN_H

#include "plan/plan.h"
#include "query/join.h"

/* Replies an array of lines: the table, the shards that are asked, what became of WHERE, of each shard how its rows are found, and what is done
 * with them. `statement` is what plan_statement has made of the plan. It waits as the SELECT itself would.  */
void table_explain(struct exec *exec, const struct plan *plan, const struct statement *statement);
/* The same of each table of a join, in the order in which they are joined, and by what each is joined to those before it. */
void table_explain_join(struct exec *exec, const struct plan *plan, const struct join *join);

#endif

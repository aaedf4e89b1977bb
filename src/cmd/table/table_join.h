/* table_join.h - TABLE.QUERY with a SELECT over several tables, and its EXPLAIN.
 *
 * Threads    The holder of all batons.  */
#ifndef CMD_TABLE_TABLE_JOIN_H
#define CMD_TABLE_TABLE_JOIN_H

#include "plan/plan.h"

/* True, and exec_wait_for was called: one of the tables is locked. */
bool table_join_waits(struct exec *exec, const struct plan *plan);
/* Runs it, or explains it; or replies why not. `plan` was read (plan_is_join). */
void table_join(struct exec *exec, struct plan *plan);

#endif

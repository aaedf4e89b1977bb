/* plan_join.h - a SELECT over several tables as a plan of query/join.h.
 *
 * WHERE and ON are split at their ANDs. A part that names one table is asked of its rows before they are joined, so that an index can find them;
 * others stand at the level where all their tables are there. An equality between a table and those before it is a key, too. Of a LEFT JOIN's
 * table only its ON is asked before; what WHERE asks is asked of what the join has made.
 *
 * Order      Without LEFT JOIN the table with the most rows comes first, and the others by what connects them, the smallest first. With one the
 *            order is that of the text.
 * Threads    Under all batons: indexes are asked how many rows they have.
 * Limits     JOIN_TABLES_MAX tables.  */
#ifndef PLAN_PLAN_JOIN_H
#define PLAN_PLAN_JOIN_H

#include "plan/plan.h"
#include "query/join.h"

/* Of a plan that was read (plan_is_join). TABLE_FAULT, TABLE_NO_MEMORY: *out is not set. */
MUST_USE enum table_result plan_join(struct plan *plan, const struct exec *exec, struct join **out);

#endif

/* plan_condition.h - parts of a WHERE as conditions of query/condition.h, which filters and indexes take.
 *
 * A part becomes a condition only where that means the same as the expression, for every row: a column beside a literal or an argument that is a
 * value of the column's own type. All else stays an expression.
 *
 * Threads    Any.  */
#ifndef PLAN_PLAN_CONDITION_H
#define PLAN_PLAN_CONDITION_H

#include "plan/plan.h"
#include "query/where.h"

/* Adds the part to *where, which has room for two more. The arguments were taken, and the part compiles. *is_taken: false: it has to stay an
 * expression, nothing was added. TABLE_NO_MEMORY.  */
MUST_USE enum table_result plan_condition(const struct plan *plan, const struct row_names *names, const struct sql_node *part, struct where *where,
                                          bool *is_taken);

#endif

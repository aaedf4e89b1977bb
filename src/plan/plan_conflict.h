/* plan_conflict.h - ON CONFLICT, OR IGNORE and OR REPLACE of an INSERT as what query/conflict.h does.
 *
 * Threads    Any; what the table's schema needs: under a baton, or inside an epoch section.  */
#ifndef PLAN_PLAN_CONFLICT_H
#define PLAN_PLAN_CONFLICT_H

#include "plan/plan.h"
#include "query/conflict.h"

/* In the plan's arena. */
struct plan_conflict {
    struct conflict *conflict; /* NULL: the statement has none of them */
    struct row_work *work;     /* the conflict's, whose parameters are set when the arguments are taken; NULL: it has none */
};

/* TABLE_FAULT, TABLE_NO_MEMORY. */
MUST_USE enum table_result plan_conflict(const struct plan *plan, const struct exec *exec, const struct table *table, struct plan_conflict *out);

#endif

/* plan_rows.h - SELECT, UPDATE and DELETE of SQL as statements of query/statement.h.
 *
 * WHERE is split at its ANDs. Parts that mean a condition go to statement->where, so that an index can find the rows; the others are programs,
 * and asked of each row that is left. So an error of one part may not be met in a row that another part excludes.
 *
 * Threads    Any; what the table's schema needs: under a baton, or inside an epoch section.  */
#ifndef PLAN_PLAN_ROWS_H
#define PLAN_PLAN_ROWS_H

#include "plan/plan.h"
#include "query/statement.h"

/* The statement is ready for statement_shard, statement_check and what follows. TABLE_FAULT, TABLE_NO_MEMORY: *statement has no meaning. */
MUST_USE enum table_result plan_statement(struct plan *plan, const struct exec *exec, struct table *table, struct statement *statement);

/* Parts of WHERE, from the first: sql/tree.h links them by `next`. */
struct plan_parts {
    const struct sql_node *first; /* NULL: no WHERE */
    uint32_t count;
};
struct plan_parts plan_parts_of(const struct sql_node *where);

#endif

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

/* Parts of WHERE, or of ON: what stands between its ANDs. */
struct plan_parts {
    const struct sql_node **nodes;
    uint32_t count;
};
/* NULL: none. TABLE_NO_MEMORY. */
MUST_USE enum table_result plan_parts_of(const struct plan *plan, const struct sql_node *where, struct plan_parts *out);

/* What select_plan takes of a SELECT, without its table or tables. */
struct select_source plan_select_source(const struct plan *plan, const struct exec *exec);

/* RETURNING of a change, before its arguments are taken: they are then given to (*out)->parameters. NULL: it has none.
 * TABLE_FAULT, TABLE_NO_MEMORY. */
MUST_USE enum table_result plan_returning(const struct plan *plan, const struct exec *exec, const struct schema *schema, struct select **out);

/* Of a table of a join (plan_of_source): the statement that finds the rows for which the parts are true, all of which name no other table. The
 * arguments were taken.  */
MUST_USE enum table_result plan_where(struct plan *plan, const struct exec *exec, struct table *table, struct plan_parts parts,
                                      struct statement *statement);

#endif

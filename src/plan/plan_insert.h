/* plan_insert.h - INSERT of SQL as the values of a row.
 *
 * Threads    Any; what the table's schema needs: under a baton, or inside an epoch section.  */
#ifndef PLAN_PLAN_INSERT_H
#define PLAN_PLAN_INSERT_H

#include "plan/plan.h"
#include "table/typed_value.h"

/* Computes the row: columns that are not named have their default, or null. values: one a column of the table; texts are in the plan's arena, or
 * lent from the arguments. TABLE_FAULT, TABLE_NO_MEMORY.  */
MUST_USE enum table_result plan_insert(struct plan *plan, const struct exec *exec, const struct table *table, struct typed_value *values);

/* A column's default: a literal as a value of that form, or null. TABLE_FAULT, TABLE_NO_MEMORY. */
MUST_USE enum table_result plan_default(const struct plan *plan, const struct sql_node *node, struct column_form form, struct typed_value *out);

#endif

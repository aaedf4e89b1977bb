/* plan_insert.h - INSERT of SQL as the values of rows.
 *
 * Threads    Any; what the table's schema needs: under a baton, or inside an epoch section.  */
#ifndef PLAN_PLAN_INSERT_H
#define PLAN_PLAN_INSERT_H

#include "plan/plan.h"
#include "plan/plan_conflict.h"
#include "query/insert_words.h"
#include "table/typed_value.h"

/* Its rows, whose values are not computed yet. */
struct plan_rows_in {
    const struct plan *plan;
    struct row_columns targets;
    uint32_t row_count;                /* at least 1 */
    const struct sql_node **rows;
    const struct program **programs;   /* targets.count a row */
    int64_t now_us;
    struct plan_conflict on_conflict;
    struct select *returning;          /* the plan of RETURNING, in the arena; NULL: none */
};

/* Reads the rows: names, how many values, expressions, arguments. *out is in the plan's arena and lends the plan. TABLE_FAULT, TABLE_NO_MEMORY. */
MUST_USE enum table_result plan_insert(struct plan *plan, const struct exec *exec, const struct table *table, struct plan_rows_in *out);

/* Computes row `at`, the same each time: columns that are not named have their default, or null. values: one a column of the table; texts are in
 * `arena`, or lent from the plan and its arguments. TABLE_FAULT, TABLE_NO_MEMORY; TABLE_NULL_VALUE: the fault is set, and the row may be left
 * out.  */
MUST_USE enum table_result plan_insert_row(const struct plan_rows_in *rows, uint32_t at, struct arena *arena, struct typed_value *values);

/* A column's default: a literal as a value of that form, or null. TABLE_FAULT, TABLE_NO_MEMORY. */
MUST_USE enum table_result plan_default(const struct plan *plan, const struct sql_node *node, struct column_form form, struct typed_value *out);

#endif

/* row_work.h - what a statement asks of each row beyond its conditions, and what it gives the row: programs over the row's values.
 *
 *     conditions (filter.h) --> row_work_keep: conditions that no filter takes; SET is tried --> row_work_set: SET is computed again
 *
 * SET is tried for every row before any row is changed, so that a row for which it fails leaves all as they were. What it computes of a row
 * is the same both times: the rows do not change in between, and now() is one moment.
 *
 * Memory     In the caller's arena; what a call needs besides is thread_alloc, class MEM_QUERY_BUFFER, and is freed before it returns.
 * Threads    Never changed while rows are found: any number of threads may read it.  */
#ifndef QUERY_ROW_WORK_H
#define QUERY_ROW_WORK_H

#include "expression/evaluate.h"
#include "query/row_names.h"
#include "sql/fault.h"
#include "table/slice.h"

enum { ROW_WORK_BYTES_MAX = 1 << 30 };

/* The column gets the program's result, which is of the column's type or null. */
struct row_set {
    uint32_t column;
    const struct program *program;
    struct bytes text; /* that it was read from, and that faults show; empty: the statement's */
};

struct row_work {
    const struct schema *schema;
    struct bytes text;                          /* of the statement, for places of faults */
    uint32_t input_count;
    const struct row_input *inputs;
    const struct row_names *excluded;           /* ON CONFLICT DO UPDATE: those of the row that was to be added; NULL: none */
    uint32_t condition_count;
    const struct program *const *conditions;    /* a row is kept when each is true */
    uint32_t set_count;
    const struct row_set *sets;
    uint32_t temporary_count;                   /* what the largest program needs */
    const struct scalar *parameters;
    int64_t now_us;
};

/* Why it has failed, and for which place in the text. */
struct row_failure {
    enum expression_result result; /* EXPRESSION_OK: a null, for a column that must have a value */
    uint32_t position;
    uint32_t column;               /* that must have a value; COLUMN_NONE */
    struct bytes text;             /* that the position is in, and that is shown; empty: the statement's */
};

/* Leaves those of `rows` that are to be kept, in their order. False: the work has failed for one, *failure says how. */
MUST_USE bool row_work_keep(const struct row_work *work, const struct table_slice *slice, uint32_t *rows, uint32_t *count,
                            struct row_failure *failure);
/* Computes SET for a row that was kept: *set has set_count values, whose texts are in the arena, or lent from the row. */
MUST_USE bool row_work_set(const struct row_work *work, const struct table_slice *slice, uint32_t row, struct arena *arena,
                           struct assignment *set, struct row_failure *failure);
/* ON CONFLICT DO UPDATE: the same for a row that has a value of another, whose values are `values`, one for each column. *is_kept: whether the
 * conditions are true; otherwise *set is nothing.  */
MUST_USE bool row_work_upsert(const struct row_work *work, const struct table_slice *slice, uint32_t row, const struct typed_value *values,
                              struct arena *arena, bool *is_kept, struct assignment *set, struct row_failure *failure);
/* The fault of a failure that is not EXPRESSION_NO_MEMORY. */
void row_work_fault(const struct row_work *work, const struct row_failure *failure, struct sql_fault *fault);

/* A computed value as one of a column: decimals get the column's digits. EXPRESSION_OVERFLOW: they do not fit. Not null. */
MUST_USE enum expression_result row_value_of(const struct scalar *scalar, struct column_form form, struct arena *arena, struct typed_value *out);

#endif

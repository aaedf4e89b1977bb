/* conflict.h - ON CONFLICT: what becomes of a row of an INSERT when another row has one of its unique values.
 *
 *     conflict_settle --> CONFLICT_ADD      no row has its values, or those that had them are given up (REPLACE): conflict_add
 *                     --> CONFLICT_SKIP     IGNORE
 *                     --> CONFLICT_CHANGE   UPDATE: conflict_change, which puts a new version of the row that was met beside it
 *
 * Rows are taken in their order, and each meets what those before it have left, as in SQLite. Until all are good the rows of the table stay as
 * they are: rows that are given up stay in their slices and indexes, and are passed over (`marks`); a row's new version is a row with the same
 * id. So all can be taken back, whatever fails. Then conflict_remove_next and conflict_keep make the changes, which nothing can refuse. A single
 * row changes the row that it meets in place: conflict_apply_single.
 *
 * Threads    As insert.h says of the phase ADD; conflict_remove_next, conflict_keep, conflict_apply_single: of TELL.
 * Memory     Marks: 40 bytes for each row that meets another, or is met; class MEM_QUERY_BUFFER.
 * Read on    insert.h, table/unique.h  */
#ifndef QUERY_CONFLICT_H
#define QUERY_CONFLICT_H

#include "query/fault.h"
#include "query/row_work.h"
#include "query/unique_check.h"
#include "sql/fault.h"
#include "table/definition.h"
#include "table/unique.h"

enum conflict_deed { CONFLICT_IGNORE, CONFLICT_REPLACE, CONFLICT_UPDATE };

/* What a statement says; lent by whoever has read it. */
struct conflict {
    enum conflict_deed deed;
    uint32_t target;              /* the unique column that it is about; COLUMN_NONE: each of them */
    bool skips_nulls;             /* IGNORE, and rows without a value that must be there are left out, too */
    bool asks_all;                /* UPDATE sets a unique column, or the one that says which shard has the row */
    const struct assignment *set; /* UPDATE: the same for all rows */
    uint32_t set_count;
    const struct row_work *work;  /* UPDATE: conditions, and what is computed besides; NULL: nothing is */
};

/* A row that the statement has put. */
struct added_row {
    uint32_t shard, row;  /* row: ROW_NONE, it was given up for a later one */
    struct row_at before; /* whose new version it is; row: ROW_NONE, it is new */
};

struct conflict_mark;

/* All zero: not begun, and nothing is to be released. */
struct conflict_rows {
    const struct conflict *conflict; /* NULL: any such row is an error */
    const struct table *table;
    struct added_row *rows;
    uint32_t count, kept_count; /* of rows; of those that were not given up */
    bool is_single;             /* the statement has one row */
    struct conflict_mark **marks;
    uint64_t mask;
    struct conflict_mark *removed; /* rows of the table that are to be removed */
    struct arena arena;            /* marks */
    struct arena values;           /* what was computed last */
    const struct assignment *single; /* what the row at rows[0] is to be given */
    uint32_t single_count;
    struct table_fault fault;      /* of TABLE_NOT_UNIQUE; its value is lent from `values`, or from the row */
    struct sql_fault work_fault;   /* of TABLE_FAULT */
};

enum conflict_outcome { CONFLICT_ADD, CONFLICT_SKIP, CONFLICT_CHANGE };

/* rows: room for row_count, the caller's. TABLE_NO_MEMORY; conflict_end follows in any case. */
MUST_USE enum table_result conflict_begin(struct conflict_rows *rows, const struct conflict *conflict, const struct table *table,
                                          struct added_row *added, uint32_t row_count);
void conflict_end(struct conflict_rows *rows);

/* What becomes of a row with these values. CONFLICT_CHANGE: *met is the row that has one of them. TABLE_NOT_UNIQUE; TABLE_NO_MEMORY. */
MUST_USE enum table_result conflict_settle(struct conflict_rows *rows, const struct typed_value *values, enum conflict_outcome *outcome,
                                           struct row_at *met);
/* Adds the row. TABLE_NO_MEMORY, TABLE_FULL. */
MUST_USE enum table_result conflict_add(struct conflict_rows *rows, uint32_t shard, uint64_t id, const struct typed_value *values);
/* Gives the row at `met` what UPDATE says, if its conditions are true; `values` are those of the row that was to be added. TABLE_NO_MEMORY,
 * TABLE_FULL, TABLE_NOT_UNIQUE, TABLE_FAULT.  */
MUST_USE enum table_result conflict_change(struct conflict_rows *rows, struct row_at met, const struct typed_value *values);

/* What the row at rows[0] is to be given, for RETURNING; false: it is as it is told. */
bool conflict_single_update(const struct conflict_rows *rows, struct unique_update *update);
/* Makes the change of a single row, if that is one. TABLE_NO_MEMORY, TABLE_FULL: nothing has changed. */
MUST_USE enum table_result conflict_apply_single(struct conflict_rows *rows);
/* Removes one row that was given up; false: there is none left. */
bool conflict_remove_next(struct conflict_rows *rows);
/* A row that was added, or a new version, stays, and it is told. */
void conflict_keep(struct conflict_rows *rows, struct added_row *row);

#endif

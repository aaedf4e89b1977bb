/* unique.h - unique columns: no two rows of a table, whatever their slices, have the same value there. Nulls are no values.
 *
 * A slice does not know the others, so slice_insert and slice_update check nothing. Whoever changes rows of a table with a unique column asks
 * here first, and changes them before anyone else can: under the batons of all shards that may have the value, or with their slices locked.
 * The value of the routing column can be in one shard only.
 *
 * TABLE.APPLY and snapshots repeat what was checked where it happened, and do not ask.
 *
 * Threads    Under the batons of the shards that are asked, or with their slices locked.  */
#ifndef TABLE_UNIQUE_H
#define TABLE_UNIQUE_H

#include "table/definition.h"

/* Where the values of a column are. */
struct unique_column {
    uint16_t slot;
    uint16_t index_at; /* of its index in each slice */
    uint8_t type;      /* enum column_type */
    bool is_routing;
};

struct row_at {
    uint32_t shard;
    uint32_t row; /* ROW_NONE: no row */
};

/* Of a column that has an index; `column` may be a copy of one of the schema's, with another index_at. */
struct unique_column unique_column_of(const struct schema *schema, const struct column *column);

/* The rows that have the value, which is not null: up to `max` of them in `out`. More than one while an INSERT replaces rows (query/conflict.h).
 * Returns how many. Cost: a descent of an index for each slice.  */
uint32_t unique_rows(const struct table *table, const struct unique_column *column, const struct typed_value *value, struct row_at *out,
                     uint32_t max);
/* Does a row other than `except` have the value, which is not null? Cost: a descent of an index for each slice. */
bool unique_is_taken(const struct table *table, const struct unique_column *column, const struct typed_value *value, struct row_at except);
/* Which slices may be asked. */
enum unique_reach { UNIQUE_OWN_SLICE, UNIQUE_ALL_SLICES };
/* Of a row that is to be added: the first column whose value another row has; COLUMN_NONE: none. values: one for each column.
 * UNIQUE_OWN_SLICE: that of the row is enough (unique_asks_all).  */
uint32_t unique_find_taken(const struct table *table, const struct typed_value *values, enum unique_reach reach);
/* May other shards than the row's own have one of its values? */
bool unique_asks_all(const struct table *table, const struct typed_value *values);

/* Looks for two rows with the same value, row by row. */
struct unique_walk {
    const struct table *table;
    struct unique_column column;
    struct row_at at;  /* the row to be looked at next */
};
enum unique_status {
    UNIQUE_MORE,
    UNIQUE_DONE,       /* no two rows have the same value */
    UNIQUE_REPEATED,   /* the row at `at` has a value that another one has, too */
};

void unique_walk_begin(struct unique_walk *walk, const struct table *table, struct unique_column column);
/* Looks at one page more. Nobody changes rows between the first step and the last. Cost: PAGE_ROWS x slices descents of an index. */
enum unique_status unique_walk_step(struct unique_walk *walk);
/* The value at `at`; a text is lent from the row. */
struct typed_value unique_walk_value(const struct unique_walk *walk);

#endif

/* column_fill.h - a new column gets the same value in all rows of a slice, page by page, before the schema has the column.
 *
 * Nobody sees the cells of a slot that no column of the schema has, so that the rows are as they were until the schema is replaced, and
 * what was filled can be cleaned away again (slice_begin_cleaning).
 *
 * Threads    Under the baton of the slice's shard; the slice is locked for writing from the first step to the last.  */
#ifndef TABLE_COLUMN_FILL_H
#define TABLE_COLUMN_FILL_H

#include "table/slice.h"

struct column_fill {
    struct table_slice *slice;
    const struct typed_value *value; /* not null; lent until the last step */
    uint16_t slot;                   /* that no row has a value in */
    uint8_t type;                    /* enum column_type */
    uint32_t page;                   /* the one to be filled next; 0 at first */
};

enum fill_status { FILL_MORE, FILL_DONE, FILL_NO_MEMORY };

/* Fills a page more. FILL_NO_MEMORY: some rows have the value, others do not. Cost: O(rows of a page). */
enum fill_status column_fill_step(struct column_fill *fill);

#endif

/* gather.h - finds the rows of one slice that match, step by step: by the index that access.h has chosen, or by a scan of the pages.
 *
 * Threads    As the slice. Row numbers stay good while nobody writes: within one step under the baton, or under a lock.  */
#ifndef QUERY_GATHER_H
#define QUERY_GATHER_H

#include "query/access.h"
#include "query/filter.h"
#include "query/order_walk.h"

enum { GATHER_ROWS = 255, GATHER_COLUMNS = 8 };

struct gather {
    const struct table_slice *slice;
    const struct schema *schema;
    const struct where *where;
    struct access access;
    uint32_t value;     /* of access.list: the one that is looked up */
    uint32_t next;      /* the next row of a hash, or page of the scan */
    uint64_t next_rank; /* of a range */
    uint16_t columns[GATHER_COLUMNS]; /* slots of columns that are read of pages: asked for ahead */
    uint32_t column_count;
    bool is_done;
    bool is_walking;    /* RANGE: by `walk` */
    bool is_rest;       /* SCAN: of what the walk has left */
    uint64_t examined;  /* rows looked at so far; whether a range is scanned instead, or an order followed, makes no difference */
    struct order_walk walk;
};

void gather_begin(struct gather *gather, const struct table_slice *slice, const struct schema *schema,
                  const struct where *where);

/* Right behind gather_begin, a wish: rows that cannot be among the first of an order may be left out. Then the rows that come are those, and some
 * others that match, in any order.  */
void gather_in_order(struct gather *gather, const struct row_order *order);

static inline bool gather_is_scan(const struct gather *gather)
{
    return gather->access.kind == ACCESS_SCAN;
}

/* A hint: the caller reads the column in this slot of the pages that gather_page gives. Any number; some are forgotten. */
void gather_reads(struct gather *gather, uint16_t slot);
/* Of a scan that is not done: the next page, and which of its rows match. Sets is_done after the last. */
const struct page *gather_page(struct gather *gather, struct page_bits *matches);

/* One page, or up to GATHER_ROWS rows of the index: writes the numbers of the rows that match, in the order of the pages (scan), ascending
 * (hash), or in the order of the values (range, list). Returns how many; sets is_done after the last. Cost: a few microseconds.  */
uint32_t gather_step(struct gather *gather, uint32_t rows[GATHER_ROWS]);

#endif

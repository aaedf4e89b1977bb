/* gather.h - finds the rows of one slice that match, step by step: by the index that access.h has chosen, or by a scan of the pages.
 *
 * Threads    As the slice. Row numbers stay good while nobody writes: within one step under the baton, or under a lock.  */
#ifndef QUERY_GATHER_H
#define QUERY_GATHER_H

#include "query/access.h"
#include "query/filter.h"

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
    uint64_t examined;  /* rows looked at so far; whether a range is scanned instead makes no difference */
};

void gather_begin(struct gather *gather, const struct table_slice *slice, const struct schema *schema,
                  const struct where *where);

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

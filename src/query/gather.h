/* gather.h - finds the rows of one slice that match, step by step.
 *
 * A required equality on an indexed column is answered by that index (the one with the fewest rows, when there are several);
 * everything else by a scan of the pages.
 *
 * Threads    As the slice. Row numbers stay good while nobody writes: within one step under the baton, or under a lock.  */
#ifndef QUERY_GATHER_H
#define QUERY_GATHER_H

#include "query/filter.h"
#include "table/slice.h"

enum { GATHER_ROWS = 255 };

struct gather {
    const struct table_slice *slice;
    const struct schema *schema;
    const struct where *where;
    const struct condition *access; /* answered by an index; NULL: a scan */
    uint32_t index_at;
    uint32_t hash;
    uint32_t next;                  /* the next row of the index, or page of the scan */
    bool is_done;
    uint64_t examined;              /* rows looked at so far */
};

/* True when such a statement reads pages rather than an index. */
bool gather_scans(const struct where *where, const struct schema *schema);

void gather_begin(struct gather *gather, const struct table_slice *slice, const struct schema *schema,
                  const struct where *where);

/* One page, or up to GATHER_ROWS rows of the index: writes the numbers of the rows that match, in the order of the pages
 * (scan) or ascending (index). Returns how many; sets is_done after the last. Cost: a few microseconds.  */
uint32_t gather_step(struct gather *gather, uint32_t rows[GATHER_ROWS]);

#endif

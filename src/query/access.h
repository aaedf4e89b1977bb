/* access.h - which index of a slice answers a tree of conditions: the plan of one slice.
 *
 * What must hold (conditions below ANDs only) is looked at by columns. An equality can be answered by an index of either kind; all
 * comparisons with one column together are one range of its ordered index, and how many rows that holds is known exactly. Of all these
 * the one with the fewest rows is taken; a range of many rows is no better than a scan.
 *
 * Threads    As the slice.  */
#ifndef QUERY_ACCESS_H
#define QUERY_ACCESS_H

#include "query/where.h"
#include "table/slice.h"

enum access_kind { ACCESS_SCAN, ACCESS_HASH, ACCESS_RANGE };

struct access {
    uint8_t kind;                     /* enum access_kind */
    bool is_exact;                    /* RANGE: all of its rows match */
    bool is_bounded;                  /* SCAN: an index has the range, too, but it holds many rows */
    const struct column_index *index;
    uint32_t hash;                    /* HASH */
    struct ordered_range range;       /* RANGE; SCAN: if is_bounded */
};

/* True when no index could answer any of the conditions, whatever the rows. */
bool access_scans(const struct where *where, const struct schema *schema);

/* Cost: none or one descent of an index for a single candidate, up to four for each of several. */
struct access access_choose(const struct table_slice *slice, const struct schema *schema, const struct where *where);

#endif

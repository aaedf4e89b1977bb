/* access.h - which index of a slice answers a tree of conditions: the plan of one slice.
 *
 * What must hold (conditions below ANDs only) is looked at by columns. An equality can be answered by an index of either kind; all
 * comparisons with one column together, and what a pattern of LIKE begins with, are one range of its ordered index, and how many rows that
 * holds is known exactly. A short list (IN) is so many equalities, one after the other. A row id names its row. Of all these the one with
 * the fewest rows is taken; a range of many rows is no better than a scan.
 *
 * Threads    As the slice.  */
#ifndef QUERY_ACCESS_H
#define QUERY_ACCESS_H

#include "query/where.h"
#include "table/slice.h"

enum { ACCESS_VALUES_MAX = 64 }; /* a list of more values is not looked up in an index */

enum access_kind { ACCESS_SCAN, ACCESS_HASH, ACCESS_RANGE, ACCESS_ROW };

struct access {
    uint8_t kind;                     /* enum access_kind */
    bool is_exact;                    /* RANGE: all of its rows match */
    bool is_bounded;                  /* SCAN: an index has the rows, too, but they are many */
    const struct column_index *index; /* HASH, RANGE */
    uint32_t hash;                    /* HASH */
    struct ordered_range range;       /* RANGE */
    uint64_t id;                      /* ROW: of the row, 0: of none */
    const struct condition *list;     /* IN: this is the access to its first value, and access_to_value has the others; NULL: this is all */
    uint64_t rows;                    /* how many the index has, as far as they were counted; SCAN: if is_bounded */
};

/* True when no index could answer any of the conditions, whatever the rows. */
bool access_scans(const struct where *where, const struct schema *schema);
/* True when some of the rows that are looked at may not match. */
bool access_filters(const struct where *where, const struct schema *schema);

/* Cost: none or one descent of an index for a single candidate, up to four for each of several, and for each value of a list. */
struct access access_choose(const struct table_slice *slice, const struct schema *schema, const struct where *where);
/* The rows that have a value in a column with an ordered index, as far as what must hold leaves them. *is_bounded: something that must hold
 * is about the column, so no row without a value matches. Cost: up to two descents.  */
struct access access_in_order(const struct table_slice *slice, const struct schema *schema, const struct where *where, uint32_t column,
                              bool *is_bounded);
/* The access to another value of access->list. Cost: that of an equality. */
struct access access_to_value(const struct access *access, const struct table_slice *slice, uint32_t value);

#endif

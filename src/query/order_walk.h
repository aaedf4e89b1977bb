/* order_walk.h - the first rows of an order by the ordered index of its first column: how far one must go through it.
 *
 *     order_walk_begin --> order_walk_next, order_walk_found ... until order_walk_is_over
 *         --> nothing, or with has_rest: a scan of all rows, from whose pages order_walk_leave_out takes those that were met
 *
 * Rows that are equal in the column stand in the index in the order of their numbers, not of their other columns or ids: so all rows that are
 * equal to the last wanted one are met, too. Nulls are not in the index: where they come last they are the rest. A walk that meets too many
 * rows that do not match is given up; what it has not met is the rest then.
 *
 * Threads    As the slice, which does not change in between.  */
#ifndef QUERY_ORDER_WALK_H
#define QUERY_ORDER_WALK_H

#include "query/access.h"
#include "query/page_values.h"

/* Only the first rows of an order are needed. */
struct row_order {
    uint16_t cells;    /* its first column's slot in a page */
    bool is_descending;
    bool nulls_last;
    uint64_t wanted;   /* rows, at least one */
};

struct order_walk {
    const struct table_slice *slice;
    const struct column_index *index; /* an ordered one */
    struct ordered_range left;        /* ranks that were not met yet */
    bool is_descending;
    bool is_exact;                    /* all rows of the range match */
    bool has_nulls;                   /* behind the range: they may match */
    bool has_rest;                    /* when it is over */
    uint32_t last;                    /* the row that was met last; ROW_NONE: none */
    uint32_t batch;                   /* rows to be met next, at most */
    uint64_t wanted;                  /* rows that match and were not met yet; 0: the rows left are equal to the last wanted one */
    uint64_t budget;                  /* rows that may still be met; UINT64_MAX: all */
};

/* `access`: what access_choose says of the conditions. False: another way is better, or the column has no ordered index. Cost: up to four
 * descents.  */
MUST_USE bool order_walk_begin(struct order_walk *walk, const struct table_slice *slice, const struct schema *schema, const struct where *where,
                               const struct access *access, const struct row_order *order);

static inline bool order_walk_is_over(const struct order_walk *walk)
{
    return walk->left.first == walk->left.end || walk->budget == 0;
}

/* The numbers of the next rows, at most `max` (> 0), in the order. Returns how many, at least one. The walk is not over. */
size_t order_walk_next(struct order_walk *walk, uint32_t *rows, size_t max);
/* Those of them that match, in their order. */
void order_walk_found(struct order_walk *walk, const uint32_t *rows, size_t count);

/* Takes the rows out of `matches`, rows of a page, that were met. */
void order_walk_leave_out(const struct order_walk *walk, const struct page *page, struct page_bits *matches);

#endif

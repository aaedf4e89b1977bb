/* filter.h - which rows match a tree of conditions: a page at a time, column by column, or one row.
 *
 * Threads    As the slice: under its baton, or with the slice locked by a statement.  */
#ifndef QUERY_FILTER_H
#define QUERY_FILTER_H

#include "query/page_values.h"
#include "query/where.h"

/* The live rows of a page that match. Cost: about a nanosecond a row and condition on numbers. */
void filter_page(const struct where *where, const struct page *page, struct page_bits *matches);
/* The rows of a page, live ones, for which one condition is true. */
void filter_condition(const struct condition *condition, const struct page *page, struct page_bits *matches);
/* The same as filter_page for one live row. */
MUST_USE bool filter_row(const struct where *where, const struct page *page, uint32_t slot);

#endif

/* order_cut.h - which rows cannot be among the first ones of an order any more, told by their first key alone.
 *
 * When as many rows as are wanted were kept, the last of them is a bound: a row whose first key stands behind the bound's is out, whatever its other
 * keys. An order of columns only: a key that is computed might fail, and then the whole statement does, so it is computed for every row.
 *
 * Threads    As the found rows and the page.  */
#ifndef QUERY_ORDER_CUT_H
#define QUERY_ORDER_CUT_H

#include "query/filter.h"
#include "query/select.h"

/* Rows, not groups, are ordered by columns, and only some of them are wanted. */
bool order_cut_fits(const struct select *select);

/* Takes those out of `matches`, rows of a page of the slice, that are behind the bound. The select fits. */
void order_cut_page(const struct select *select, const struct found *found, const struct table_slice *slice, const struct page *page,
                    struct page_bits *matches);

#endif

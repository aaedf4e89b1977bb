/* group_pages.h - the rows of a page into groups, column by column: at most one key, a column of integers, moments, decimals or strings, and
 * aggregates of columns. What comes out is what groups_find and aggregate_add make of the rows one by one.
 *
 * A lookup in front of the groups knows a key by two words, a number or a string of up to 15 bytes, which say all of it: rows of groups that were
 * seen are neither hashed by the secret nor compared.
 *
 *     text    low: bytes 0 .. 7, zeros behind; high: bytes 8 .. 14, then its length
 *
 * Integers in a window of GROUP_WINDOW around the first one are found by their place in it.
 *
 * Threads    One owner at a time; the page as its slice.
 * Memory     In the arena of the groups, 4 KiB and LOOKUP_ENTRIES_MAX entries of 24 bytes at most, and what was grown out of.
 * Invariant  Y1 fewer than half of the entries are taken; Y2 each names the group that has its key.  */
#ifndef QUERY_GROUP_PAGES_H
#define QUERY_GROUP_PAGES_H

#include "query/page_values.h"
#include "query/select.h"

struct lookup_entry {
    uint64_t low, high;
    struct group *group; /* NULL: free */
};

enum { GROUP_WINDOW = 512 };

struct group_pages {
    struct group **window; /* of integers near the first one, by their difference to window_base; NULL: not seen */
    int64_t window_base;
    struct lookup_entry *entries;
    uint32_t count, capacity;
    struct group *null_group; /* of the key null; without keys: the only one; NULL: not seen */
};

/* Can rows of such a select be taken by pages? */
bool group_pages_fit(const struct select *select);

/* All zero at first. The rows of `matches` go into the groups. After an error the groups are of no use. */
MUST_USE enum expression_result group_pages_take(struct group_pages *pages, const struct select *select, struct groups *groups,
                                                 const struct page *page, const struct page_bits *matches);

#endif

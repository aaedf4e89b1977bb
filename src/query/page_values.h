/* page_values.h - bits and integers of a column of a page, as a whole.
 *
 * Threads    As the page's slice.  */
#ifndef QUERY_PAGE_VALUES_H
#define QUERY_PAGE_VALUES_H

#include "table/page.h"

enum { PAGE_SLOTS = PAGE_ROWS };

struct page_bits {
    uint64_t words[PAGE_WORDS]; /* a bit a slot */
};

static inline bool page_bits_are_empty(const struct page_bits *bits)
{
    return (bits->words[0] | bits->words[1] | bits->words[2] | bits->words[3]) == 0;
}

static inline uint32_t page_bits_count(const struct page_bits *bits)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < PAGE_WORDS; i++) {
        count += (uint32_t)__builtin_popcountll(bits->words[i]);
    }
    return count;
}

static inline struct page_bits page_bits_and(const struct page_bits *a, const struct page_bits *b)
{
    struct page_bits both;
    for (uint32_t i = 0; i < PAGE_WORDS; i++) {
        both.words[i] = a->words[i] & b->words[i];
    }
    return both;
}

/* The rows with a value in the cells; NULL: none. */
struct page_bits page_bits_of(const struct cells *cells, const struct page *page);

/* The slots of the bits, ascending. Returns how many. */
uint32_t page_bits_slots(const struct page_bits *bits, uint8_t slots[PAGE_SLOTS]);

/* The numbers of the rows in these slots of the page, ascending. Returns how many. */
uint32_t page_bits_rows(const struct page_bits *bits, const struct page *page, uint32_t rows[PAGE_SLOTS]);

/* The integers of the first `count` slots of cells of integers, those without a value, too: such a one may be any number. */
void page_widen_integers(const struct cells *cells, uint32_t count, int64_t *out);

#endif

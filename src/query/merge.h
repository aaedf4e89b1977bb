/* merge.h - rows of several finds, read as one sequence: in their order, or all of a find before those of the next.
 *
 *     merge_create --> merge_add ... --> merge_start --> merge_row, merge_advance ...  --> merge_release
 *
 * Threads    One at a time.
 * Memory     The finds are lent until the merge is released, and do not change meanwhile. thread_alloc, class MEM_QUERY_BUFFER: 16 bytes a find.  */
#ifndef QUERY_MERGE_H
#define QUERY_MERGE_H

#include "query/found.h"

struct merge_source {
    const struct found *found;
    size_t next;
};

struct merge {
    struct merge_source *sources; /* that have rows left, from `first` on; is_sorted: a heap, the first row of all on top */
    uint32_t first, count, capacity;
    bool is_sorted;
};

/* is_sorted: the finds are sorted, all by the same order. False: no memory, *merge is all zero. */
MUST_USE bool merge_create(struct merge *merge, uint32_t capacity, bool is_sorted);
/* Before merge_start; at most `capacity`. */
void merge_add(struct merge *merge, const struct found *found);
void merge_start(struct merge *merge);
/* The next row, lent from its find; NULL: there are no more. */
const struct found_row *merge_row(const struct merge *merge);
/* Beyond that row, which there is. */
void merge_advance(struct merge *merge);
/* Of finds that are not sorted: the first row is the next one again. */
void merge_rewind(struct merge *merge);
/* All zero is allowed, too, and what it is afterwards. */
void merge_release(struct merge *merge);

#endif

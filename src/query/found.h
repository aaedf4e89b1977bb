/* found.h - rows that a statement has found, and putting them in the order of their ids, step by step.
 *
 * Threads    One at a time.
 * Memory     thread_alloc, class MEM_QUERY_BUFFER: 16 bytes a row, twice that while sorting.  */
#ifndef QUERY_FOUND_H
#define QUERY_FOUND_H

#include "table/slice.h"

struct found_row {
    uint64_t id;
    uint32_t shard, row;
};

struct found {
    struct found_row *rows;
    struct found_row *spare; /* the other half of a pass of the sort; NULL between sorts */
    size_t count, capacity;
    bool is_sorted;
    /* the pass under way: rows[start .. mid) and rows[mid .. end) are runs, being merged into spare */
    size_t start, mid, end, left, right, out;
    size_t merges;
    uint8_t stage;
};

void found_init(struct found *found);
void found_release(struct found *found);

/* Appends rows of a slice. False: no memory, unchanged. */
MUST_USE bool found_add(struct found *found, const struct table_slice *slice, uint32_t shard, const uint32_t *rows,
                        uint32_t count);

enum found_status { FOUND_MORE, FOUND_SORTED, FOUND_NO_MEMORY };
/* Sorts by id for about `limit` steps of a few nanoseconds: runs that are in order are merged until one is left, so that n
 * rows in k runs take n log k steps.  */
enum found_status found_sort(struct found *found, size_t limit);

#endif

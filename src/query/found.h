/* found.h - rows that a statement has found, and putting them in order, step by step: by what an ORDER BY says of their keys, rows with equal
 * keys by their ids.
 *
 * Threads    One at a time.
 * Memory     thread_alloc, class MEM_QUERY_BUFFER: 16 bytes a row and key, 16 more a row; twice that while sorting. Texts of keys are borrowed.
 * Invariant  F1 with found_keep the rows are a heap, the last in the order on top, until they are sorted.  */
#ifndef QUERY_FOUND_H
#define QUERY_FOUND_H

#include "expression/scalar.h"
#include "table/slice.h"

struct found_row {
    uint64_t id;
    uint32_t shard, row;
    struct scalar keys[]; /* as many as the order has, and behind them what it carries */
};

/* How rows are ordered by one of their keys; nulls come first, or last, whatever the direction */
struct found_key {
    bool is_descending;
    bool nulls_last;
};

/* Lent to those who order by it. count 0: by id alone. */
struct found_order {
    const struct found_key *keys;
    uint32_t count;
    uint32_t carried; /* values behind the keys of a row, which nobody compares */
};

struct found {
    char *rows;
    char *spare; /* the other half of a pass of the sort; NULL between sorts */
    const struct found_order *order; /* NULL: by id */
    size_t row_bytes;
    size_t count, capacity;
    bool is_sorted;
    /* the pass under way: rows [start .. mid) and [mid .. end) are runs, being merged into spare */
    size_t start, mid, end, left, right, out;
    size_t merges;
    uint8_t stage;
};

/* `order` is lent until found_release; NULL: by id, without keys. */
void found_init(struct found *found, const struct found_order *order);
void found_release(struct found *found);

static inline struct found_row *found_at(const struct found *found, size_t at)
{
    return (struct found_row *)(found->rows + at * found->row_bytes);
}

/* <0, >0; 0: they have the same keys and the same id. */
int found_compare(const struct found_order *order, const struct found_row *a, const struct found_row *b);

/* Appends rows of a slice, without keys. False: no memory, unchanged. */
MUST_USE bool found_add(struct found *found, const struct table_slice *slice, uint32_t shard, const uint32_t *rows, uint32_t count);

/* Would found_keep take the row? */
bool found_wants(const struct found *found, size_t most, const struct found_row *row);
/* Takes a copy of a row that is wanted: of all that were offered the `most` first in the order stay. `most` is the same in all calls, and not 0.
 * False: no memory, unchanged.  */
MUST_USE bool found_keep(struct found *found, size_t most, const struct found_row *row);

enum found_status { FOUND_MORE, FOUND_SORTED, FOUND_NO_MEMORY };
/* Sorts for about `limit` steps of a few nanoseconds: runs that are in order are merged until one is left, so that n
 * rows in k runs take n log k steps.  */
enum found_status found_sort(struct found *found, size_t limit);

#endif

/* hash_index.h - which rows have a value with a given hash: the equality index of one column in one slice.
 *
 * It keeps one 8-byte entry a row, (hash << 32 | row), sorted, in a B+tree: no copies of values. Two rows with the same
 * value are two neighbouring entries, so that a value that 100,000 rows share costs no more to change than any other; it
 * grows and shrinks a node at a time, never all at once; and its nodes are cut to what they hold.
 *
 * Layout     leaf   count, capacity, entries[capacity]: 8 + 8 x capacity bytes, 2,048 at most
 *            inner  count, capacity, children[capacity], least entry of each child[capacity]
 *
 * Threads    Under the slice's baton; reading also by a statement that has the slice locked.
 * Invariant  H1 entries are strictly ascending; H2 all leaves are at the same depth; H3 no node but the root is empty, and
 *            an inner root has two children at least; H4 bytes is the sum of the nodes' blocks; H5 count the entries.
 * Limits     2^32 rows. Different values may share a hash: the caller compares.  */
#ifndef TABLE_HASH_INDEX_H
#define TABLE_HASH_INDEX_H

#include "base/attributes.h"
#include "mem/heap.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct index_node;

struct hash_index {
    struct index_node *root; /* NULL: empty */
    uint64_t count;
    uint64_t bytes;          /* read relaxed by any thread */
    uint8_t height;          /* 0: the root is a leaf */
    bool counts_as_rows;     /* its nodes are MEM_TABLE_ROW: no user made it */
};

/* The entry of a row: what the tree is sorted by. */
static inline uint64_t hash_index_entry(uint32_t hash, uint32_t row)
{
    return (uint64_t)hash << 32 | row;
}

/* Adds an entry that is not there. False: no memory, nothing changed. O(log n). */
MUST_USE bool hash_index_insert(struct hash_index *index, struct heap *heap, uint64_t entry);
/* Removes an entry that is there. O(log n); never needs memory. */
void hash_index_remove(struct hash_index *index, struct heap *heap, uint64_t entry);
/* An entry that is there gets another row's number, which has none with its hash. False: other rows have the hash, and the order would not be
 * right any more; nothing changed. O(log n); never needs memory, and can be taken back.  */
MUST_USE bool hash_index_renumber(struct hash_index *index, uint64_t entry, uint32_t row);

/* Building: adds a leaf of `count` entries (1 .. HASH_APPEND_MAX), ascending and behind all that are there. False: no memory, nothing
 * changed. O(count).  */
enum { HASH_APPEND_MAX = 240 };
MUST_USE bool hash_index_append(struct hash_index *index, struct heap *heap, const uint64_t *entries, uint32_t count);

/* Copies up to `max` (> 0) rows with the hash of `from`, ascending, beginning at the row of `from`. Fewer than `max` may
 * come although more are there: *is_end says that there are none; otherwise go on from the last one + 1. One descent,
 * O(log n + returned).  */
size_t hash_index_rows(const struct hash_index *index, uint64_t from, uint32_t *rows, size_t max, bool *is_end);

/* Defragmentation: hands the leaf for *entry, and the nodes above it, to heap_move_within; *entry 0 begins. True: it was the last
 * leaf; otherwise *entry is where to go on. O(log n).  */
MUST_USE bool hash_index_move(struct hash_index *index, struct heap *heap, uint64_t *entry, size_t *limit);

/* Frees about `limit` nodes; true when the index is empty. */
MUST_USE bool hash_index_free(struct hash_index *index, struct heap *heap, size_t limit);

/* Walks all nodes, adding their bytes to *bytes and the entries to *count. False: H1-H3 do not hold. */
MUST_USE bool hash_index_audit(const struct hash_index *index, uint64_t *bytes, uint64_t *count);
/* For debug asserts, after a change: a large index is walked after some changes only (base/check.h). */
bool hash_index_is_valid(const struct hash_index *index);

#endif

/* due_heap.h - what is due when, the earliest first: a heap whose nodes stand in the structures that are due, so that none is refused.
 *
 * A leftist heap (Crane, 1972; Knuth, volume 3, 5.2.3) with parents: joining, leaving and moving are O(log n) at worst, and a node that is
 * somewhere in the middle leaves as any other.
 *
 * Threads    Under the baton of the shard that has the nodes.
 * Memory     None of its own. A node stays where it is while it is linked, or its new place is told by due_heap_moved.
 * Invariant  D1 no node is due before its parent; D2 a node's rank is its right child's plus 1, and no greater than its left child's
 *            plus 1; D3 count is the number of nodes.  */
#ifndef ENCODING_DUE_HEAP_H
#define ENCODING_DUE_HEAP_H

#include <stdbool.h>
#include <stdint.h>

/* All 0: not linked. */
struct due {
    struct due *left, *right, *parent;
    int64_t at_ms;
    uint32_t rank; /* nodes on the way to the right; 0: not linked */
};

/* All 0: empty. May be copied as a whole to another place, which then is the heap. */
struct due_heap {
    struct due *root;
    uint64_t count; /* written under the baton, read relaxed by any thread */
};

static inline bool due_is_linked(const struct due *due)
{
    return due->rank != 0;
}

/* The earliest, or NULL. */
static inline struct due *due_heap_first(const struct due_heap *heap)
{
    return heap->root;
}

/* Links a node that is not linked. */
void due_heap_add(struct due_heap *heap, struct due *due, int64_t at_ms);
/* Takes out a node of this heap. */
void due_heap_remove(struct due_heap *heap, struct due *due);
/* A linked node was copied from `old`, whose memory may be gone, to `now`. */
void due_heap_moved(struct due_heap *heap, const struct due *old, struct due *now);
/* NULL, or the invariant that does not hold. O(n). */
const char *due_heap_fault(const struct due_heap *heap);

#endif

/* heap_move.c - blocks leave sparse pages: a copy in another page, the old one freed; see heap.h.
 *
 * Threads    The holder of the shard's baton.  */
#include "mem/heap.h"

#include "mem/heap_private.h"

#include <string.h>

enum { WORK_BYTES = 1024 };

void *heap_move(struct heap *heap, enum mem_class which, void *block, size_t size)
{
    void *moved = heap_is_sparse(heap, block) ? heap_alloc(heap, which, size) : NULL;
    heap_count_move(heap, moved != NULL);
    if (moved == NULL) {
        return block;
    }
    memcpy(moved, block, size);
    heap_free(heap, which, block, size);
    return moved;
}

void *heap_move_within(struct heap *heap, enum mem_class which, void *block, size_t size, size_t *limit)
{
    void *moved = heap_move(heap, which, block, size);
    const size_t work = moved == block ? 1 : 1 + size / WORK_BYTES;
    *limit -= work < *limit ? work : *limit;
    return moved;
}

void heap_count_move(struct heap *heap, bool was_moved)
{
    uint64_t *counter = was_moved ? &heap->moves.moved : &heap->moves.left;
    __atomic_store_n(counter, *counter + 1, __ATOMIC_RELAXED);
}

struct heap_moves heap_moves(const struct heap *heap)
{
    return (struct heap_moves){__atomic_load_n(&heap->moves.moved, __ATOMIC_RELAXED),
                               __atomic_load_n(&heap->moves.left, __ATOMIC_RELAXED)};
}

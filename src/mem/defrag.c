/* defrag.c - rounds of defragmentation: which pages are sparse, and blocks that leave them; see heap.h.
 *
 * Each shard has two heaps of the allocator. A round drains the sparse pages of the one that has more free bytes in them, and new
 * blocks come from the other. What is dense stays where it is: its free places are used again after the next swap.
 *
 * Threads    The holder of the shard's baton.  */
#include "mem/heap.h"

#include "mem/heap_private.h"

#include <assert.h>
#include <string.h>

enum { SLICE_SHIFT = 16, LOAD_SHIFT = 1, WORK_BYTES = 1024 };

/* The 64 KiB slices of the address space that sparse pages cover: an open-addressed table. A page begins anywhere in its first
 * slice; no slice has parts of two pages.  */
struct sparse_pages {
    size_t mask;       /* places - 1 */
    uint32_t slices[]; /* address >> 16; 0: free */
};

static size_t table_bytes(size_t places)
{
    return sizeof(struct sparse_pages) + places * sizeof(uint32_t);
}

static size_t place_of(const struct sparse_pages *pages, uint32_t slice)
{
    return (slice * UINT64_C(0x9e3779b97f4a7c15) >> 32) & pages->mask;
}

/* --- finding them --- */

struct sparse_search {
    struct sparse_pages *pages; /* NULL: only counting */
    unsigned used_percent_max;
    size_t slices;
    uint64_t free_bytes;
};

static void insert(struct sparse_pages *pages, uint32_t slice)
{
    size_t at = place_of(pages, slice);
    while (pages->slices[at] != 0 && pages->slices[at] != slice) {
        at = (at + 1) & pages->mask;
    }
    pages->slices[at] = slice;
}

static void look_at_page(uintptr_t start, size_t bytes, size_t used_bytes, void *arg)
{
    struct sparse_search *search = arg;
    if (used_bytes == 0 || used_bytes * 100 >= bytes * search->used_percent_max) {
        return;
    }
    const uintptr_t first = start >> SLICE_SHIFT;
    const uintptr_t last = (start + bytes - 1) >> SLICE_SHIFT;
    for (uintptr_t slice = first; slice <= last && search->pages != NULL; slice++) {
        insert(search->pages, (uint32_t)slice);
    }
    search->slices += last - first + 1;
    search->free_bytes += bytes - used_bytes;
}

uint64_t heap_defrag_begin(struct heap *heap, unsigned used_percent_max)
{
    assert(heap->sparse == NULL);
    assert(used_percent_max > 0 && used_percent_max < 100);
    struct sparse_search resting = {.used_percent_max = used_percent_max};
    struct sparse_search search = resting;
    backend_visit_pages(heap->backend, true, look_at_page, &resting);
    backend_visit_pages(heap->backend, false, look_at_page, &search);
    const bool must_swap = search.free_bytes > resting.free_bytes;
    const size_t slices = must_swap ? search.slices : resting.slices;
    size_t places = 64;
    while (places < slices << LOAD_SHIFT) {
        places *= 2;
    }
    struct sparse_pages *pages = slices == 0 ? NULL : thread_alloc_zeroed(MEM_SERVER, table_bytes(places));
    if (pages == NULL) {
        return 0;
    }
    pages->mask = places - 1;
    if (must_swap) {
        backend_swap(heap->backend);
    }
    search = (struct sparse_search){.pages = pages, .used_percent_max = used_percent_max};
    backend_visit_pages(heap->backend, true, look_at_page, &search);
    heap->sparse = pages;
    backend_eager_begin();
    return search.free_bytes;
}

void heap_defrag_begin_all(struct heap *heap)
{
    assert(heap->sparse == NULL);
    heap->is_all_sparse = true;
}

void heap_defrag_end(struct heap *heap)
{
    heap->is_all_sparse = false;
    if (heap->sparse != NULL) {
        thread_free(MEM_SERVER, heap->sparse, table_bytes(heap->sparse->mask + 1));
        heap->sparse = NULL;
        backend_eager_end();
    }
}

/* --- moving --- */

bool heap_is_sparse(const struct heap *heap, const void *block)
{
    const struct sparse_pages *pages = heap->sparse;
    if (LIKELY(pages == NULL)) {
        return heap->is_all_sparse;
    }
    const uint32_t slice = (uint32_t)((uintptr_t)block >> SLICE_SHIFT);
    for (size_t at = place_of(pages, slice); pages->slices[at] != 0; at = (at + 1) & pages->mask) {
        if (pages->slices[at] == slice) {
            return true;
        }
    }
    return false;
}

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

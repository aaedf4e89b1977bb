/* heap_private.h - what the counted layer asks of the allocator below it: mimalloc, or libc under the sanitizers.
 *
 * Exactly one of backend_mimalloc.c and backend_libc.c has content in a build.  */
#ifndef MEM_HEAP_PRIVATE_H
#define MEM_HEAP_PRIVATE_H

#include "mem/heap.h"

#include <stdbool.h>
#include <stdint.h>

struct backend; /* the heaps of the allocator below */
struct sparse_pages;

/* In front of a block that is mapped directly; whole cache lines, so that the block is aligned to one. */
struct direct {
    _Alignas(CACHE_LINE_BYTES) struct direct *next, *previous;
    size_t mapped_bytes;
};

/* A page of the allocator: of `bytes` from `start` on, `used_bytes` are in use, in `used_blocks`. */
struct page_figures {
    uintptr_t start;
    size_t bytes, used_bytes, used_blocks;
};
typedef void backend_page_fn(const struct page_figures *page, void *arg);

/* One of the allocator's heaps; see sub_heaps.c. */
struct sub_heap {
    uint64_t page_bytes, used_bytes; /* when it was last collected */
    uint32_t freed;                  /* work that frees have left there since then, by samples */
    uint32_t emptied;                /* granules without a block since then */
    uint32_t sparse_granules;        /* while a cycle is prepared */
    uint64_t sparse_free_bytes;
    uint64_t drained_page_bytes;     /* page_bytes when draining began; 0: it was not drained in the last cycle */
    bool is_draining;                /* no new blocks in this cycle */
};

struct sub_heaps {
    struct sub_heap *list;
    uint32_t count;
    uint32_t current;           /* where blocks come from */
    uint32_t last_freed;        /* where the last sample of frees was */
    int32_t freed_until_sample; /* work */
    int64_t kept_bytes;         /* of blocks that were as long as a granule, not given back yet */
    int64_t room;               /* bytes that may come from the current one until the next look for a better one */
};

/* A defragmentation cycle that is being prepared. */
struct cycle_start {
    enum { CYCLE_NONE, CYCLE_LOOKS, CYCLE_MARKS } stage;
    unsigned used_percent_max;
    bool is_thorough;
    uint32_t sub_heap;
    uint64_t free_bytes, page_bytes; /* of the pages that are marked */
};

struct heap {
    struct mem_counters counters;
    struct backend *backend;
    struct sub_heaps sub_heaps;
    struct direct direct;   /* ring of the mapped blocks; itself the anchor */
    uint64_t direct_bytes, direct_blocks;
    uint64_t freed;         /* work by samples, since the heap was made */
    int64_t fail_after;     /* -1: never; tests */
    struct heap_moves moves;
    struct cycle_start start;
    struct sparse_pages *sparse; /* NULL: no defragmentation cycle, */
    bool is_all_sparse;          /* unless all pages are meant; tests */
};

/* --- sub_heaps.c: which sub-heap is used, and when one is collected --- */

/* False: refused. */
MUST_USE bool sub_heaps_create(struct heap *heap);
void sub_heaps_destroy(struct heap *heap);
/* The room is used up: another sub-heap, or more room. */
void sub_heaps_choose(struct heap *heap);
/* A sample of the frees: `block` is about to be freed. */
void sub_heaps_sample_free(struct heap *heap, const void *block);
/* Frees the last block of its granule. */
void sub_heaps_free_last(struct heap *heap, void *block, size_t bytes);
/* A block came to a granule that had none: it may be one of those that were emptied. */
static inline void sub_heaps_note_filled(struct heap *heap, int64_t bytes)
{
    struct sub_heap *sub_heap = &heap->sub_heaps.list[heap->sub_heaps.current];
    sub_heap->emptied -= sub_heap->emptied > 0;
    heap->sub_heaps.kept_bytes -= bytes > heap->sub_heaps.kept_bytes ? heap->sub_heaps.kept_bytes : bytes;
}
/* The number of live blocks that begin in the same granule, an aligned 64 KiB of the address space, as `block`; NULL: unknown. A
 * granule has blocks of one heap only.  */
enum { GRANULE_SHIFT = 16, GRANULE_ADDRESS_BITS = 47 };
#if defined(TESSERA_LIBC_HEAP)
static inline uint16_t *sub_heaps_granule_count(const void *block)
{
    (void)block;
    return NULL;
}
#else
extern uint16_t *sub_heaps_granule_counts; /* written once, before the first heap is used */
static inline uint16_t *sub_heaps_granule_count(const void *block)
{
    const uintptr_t granule = (uintptr_t)block >> GRANULE_SHIFT;
    const bool is_counted = sub_heaps_granule_counts != NULL && granule >> (GRANULE_ADDRESS_BITS - GRANULE_SHIFT) == 0;
    return LIKELY(is_counted) ? &sub_heaps_granule_counts[granule] : NULL;
}
#endif
/* Collects a sub-heap and reads its figures anew; shows its pages to `also`, which may be NULL. */
void sub_heaps_collect(struct heap *heap, uint32_t sub_heap, backend_page_fn *also, void *arg);
/* True when it may have more pages. */
bool sub_heap_may_grow(const struct sub_heap *sub_heap);
/* Blocks come from that sub-heap, which is not being drained. */
void sub_heaps_use(struct heap *heap, uint32_t sub_heap);
/* More sub-heaps from the allocator. False: refused. */
MUST_USE bool sub_heaps_grow(struct heap *heap);

/* --- the backends --- */

/* A backend's blocks come from several heaps of the allocator, its sub-heaps, which are counted from 0. None: it cannot show
 * pages. */
MUST_USE struct backend *backend_create(void);
void backend_destroy(struct backend *backend);
uint32_t backend_sub_heap_count(const struct backend *backend);
/* Makes some more of them; waits for another thread to do so. Those that could be made count. */
void backend_add_sub_heaps(struct backend *backend);
/* Blocks come from that sub-heap from now on. */
void backend_use_sub_heap(struct backend *backend, uint32_t sub_heap);
/* Which sub-heap a block is from; looks at `guess` first. O(sub-heaps). */
uint32_t backend_sub_heap_of(const struct backend *backend, const void *block, uint32_t guess);
/* Takes in the frees of other threads, gives empty pages of the sub-heap back, then shows the rest. O(pages of the sub-heap). */
void backend_collect_sub_heap(struct backend *backend, uint32_t sub_heap, backend_page_fn *visit, void *arg);

/* `backend` NULL: the calling thread's own heap. Sizes are at most HEAP_DIRECT_MIN - 1. */
void *backend_alloc(struct backend *backend, size_t size, bool is_zeroed);
void *backend_realloc(struct backend *backend, void *block, size_t new_size);
void backend_free(void *block);
/* All free pages go back to the system. O(pages). */
void backend_collect(struct backend *backend);
/* Between these two free pages go back to the system at once, in all threads. They nest. */
void backend_eager_begin(void);
void backend_eager_end(void);
/* Fills the allocator_* fields. */
void backend_process_read(struct mem_process *out);

/* thread_heap_refuse_after, any_heap_refuse_after: is it this request's turn? */
#if defined(TESSERA_DEBUG_ASSERT)
bool thread_refuses(void);
#else
static inline bool thread_refuses(void)
{
    return false;
}
#endif

#endif

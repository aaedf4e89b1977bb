/* sub_heaps.c - a shard's heap is made of several heaps of the allocator, its sub-heaps: no call collects more than one of them.
 *
 * mimalloc gets each page from the system for one thread. Frees by other threads wait in a list of the page until they are
 * collected: by the next allocation that needs a page, or by a call that looks at every page. With one heap for all data that
 * would stop the shard for milliseconds: it grows with the data. So a sub-heap takes new blocks up to SUB_HEAP_BYTES of pages, and
 * then another one does; a sub-heap is collected when frees have left COLLECT_WORK there. Which sub-heap a free concerns is
 * sampled.
 *
 * To collect a sub-heap also gives its empty pages back to the system, and that takes longer than all else: 0.1 ms for each MiB.
 * After a random mass delete nearly all pages would be given back at once. So the live blocks of each granule, 64 KiB of the
 * address space, are counted, and a sub-heap is collected as soon as EMPTIED_MAX of its granules have none.
 *
 * Blocks come from the sub-heap that has the most free bytes, for ROOM_BYTES at a time, so that what is freed is used again.
 *
 * Invariant  S1 Free work in a sub-heap is below COLLECT_WORK + what one sample stands for. S2 Blocks never come from a sub-heap
 *            that is being drained.
 * Figures    bench/heap.c.  */
#include "mem/heap_private.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
    SUB_HEAP_BYTES = 64 << 20,
    SUB_HEAP_BYTES_MAX = SUB_HEAP_BYTES + SUB_HEAP_BYTES / 2, /* of a sub-heap whose free bytes are used again */
    ROOM_BYTES = 4 << 20,
    FREE_BYTES_MIN = 1 << 20,  /* fewer are not worth a change */
    FREE_PARTS = 32,           /* nor a smaller part of its pages */
    SAMPLE_WORK = 64,
    COLLECT_WORK = 4096,
    EMPTIED_MAX = 24,          /* granules: 1.5 MiB, which go back to the system in 0.2 ms */
    GRANULE_BYTES = 1 << GRANULE_SHIFT,
    KEPT_BYTES_MAX = 2 << 20,
};

#if !defined(TESSERA_LIBC_HEAP)
uint16_t *sub_heaps_granule_counts;
static pthread_once_t granule_counts_once = PTHREAD_ONCE_INIT;

/* For all addresses that there are: 4 GiB of addresses, of which only what is written becomes memory (2 KiB for each 64 MiB). Where the
 * system refuses that (a limit of addresses), pages are given back in larger steps.  */
static void map_granule_counts(void)
{
    void *counts = mmap(NULL, sizeof *sub_heaps_granule_counts << (GRANULE_ADDRESS_BITS - GRANULE_SHIFT), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    sub_heaps_granule_counts = counts == MAP_FAILED ? NULL : counts;
}
#endif

bool sub_heaps_grow(struct heap *heap)
{
    struct sub_heaps *sub_heaps = &heap->sub_heaps;
    backend_add_sub_heaps(heap->backend);
    const uint32_t count = backend_sub_heap_count(heap->backend);
    struct sub_heap *list = count == sub_heaps->count ? NULL : realloc(sub_heaps->list, count * sizeof *list);
    if (list == NULL) {
        return false;
    }
    memset(list + sub_heaps->count, 0, (count - sub_heaps->count) * sizeof *list);
    sub_heaps->list = list;
    sub_heaps->count = count;
    return true;
}

bool sub_heaps_create(struct heap *heap)
{
    heap->backend = backend_create();
    if (heap->backend == NULL) {
        return false;
    }
    const uint32_t count = backend_sub_heap_count(heap->backend);
    heap->sub_heaps = (struct sub_heaps){.count = count, .freed_until_sample = SAMPLE_WORK, .room = ROOM_BYTES};
    if (heap->sub_heaps.count == 0) {
        return true;
    }
#if !defined(TESSERA_LIBC_HEAP)
    pthread_once(&granule_counts_once, map_granule_counts);
#endif
    heap->sub_heaps.list = calloc(heap->sub_heaps.count, sizeof *heap->sub_heaps.list);
    if (heap->sub_heaps.list == NULL) {
        backend_destroy(heap->backend);
        return false;
    }
    return true;
}

void sub_heaps_destroy(struct heap *heap)
{
    backend_destroy(heap->backend);
    free(heap->sub_heaps.list);
}

/* --- collecting --- */

struct collect_walk {
    struct sub_heap *sub_heap;
    backend_page_fn *also; /* may be NULL */
    void *arg;
};

static void add_page(const struct page_figures *page, void *arg)
{
    const struct collect_walk *walk = arg;
    walk->sub_heap->page_bytes += page->bytes;
    walk->sub_heap->used_bytes += page->used_bytes;
    if (walk->also != NULL) {
        walk->also(page, walk->arg);
    }
}

void sub_heaps_collect(struct heap *heap, uint32_t number, backend_page_fn *also, void *arg)
{
    assert(number < heap->sub_heaps.count);
    struct collect_walk walk = {&heap->sub_heaps.list[number], also, arg};
    walk.sub_heap->page_bytes = walk.sub_heap->used_bytes = 0;
    walk.sub_heap->freed = walk.sub_heap->emptied = 0;
    backend_collect_sub_heap(heap->backend, number, add_page, &walk);
    debug_assert(walk.sub_heap->used_bytes <= walk.sub_heap->page_bytes);
}

/* The sub-heap that `block` is from, which becomes the first guess for the next one. */
static struct sub_heap *find_sub_heap_of(struct heap *heap, const void *block)
{
    struct sub_heaps *sub_heaps = &heap->sub_heaps;
    sub_heaps->last_freed = backend_sub_heap_of(heap->backend, block, sub_heaps->last_freed);
    return &sub_heaps->list[sub_heaps->last_freed];
}

void sub_heaps_sample_free(struct heap *heap, const void *block)
{
    struct sub_heaps *sub_heaps = &heap->sub_heaps;
    const uint32_t work = (uint32_t)(SAMPLE_WORK - sub_heaps->freed_until_sample);
    sub_heaps->freed_until_sample = SAMPLE_WORK;
    __atomic_store_n(&heap->freed, heap->freed + work, __ATOMIC_RELAXED);
    if (sub_heaps->count == 0) {
        return;
    }
    struct sub_heap *sub_heap = find_sub_heap_of(heap, block);
    sub_heap->freed += work;
    if (sub_heap->freed >= COLLECT_WORK) {
        sub_heaps_collect(heap, sub_heaps->last_freed, NULL, NULL);
    }
}

/* If the calling thread is the one for which the allocator got the granule, its page goes back with this very call. Else the
 * sub-heap must be collected. Blocks as long as a granule are kept up to KEPT_BYTES_MAX: values that are overwritten again and
 * again should not cost page faults each time.  */
void sub_heaps_free_last(struct heap *heap, void *block, size_t bytes)
{
    struct sub_heaps *sub_heaps = &heap->sub_heaps;
    struct sub_heap *sub_heap = find_sub_heap_of(heap, block);
    sub_heap->emptied += 1 + (uint32_t)(bytes >> GRANULE_SHIFT);
    const bool is_kept = bytes >= GRANULE_BYTES && sub_heaps->kept_bytes + (int64_t)bytes <= KEPT_BYTES_MAX;
    if (is_kept) {
        sub_heaps->kept_bytes += (int64_t)bytes;
        backend_free(block);
    } else {
        backend_eager_begin();
        backend_free(block);
        backend_eager_end();
    }
    if (sub_heap->emptied >= EMPTIED_MAX) {
        sub_heaps_collect(heap, sub_heaps->last_freed, NULL, NULL);
    }
}

/* --- the choice --- */

bool sub_heap_may_grow(const struct sub_heap *sub_heap)
{
    return !sub_heap->is_draining && sub_heap->page_bytes < SUB_HEAP_BYTES;
}

void sub_heaps_use(struct heap *heap, uint32_t sub_heap)
{
    assert(sub_heap < heap->sub_heaps.count);
    assert(!heap->sub_heaps.list[sub_heap].is_draining); /* S2 */
    heap->sub_heaps.current = sub_heap;
    heap->sub_heaps.room = ROOM_BYTES;
    backend_use_sub_heap(heap->backend, sub_heap);
}

static uint64_t free_bytes(const struct sub_heap *sub_heap)
{
    return sub_heap->page_bytes - sub_heap->used_bytes;
}

/* Whose free bytes are worth to be used again; count: none. */
static uint32_t find_free(const struct sub_heaps *sub_heaps)
{
    uint32_t best = sub_heaps->count;
    uint64_t most = FREE_BYTES_MIN;
    for (uint32_t i = 0; i < sub_heaps->count; i++) {
        const struct sub_heap *sub_heap = &sub_heaps->list[i];
        const uint64_t bytes = free_bytes(sub_heap);
        if (!sub_heap->is_draining && sub_heap->page_bytes < SUB_HEAP_BYTES_MAX && bytes > most &&
            bytes * FREE_PARTS > sub_heap->page_bytes) {
            best = i;
            most = bytes;
        }
    }
    return best;
}

/* Which may have more pages: the current one while it may. count: none. */
static uint32_t find_small(const struct sub_heaps *sub_heaps)
{
    if (sub_heap_may_grow(&sub_heaps->list[sub_heaps->current])) {
        return sub_heaps->current;
    }
    uint32_t at = 0;
    while (at < sub_heaps->count && !sub_heap_may_grow(&sub_heaps->list[at])) {
        at++;
    }
    return at;
}

void sub_heaps_choose(struct heap *heap)
{
    struct sub_heaps *sub_heaps = &heap->sub_heaps;
    sub_heaps->room = ROOM_BYTES;
    if (sub_heaps->count == 0) {
        return;
    }
    assert(!sub_heaps->list[sub_heaps->current].is_draining); /* S2 */
    sub_heaps_collect(heap, sub_heaps->current, NULL, NULL);
    uint32_t choice = find_free(sub_heaps);
    if (choice < sub_heaps->count) {
        const uint64_t bytes = free_bytes(&sub_heaps->list[choice]);
        sub_heaps_use(heap, choice);
        sub_heaps->room = bytes < ROOM_BYTES ? (int64_t)bytes : ROOM_BYTES;
        return;
    }
    choice = find_small(sub_heaps);
    if (choice < sub_heaps->count || sub_heaps_grow(heap)) {
        sub_heaps_use(heap, choice); /* the first of the new ones stands behind the old ones */
    } /* else the current one grows; S2 holds, since a sub-heap that is drained is never current */
}

/* parts.c - a shard's heap is made of several heaps of the allocator, its parts, so that no call visits more than one of them.
 *
 * mimalloc keeps what other threads have freed than the one for which it got the memory from the system, in lists of the pages
 * until somebody visits them: the next allocation that needs a page, or a collection, which looks at every page. With one heap
 * for all data such a visit would stop the shard for milliseconds: it grows with the data. So a part takes new blocks up to
 * PART_BYTES of pages, and then another one does; a part is visited when frees have left SETTLE_WORK there. Which part a free
 * concerns is sampled.
 *
 * A visit also gives the pages that have become empty back to the system, and that takes longer than all else: 0.1 ms for each MiB.
 * After a random mass delete nearly all pages would do so at once. So the live blocks of each 64 KiB slice are counted, and a
 * part is visited as soon as EMPTIED_MAX of its slices have none.
 *
 * Blocks come from the part that has the most free bytes, for ROOM_BYTES at a time, so that what is freed is used again.
 *
 * Invariant  P1 Free work in a part is below SETTLE_WORK + what one sample stands for. P2 Blocks never come from a part that is
 *            being drained.
 * Figures    bench/heap.c.  */
#include "mem/heap_private.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
    PART_BYTES = 64 << 20,
    PART_BYTES_MAX = PART_BYTES + PART_BYTES / 2, /* of a part whose free bytes are used again */
    ROOM_BYTES = 4 << 20,
    FREE_BYTES_MIN = 1 << 20,  /* fewer are not worth a change */
    FREE_PARTS = 32,           /* nor a smaller part of its pages */
    SAMPLE_WORK = 64,
    SETTLE_WORK = 4096,
    EMPTIED_MAX = 24,          /* slices: 1.5 MiB, which go back to the system in 0.2 ms */
    SLICE_BYTES = 1 << SLICE_SHIFT,
    KEPT_BYTES_MAX = 2 << 20,
};

#if !defined(TESSERA_LIBC_HEAP)
uint16_t *parts_slice_counts;
static pthread_once_t slice_counts_once = PTHREAD_ONCE_INIT;

/* For all addresses that there are: 4 GiB of addresses, of which only what is written becomes memory (2 KiB for each 64 MiB). Where the
 * system refuses that (a limit of addresses), pages are given back in larger steps.  */
static void map_slice_counts(void)
{
    void *counts = mmap(NULL, sizeof *parts_slice_counts << (SLICE_ADDRESS_BITS - SLICE_SHIFT), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    parts_slice_counts = counts == MAP_FAILED ? NULL : counts;
}
#endif

bool parts_grow(struct heap *heap)
{
    struct parts *parts = &heap->parts;
    backend_add_parts(heap->backend);
    const uint32_t count = backend_part_count(heap->backend);
    struct part *list = count == parts->count ? NULL : realloc(parts->list, count * sizeof *list);
    if (list == NULL) {
        return false;
    }
    memset(list + parts->count, 0, (count - parts->count) * sizeof *list);
    parts->list = list;
    parts->count = count;
    return true;
}

bool parts_create(struct heap *heap)
{
    heap->backend = backend_create();
    if (heap->backend == NULL) {
        return false;
    }
    const uint32_t count = backend_part_count(heap->backend);
    heap->parts = (struct parts){.count = count, .freed_until_sample = SAMPLE_WORK, .room = ROOM_BYTES};
    if (heap->parts.count == 0) {
        return true;
    }
#if !defined(TESSERA_LIBC_HEAP)
    pthread_once(&slice_counts_once, map_slice_counts);
#endif
    heap->parts.list = calloc(heap->parts.count, sizeof *heap->parts.list);
    if (heap->parts.list == NULL) {
        backend_destroy(heap->backend);
        return false;
    }
    return true;
}

void parts_destroy(struct heap *heap)
{
    backend_destroy(heap->backend);
    free(heap->parts.list);
}

/* --- visits --- */

struct visit {
    struct part *part;
    backend_page_fn *also; /* may be NULL */
    void *arg;
};

static void add_page(const struct page_figures *page, void *arg)
{
    const struct visit *visit = arg;
    visit->part->page_bytes += page->bytes;
    visit->part->used_bytes += page->used_bytes;
    if (visit->also != NULL) {
        visit->also(page, visit->arg);
    }
}

void parts_visit(struct heap *heap, uint32_t number, backend_page_fn *also, void *arg)
{
    struct visit visit = {&heap->parts.list[number], also, arg};
    visit.part->page_bytes = visit.part->used_bytes = 0;
    visit.part->freed = visit.part->emptied = 0;
    backend_visit_part(heap->backend, number, add_page, &visit);
}

/* The part that `block` is from, which becomes the first guess for the next one. */
static struct part *find_part_of(struct heap *heap, const void *block)
{
    struct parts *parts = &heap->parts;
    parts->last_freed = backend_part_of(heap->backend, block, parts->last_freed);
    return &parts->list[parts->last_freed];
}

void parts_sample_free(struct heap *heap, const void *block)
{
    struct parts *parts = &heap->parts;
    const uint32_t work = (uint32_t)(SAMPLE_WORK - parts->freed_until_sample);
    parts->freed_until_sample = SAMPLE_WORK;
    __atomic_store_n(&heap->freed, heap->freed + work, __ATOMIC_RELAXED);
    if (parts->count == 0) {
        return;
    }
    struct part *part = find_part_of(heap, block);
    part->freed += work;
    if (part->freed >= SETTLE_WORK) {
        parts_visit(heap, parts->last_freed, NULL, NULL);
    }
}

/* If the calling thread is the one for which the allocator got the slice, its page goes back with this very call. Else somebody must
 * visit the part. Blocks as long as a slice are kept up to KEPT_BYTES_MAX: values that are overwritten again and again
 * should not cost page faults each time.  */
void parts_free_last(struct heap *heap, void *block, size_t bytes)
{
    struct parts *parts = &heap->parts;
    struct part *part = find_part_of(heap, block);
    part->emptied += 1 + (uint32_t)(bytes >> SLICE_SHIFT);
    const bool is_kept = bytes >= SLICE_BYTES && parts->kept_bytes + (int64_t)bytes <= KEPT_BYTES_MAX;
    if (is_kept) {
        parts->kept_bytes += (int64_t)bytes;
        backend_free(block);
    } else {
        backend_eager_begin();
        backend_free(block);
        backend_eager_end();
    }
    if (part->emptied >= EMPTIED_MAX) {
        parts_visit(heap, parts->last_freed, NULL, NULL);
    }
}

/* --- the choice --- */

bool parts_may_grow(const struct part *part)
{
    return !part->is_draining && part->page_bytes < PART_BYTES;
}

void parts_use(struct heap *heap, uint32_t part)
{
    assert(!heap->parts.list[part].is_draining);
    heap->parts.current = part;
    heap->parts.room = ROOM_BYTES;
    backend_use_part(heap->backend, part);
}

static uint64_t free_bytes(const struct part *part)
{
    return part->page_bytes - part->used_bytes;
}

/* Whose free bytes are worth to be used again; count: none. */
static uint32_t find_free(const struct parts *parts)
{
    uint32_t best = parts->count;
    uint64_t most = FREE_BYTES_MIN;
    for (uint32_t i = 0; i < parts->count; i++) {
        const struct part *part = &parts->list[i];
        const uint64_t bytes = free_bytes(part);
        if (!part->is_draining && part->page_bytes < PART_BYTES_MAX && bytes > most && bytes * FREE_PARTS > part->page_bytes) {
            best = i;
            most = bytes;
        }
    }
    return best;
}

/* Which may have more pages: the current one while it may. count: none. */
static uint32_t find_small(const struct parts *parts)
{
    if (parts_may_grow(&parts->list[parts->current])) {
        return parts->current;
    }
    uint32_t at = 0;
    while (at < parts->count && !parts_may_grow(&parts->list[at])) {
        at++;
    }
    return at;
}

void parts_choose(struct heap *heap)
{
    struct parts *parts = &heap->parts;
    parts->room = ROOM_BYTES;
    if (parts->count == 0) {
        return;
    }
    parts_visit(heap, parts->current, NULL, NULL);
    uint32_t choice = find_free(parts);
    if (choice < parts->count) {
        const uint64_t bytes = free_bytes(&parts->list[choice]);
        parts_use(heap, choice);
        parts->room = bytes < ROOM_BYTES ? (int64_t)bytes : ROOM_BYTES;
        return;
    }
    choice = find_small(parts);
    if (choice < parts->count || parts_grow(heap)) {
        parts_use(heap, choice); /* the first of the new ones stands behind the old ones */
    } /* else the current one grows; P2 holds, since a part that is drained is never current */
}

/* defrag.c - defragmentation cycles: which pages are sparse and drained; see heap.h. Blocks leave them in heap_move.c.
 *
 * A cycle drains the sparse pages of some sub-heaps, or of all but one; new blocks come from the others (sub_heaps.c). What is dense
 * in a drained sub-heap stays where it is; its free places are used again after the cycle.
 *
 * Threads    The holder of the shard's baton.  */
#include "mem/heap.h"

#include "mem/heap_private.h"

#include <assert.h>

enum { LOAD_SHIFT = 1 };

/* The granules (64 KiB of the address space) that sparse pages cover: an open-addressed table. A page begins anywhere in its first
 * granule; no granule has parts of two pages.  */
struct sparse_pages {
    size_t mask;         /* places - 1 */
    size_t left;         /* how many more it takes */
    uint32_t granules[]; /* address >> 16; 0: free */
};

static size_t table_bytes(size_t places)
{
    return sizeof(struct sparse_pages) + places * sizeof(uint32_t);
}

static size_t place_of(const struct sparse_pages *pages, uint32_t granule)
{
    return (granule * UINT64_C(0x9e3779b97f4a7c15) >> 32) & pages->mask;
}

/* --- finding them --- */

struct sparse_search {
    struct heap *heap;
    struct sub_heap *sub_heap;
};

static bool is_sparse_page(const struct heap *heap, const struct page_figures *page)
{
    return page->used_bytes > 0 && page->used_bytes * 100 < page->bytes * heap->start.used_percent_max;
}

static uintptr_t last_granule(const struct page_figures *page)
{
    return (page->start + page->bytes - 1) >> GRANULE_SHIFT;
}

static void look_at_page(const struct page_figures *page, void *arg)
{
    struct sparse_search *search = arg;
    if (is_sparse_page(search->heap, page)) {
        search->sub_heap->sparse_granules += (uint32_t)(last_granule(page) - (page->start >> GRANULE_SHIFT) + 1);
        search->sub_heap->sparse_free_bytes += page->bytes - page->used_bytes;
    }
}

static void insert(struct sparse_pages *pages, uint32_t granule)
{
    assert(pages->left > 0); /* else a search for what is not there would not end */
    size_t at = place_of(pages, granule);
    while (pages->granules[at] != 0 && pages->granules[at] != granule) {
        at = (at + 1) & pages->mask;
    }
    pages->granules[at] = granule;
    pages->left--;
}

static void mark_page(const struct page_figures *page, void *arg)
{
    struct sparse_search *search = arg;
    struct heap *heap = search->heap;
    const uintptr_t first = page->start >> GRANULE_SHIFT;
    const uintptr_t last = last_granule(page);
    /* More than were counted became sparse since then: they stay. */
    if (!is_sparse_page(heap, page) || heap->sparse->left <= last - first) {
        return;
    }
    for (uintptr_t granule = first; granule <= last; granule++) {
        insert(heap->sparse, (uint32_t)granule);
    }
    heap->start.free_bytes += page->bytes - page->used_bytes;
    heap->start.page_bytes += page->bytes;
}

/* --- beginning a cycle --- */

/* New blocks come from a sub-heap without sparse pages that may grow; if there is none, from the one with the fewest free bytes
 * in such pages, which is left as it is.  */
static uint32_t choose_target(struct heap *heap)
{
    const struct sub_heaps *sub_heaps = &heap->sub_heaps;
    for (int i = 0; i < 2; i++) {
        for (uint32_t at = 0; at < sub_heaps->count; at++) {
            if (sub_heaps->list[at].sparse_free_bytes == 0 && sub_heap_may_grow(&sub_heaps->list[at])) {
                return at;
            }
        }
        if (i > 0 || !sub_heaps_grow(heap)) {
            break;
        }
    }
    uint32_t least = 0;
    for (uint32_t at = 1; at < sub_heaps->count; at++) {
        least = sub_heaps->list[at].sparse_free_bytes < sub_heaps->list[least].sparse_free_bytes ? at : least;
    }
    return least;
}

static struct sparse_pages *table_create(size_t granules)
{
    size_t places = 64;
    while (places < granules << LOAD_SHIFT) {
        places *= 2;
    }
    struct sparse_pages *pages = thread_alloc_zeroed(MEM_SERVER, table_bytes(places));
    if (pages != NULL) {
        pages->mask = places - 1;
        pages->left = places - 1;
    }
    return pages;
}

static void forget_drained(struct heap *heap)
{
    for (uint32_t i = 0; i < heap->sub_heaps.count; i++) {
        heap->sub_heaps.list[i].is_draining = false;
    }
}

/* The sub-heap that wins most by it and is not to be drained yet; count: none. */
static uint32_t find_sparsest(const struct sub_heaps *sub_heaps, uint32_t target)
{
    uint32_t found = sub_heaps->count;
    uint64_t most = 0;
    for (uint32_t i = 0; i < sub_heaps->count; i++) {
        const struct sub_heap *sub_heap = &sub_heaps->list[i];
        if (i != target && !sub_heap->is_draining && sub_heap->sparse_free_bytes > most) {
            found = i;
            most = sub_heap->sparse_free_bytes;
        }
    }
    return found;
}

/* Decides which sub-heaps are drained: all, or half of what there is to gain, so that the free places of the others serve new
 * blocks meanwhile. Returns how many granules their sparse pages cover.  */
static size_t choose_drained(struct heap *heap, uint32_t target)
{
    struct sub_heaps *sub_heaps = &heap->sub_heaps;
    uint64_t wanted = 0;
    for (uint32_t i = 0; i < sub_heaps->count; i++) {
        sub_heaps->list[i].is_draining = false;
        wanted += i == target ? 0 : sub_heaps->list[i].sparse_free_bytes;
    }
    wanted = heap->start.is_thorough ? wanted : (wanted + 1) / 2;
    size_t granules = 0;
    uint64_t chosen_bytes = 0;
    while (chosen_bytes < wanted) {
        const uint32_t sparsest = find_sparsest(sub_heaps, target);
        assert(sparsest < sub_heaps->count); /* what is wanted is at most the sum of all */
        struct sub_heap *sub_heap = &sub_heaps->list[sparsest];
        sub_heap->is_draining = true;
        chosen_bytes += sub_heap->sparse_free_bytes;
        granules += sub_heap->sparse_granules;
    }
    return granules;
}

/* All sub-heaps were looked at. False: nothing to drain, or no memory for the table. */
static bool begin_marking(struct heap *heap)
{
    const uint32_t target = choose_target(heap);
    const size_t granules = choose_drained(heap, target);
    heap->sparse = granules == 0 ? NULL : table_create(granules);
    if (heap->sparse == NULL) {
        forget_drained(heap);
        return false;
    }
    sub_heaps_use(heap, target);
    backend_eager_begin();
    return true;
}

void heap_defrag_prepare(struct heap *heap, unsigned used_percent_max, bool is_thorough)
{
    assert(heap->sparse == NULL);
    assert(used_percent_max > 0 && used_percent_max < 100);
    heap->start = (struct cycle_start){.stage = CYCLE_LOOKS, .used_percent_max = used_percent_max, .is_thorough = is_thorough};
}

static void look_at_sub_heap(struct heap *heap)
{
    struct sparse_search search = {heap, &heap->sub_heaps.list[heap->start.sub_heap]};
    search.sub_heap->sparse_granules = 0;
    search.sub_heap->sparse_free_bytes = 0;
    sub_heaps_collect(heap, heap->start.sub_heap, look_at_page, &search);
}

static void mark_sub_heap(struct heap *heap)
{
    struct sparse_search search = {heap, &heap->sub_heaps.list[heap->start.sub_heap]};
    search.sub_heap->drained_page_bytes = 0;
    if (search.sub_heap->is_draining) {
        sub_heaps_collect(heap, heap->start.sub_heap, mark_page, &search);
        search.sub_heap->drained_page_bytes = search.sub_heap->page_bytes;
    }
}

bool heap_defrag_prepare_step(struct heap *heap)
{
    struct cycle_start *start = &heap->start;
    if (start->sub_heap < heap->sub_heaps.count) {
        if (start->stage == CYCLE_LOOKS) {
            look_at_sub_heap(heap);
        } else {
            mark_sub_heap(heap);
        }
        start->sub_heap++;
        return false;
    }
    if (start->stage == CYCLE_LOOKS && heap->sub_heaps.count > 0 && begin_marking(heap)) {
        start->stage = CYCLE_MARKS;
        start->sub_heap = 0;
        return false;
    }
    start->stage = CYCLE_NONE;
    return true;
}

uint64_t heap_defrag_begin(struct heap *heap, unsigned used_percent_max)
{
    heap_defrag_prepare(heap, used_percent_max, true);
    while (!heap_defrag_prepare_step(heap)) {
    }
    return heap->sparse == NULL ? 0 : heap->start.free_bytes;
}

bool heap_defrag_is_on(const struct heap *heap)
{
    return heap->sparse != NULL && heap->start.stage == CYCLE_NONE;
}

unsigned heap_defrag_success(const struct heap *heap)
{
    uint64_t emptied = 0;
    for (uint32_t i = 0; i < heap->sub_heaps.count; i++) {
        const struct sub_heap *sub_heap = &heap->sub_heaps.list[i];
        emptied += sub_heap->page_bytes < sub_heap->drained_page_bytes ? sub_heap->drained_page_bytes - sub_heap->page_bytes : 0;
    }
    return heap->start.page_bytes == 0 ? 0 : (unsigned)(emptied * 100 / heap->start.page_bytes);
}

void heap_defrag_begin_all(struct heap *heap)
{
    assert(heap->sparse == NULL);
    heap->is_all_sparse = true;
}

void heap_defrag_end(struct heap *heap)
{
    heap->is_all_sparse = false;
    heap->start.stage = CYCLE_NONE;
    if (heap->sparse == NULL) {
        return;
    }
    thread_free(MEM_SERVER, heap->sparse, table_bytes(heap->sparse->mask + 1));
    heap->sparse = NULL;
    forget_drained(heap);
    backend_eager_end();
}

/* --- asking --- */

bool heap_is_sparse(const struct heap *heap, const void *block)
{
    const struct sparse_pages *pages = heap->sparse;
    if (LIKELY(pages == NULL)) {
        return heap->is_all_sparse;
    }
    const uint32_t granule = (uint32_t)((uintptr_t)block >> GRANULE_SHIFT);
    for (size_t at = place_of(pages, granule); pages->granules[at] != 0; at = (at + 1) & pages->mask) {
        if (pages->granules[at] == granule) {
            return true;
        }
    }
    return false;
}

/* heap.c - counted blocks of a shard's heap; see heap.h.
 *
 * Blocks below HEAP_DIRECT_MIN come from the allocator; larger ones straight from the system, behind a header that links them
 * (mimalloc would round 600 KiB up to 1 MiB, and keep it). They go back to the system when they are freed, and grow
 * without being copied.
 *
 * Threads    A heap: the holder of its baton. Counters: written by that one with relaxed stores, read by any thread.  */
#include "mem/heap.h"

#include "mem/heap_private.h"
#include "mem/remap.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { FREED_STEP = 1024, FREED_BYTES = 1024 };

_Static_assert(sizeof(struct direct) == HEAP_DIRECT_HEADER, "what heap_block_bytes adds");

struct heap *heap_create(void)
{
    struct heap *heap = aligned_alloc(CACHE_LINE_BYTES, sizeof *heap);
    if (heap == NULL) {
        return NULL;
    }
    memset(heap, 0, sizeof *heap);
    heap->fail_after = -1;
    heap->direct.next = heap->direct.previous = &heap->direct;
    if (!sub_heaps_create(heap)) {
        free(heap);
        return NULL;
    }
    return heap;
}

/* --- blocks that are mapped directly --- */

static void direct_link(struct heap *heap, struct direct *direct)
{
    direct->next = &heap->direct;
    direct->previous = heap->direct.previous;
    direct->previous->next = direct;
    direct->next->previous = direct;
    heap->direct_bytes += direct->mapped_bytes;
    heap->direct_blocks++;
}

static void direct_unlink(struct heap *heap, struct direct *direct)
{
    assert(direct->next->previous == direct); /* nobody has written in front of the block */
    assert(heap->direct_blocks > 0);
    assert(heap->direct_bytes >= direct->mapped_bytes);
    direct->next->previous = direct->previous;
    direct->previous->next = direct->next;
    heap->direct_bytes -= direct->mapped_bytes;
    heap->direct_blocks--;
}

/* I2 of src/mem/README.md: whoever names a size of the block names one of the same mapping. */
static bool is_direct_of(const void *block, size_t bytes)
{
    return ((const struct direct *)block - 1)->mapped_bytes == bytes;
}

static void *direct_alloc(struct heap *heap, size_t size)
{
    size_t mapped = heap_block_bytes(size);
    struct direct *direct = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (direct == MAP_FAILED) {
        return NULL;
    }
    direct->mapped_bytes = mapped;
    direct_link(heap, direct);
    return direct + 1;
}

static void direct_free(struct heap *heap, void *block)
{
    struct direct *direct = (struct direct *)block - 1;
    size_t mapped = direct->mapped_bytes;
    direct_unlink(heap, direct);
    if (munmap(direct, mapped) != 0) {
        /* The process has too many mappings to split one: the memory goes back all the same, the addresses stay. */
        madvise(direct, mapped, MADV_DONTNEED);
    }
}

static void *direct_realloc(struct heap *heap, void *block, size_t new_size)
{
    struct direct *direct = (struct direct *)block - 1;
    size_t mapped = heap_block_bytes(new_size);
    if (mapped == direct->mapped_bytes) {
        return block;
    }
    direct_unlink(heap, direct);
    struct direct *moved = remap(direct, direct->mapped_bytes, mapped);
    if (moved == MAP_FAILED) {
        direct_link(heap, direct);
        return NULL;
    }
    moved->mapped_bytes = mapped;
    direct_link(heap, moved);
    return moved + 1;
}

void heap_destroy(struct heap *heap)
{
    if (heap == NULL) {
        return;
    }
    heap_defrag_end(heap);
    while (heap->direct.next != &heap->direct) {
        direct_free(heap, heap->direct.next + 1);
    }
    sub_heaps_destroy(heap);
    free(heap);
}

/* --- the public functions --- */

/* I1: unlike a thread's, a heap's counters are never below zero; a block that is freed as another class than its own makes them so. */
static bool is_counted(const struct heap *heap, enum mem_class which)
{
    return heap->counters.class_bytes[which] >= 0 && heap->counters.class_blocks[which] >= 0;
}

static bool must_fail(struct heap *heap)
{
    if (thread_refuses()) {
        return true;
    }
    if (LIKELY(heap->fail_after < 0)) {
        return false;
    }
    if (heap->fail_after == 0) {
        return true;
    }
    heap->fail_after--;
    return false;
}

static inline void note_alloc(struct heap *heap, const void *block, int64_t bytes)
{
    uint16_t *count = sub_heaps_granule_count(block);
    if (LIKELY(count != NULL) && UNLIKELY((*count)++ == 0)) {
        sub_heaps_note_filled(heap, bytes);
    }
    heap->sub_heaps.room -= bytes;
    if (UNLIKELY(heap->sub_heaps.room < 0)) {
        sub_heaps_choose(heap);
    }
}

static inline void free_counted(struct heap *heap, void *block, size_t bytes)
{
    heap->sub_heaps.freed_until_sample -= (int32_t)(1 + bytes / FREED_BYTES);
    if (UNLIKELY(heap->sub_heaps.freed_until_sample <= 0)) {
        sub_heaps_sample_free(heap, block);
    }
    uint16_t *count = sub_heaps_granule_count(block);
    debug_assert(count == NULL || *count > 0);
    if (LIKELY(count != NULL) && UNLIKELY(--*count == 0)) {
        sub_heaps_free_last(heap, block, bytes);
    } else {
        backend_free(block);
    }
}

static void *alloc_any(struct heap *heap, enum mem_class which, size_t size, bool is_zeroed)
{
    assert(size > 0);
    if (UNLIKELY(must_fail(heap)) || UNLIKELY(size > PTRDIFF_MAX)) {
        return NULL;
    }
    const bool is_direct = size >= HEAP_DIRECT_MIN;
    void *block = UNLIKELY(is_direct) ? direct_alloc(heap, size) : backend_alloc(heap->backend, size, is_zeroed);
    if (UNLIKELY(block == NULL)) {
        return NULL;
    }
    const int64_t bytes = (int64_t)heap_block_bytes(size);
    mem_count(&heap->counters, which, bytes, 1);
    if (LIKELY(!is_direct)) {
        note_alloc(heap, block, bytes);
    }
    return block;
}

void *heap_alloc(struct heap *heap, enum mem_class which, size_t size)
{
    return alloc_any(heap, which, size, false);
}

void *heap_alloc_zeroed(struct heap *heap, enum mem_class which, size_t size)
{
    return alloc_any(heap, which, size, true);
}

uint64_t heap_freed_steps(const struct heap *heap)
{
    return __atomic_load_n(&heap->freed, __ATOMIC_RELAXED) / FREED_STEP;
}

void heap_free(struct heap *heap, enum mem_class which, void *block, size_t size)
{
    if (block == NULL) {
        return;
    }
    assert(size > 0);
    const size_t bytes = heap_block_bytes(size);
    mem_count(&heap->counters, which, -(int64_t)bytes, -1);
    debug_assert(is_counted(heap, which));
    if (UNLIKELY(size >= HEAP_DIRECT_MIN)) {
        assert(is_direct_of(block, bytes));
        direct_free(heap, block);
        return;
    }
    free_counted(heap, block, bytes);
}

/* Between the allocator and direct mapping, or between two sizes of the allocator: by copy. */
static void *realloc_by_copy(struct heap *heap, enum mem_class which, void *block, size_t old_size, size_t new_size)
{
    void *moved = alloc_any(heap, which, new_size, false);
    if (moved == NULL) {
        return NULL;
    }
    memcpy(moved, block, old_size < new_size ? old_size : new_size);
    heap_free(heap, which, block, old_size);
    return moved;
}

void *heap_realloc(struct heap *heap, enum mem_class which, void *block, size_t old_size, size_t new_size)
{
    if (block == NULL) {
        return heap_alloc(heap, which, new_size);
    }
    assert(old_size > 0 && new_size > 0);
    bool was_direct = old_size >= HEAP_DIRECT_MIN;
    bool is_direct = new_size >= HEAP_DIRECT_MIN;
    size_t old_bytes = heap_block_bytes(old_size);
    size_t new_bytes = heap_block_bytes(new_size);
    if (was_direct != is_direct) {
        return realloc_by_copy(heap, which, block, old_size, new_size);
    }
#if !defined(TESSERA_LIBC_HEAP)
    if (old_bytes == new_bytes) {
        return block;
    }
#endif
    if (UNLIKELY(must_fail(heap)) || UNLIKELY(new_size > PTRDIFF_MAX)) {
        return NULL;
    }
    if (!is_direct) {
        return realloc_by_copy(heap, which, block, old_size, new_size);
    }
    assert(is_direct_of(block, old_bytes));
    void *moved = direct_realloc(heap, block, new_size);
    if (moved != NULL) {
        mem_count(&heap->counters, which, (int64_t)new_bytes - (int64_t)old_bytes, 0);
    }
    return moved;
}

/* Behind the bytes of a directly mapped block, up to the end of its last page. */
static size_t slack_of(size_t size)
{
    return heap_block_bytes(size) - sizeof(struct direct) - size;
}

void *heap_realloc_zeroed(struct heap *heap, enum mem_class which, void *block, size_t old_size, size_t new_size)
{
    assert(new_size >= old_size);
    char *moved = heap_realloc(heap, which, block, old_size, new_size);
    if (moved != NULL && old_size < new_size) {
        /* Pages that a mapping grows by are 0, and so is all of a new one. */
        const bool was_direct = old_size >= HEAP_DIRECT_MIN;
        const size_t more = new_size - old_size;
        const size_t slack = was_direct ? slack_of(old_size) : new_size >= HEAP_DIRECT_MIN ? 0 : more;
        memset(moved + old_size, 0, slack < more ? slack : more);
    }
    return moved;
}

void heap_reclass(struct heap *heap, enum mem_class from, enum mem_class to, size_t size)
{
    int64_t bytes = (int64_t)heap_block_bytes(size);
    mem_count(&heap->counters, from, -bytes, -1);
    mem_count(&heap->counters, to, bytes, 1);
    debug_assert(is_counted(heap, from));
}

const struct mem_counters *heap_counters(const struct heap *heap)
{
    return &heap->counters;
}

void heap_collect(struct heap *heap)
{
    backend_collect(heap->backend);
}

static void add_page(const struct page_figures *page, void *arg)
{
    struct heap_walk *walk = arg;
    walk->areas++;
    walk->used_blocks += page->used_blocks;
    walk->used_bytes += page->used_bytes;
    walk->committed_bytes += page->bytes;
    walk->sparse_areas += page->used_bytes * 2 < page->bytes;
}

bool heap_walk_sub_heap(struct heap *heap, struct heap_walk *walk)
{
    if (walk->sub_heaps < heap->sub_heaps.count) {
        sub_heaps_collect(heap, walk->sub_heaps, add_page, walk);
        walk->sub_heaps++;
    }
    if (walk->sub_heaps < heap->sub_heaps.count) {
        return false;
    }
    walk->used_bytes += heap->direct_bytes;
    walk->committed_bytes += heap->direct_bytes;
    walk->used_blocks += heap->direct_blocks;
    walk->areas += heap->direct_blocks;
    return true;
}

bool heap_walk(struct heap *heap, struct heap_walk *out)
{
    *out = (struct heap_walk){0};
    while (!heap_walk_sub_heap(heap, out)) {
    }
    return out->sub_heaps > 0;
}

uint64_t heap_page_bytes_hint(const struct heap *heap)
{
    uint64_t bytes = heap->sub_heaps.count == 0 ? 0 : heap->direct_bytes;
    for (uint32_t i = 0; i < heap->sub_heaps.count; i++) {
        bytes += heap->sub_heaps.list[i].page_bytes;
    }
    return bytes;
}

void heap_fail_after(struct heap *heap, int64_t allocations)
{
    heap->fail_after = allocations;
}

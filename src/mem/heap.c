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

enum { PAGE_BYTES = 4096, SETTLE_FREES_MIN = 1024 };

size_t heap_block_bytes(size_t size)
{
    if (UNLIKELY(size >= HEAP_DIRECT_MIN)) {
        return (size + sizeof(struct direct) + PAGE_BYTES - 1) & ~(size_t)(PAGE_BYTES - 1);
    }
    if (UNLIKELY(size > HEAP_TABLED_MAX)) {
        return (size + HEAP_LARGE_STEP - 1) & ~(size_t)(HEAP_LARGE_STEP - 1);
    }
    size_t words = (size + 7) / 8;
    if (words <= 8) {
        return words <= 1 ? 8 : ((words + 1) & ~(size_t)1) * 8;
    }
    /* Four steps a doubling, as mimalloc's bins. */
    words--;
    unsigned shift = 61u - (unsigned)__builtin_clzl(words);
    return ((words >> shift) + 1) << (shift + 3);
}

static void add_relaxed(int64_t *counter, int64_t amount)
{
    __atomic_store_n(counter, __atomic_load_n(counter, __ATOMIC_RELAXED) + amount, __ATOMIC_RELAXED);
}

#if defined(TESSERA_NO_COUNTERS)
void mem_count(struct mem_counters *counters, enum mem_class which, int64_t bytes, int64_t blocks)
{
    (void)counters;
    (void)which;
    (void)bytes;
    (void)blocks;
    (void)add_relaxed;
}
#else
void mem_count(struct mem_counters *counters, enum mem_class which, int64_t bytes, int64_t blocks)
{
    add_relaxed(&counters->class_bytes[which], bytes);
    add_relaxed(&counters->class_blocks[which], blocks);
}
#endif

struct heap *heap_create(void)
{
    struct heap *heap = aligned_alloc(CACHE_LINE_BYTES, sizeof *heap);
    if (heap == NULL) {
        return NULL;
    }
    memset(heap, 0, sizeof *heap);
    heap->fail_after = -1;
    heap->frees_until_settle = SETTLE_FREES_MIN;
    heap->direct.next = heap->direct.previous = &heap->direct;
    heap->backend = backend_create();
    if (heap->backend == NULL) {
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
    direct->next->previous = direct->previous;
    direct->previous->next = direct->next;
    heap->direct_bytes -= direct->mapped_bytes;
    heap->direct_blocks--;
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
    backend_destroy(heap->backend);
    free(heap);
}

/* --- the public functions --- */

static bool must_fail(struct heap *heap)
{
    if (LIKELY(heap->fail_after < 0)) {
        return false;
    }
    if (heap->fail_after == 0) {
        return true;
    }
    heap->fail_after--;
    return false;
}

static void *alloc_any(struct heap *heap, enum mem_class which, size_t size, bool is_zeroed)
{
    assert(size > 0);
    if (UNLIKELY(must_fail(heap)) || UNLIKELY(size > PTRDIFF_MAX)) {
        return NULL;
    }
    void *block = LIKELY(size < HEAP_DIRECT_MIN) ? backend_alloc(heap->backend, size, is_zeroed) : direct_alloc(heap, size);
    if (LIKELY(block != NULL)) {
        mem_count(&heap->counters, which, (int64_t)heap_block_bytes(size), 1);
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

/* mimalloc keeps frees of other threads than the heap's own (all of ours) in lists of their pages until an allocation works
 * them off at once: 16 ms after 500,000 frees. So they are worked off now and then; the interval grows with the number of
 * pages that a collection visits, so a free costs the same at every size.  */
static void settle(struct heap *heap)
{
    int64_t pages = mem_counters_total(&heap->counters) / HEAP_LARGE_STEP;
    heap->frees_until_settle = (uint32_t)(pages < SETTLE_FREES_MIN ? SETTLE_FREES_MIN : pages);
    heap->settles++;
    backend_settle(heap->backend);
}

uint64_t heap_settles(const struct heap *heap)
{
    return heap->settles;
}

void heap_free(struct heap *heap, enum mem_class which, void *block, size_t size)
{
    if (block == NULL) {
        return;
    }
    assert(size > 0);
    mem_count(&heap->counters, which, -(int64_t)heap_block_bytes(size), -1);
    if (LIKELY(size < HEAP_DIRECT_MIN)) {
        backend_free(block);
        if (UNLIKELY(heap->frees_until_settle-- == 0)) {
            settle(heap);
        }
    } else {
        direct_free(heap, block);
    }
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
    void *moved = direct_realloc(heap, block, new_size);
    if (moved != NULL) {
        mem_count(&heap->counters, which, (int64_t)new_bytes - (int64_t)old_bytes, 0);
    }
    return moved;
}

void heap_reclass(struct heap *heap, enum mem_class from, enum mem_class to, size_t size)
{
    int64_t bytes = (int64_t)heap_block_bytes(size);
    mem_count(&heap->counters, from, -bytes, -1);
    mem_count(&heap->counters, to, bytes, 1);
}

const struct mem_counters *heap_counters(const struct heap *heap)
{
    return &heap->counters;
}

int64_t mem_counters_total(const struct mem_counters *counters)
{
    int64_t total = 0;
    for (int i = 0; i < MEM_CLASS_COUNT; i++) {
        total += __atomic_load_n(&counters->class_bytes[i], __ATOMIC_RELAXED);
    }
    return total;
}

void mem_counters_add(struct mem_counters *into, const struct mem_counters *from)
{
    for (int i = 0; i < MEM_CLASS_COUNT; i++) {
        into->class_bytes[i] += __atomic_load_n(&from->class_bytes[i], __ATOMIC_RELAXED);
        into->class_blocks[i] += __atomic_load_n(&from->class_blocks[i], __ATOMIC_RELAXED);
    }
}

void heap_collect(struct heap *heap)
{
    backend_collect(heap->backend);
}

bool heap_walk(struct heap *heap, struct heap_walk *out)
{
    *out = (struct heap_walk){0};
    if (!backend_walk(heap->backend, out)) {
        return false;
    }
    out->used_bytes += heap->direct_bytes;
    out->committed_bytes += heap->direct_bytes;
    out->used_blocks += heap->direct_blocks;
    out->areas += heap->direct_blocks;
    return true;
}

void heap_fail_after(struct heap *heap, int64_t allocations)
{
    heap->fail_after = allocations;
}

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

/* In front of a block that is mapped directly; as long as a cache line, so that the block is aligned to one. */
struct direct {
    _Alignas(CACHE_LINE_BYTES) struct direct *next, *previous;
    size_t mapped_bytes;
};

struct heap {
    struct mem_counters counters;
    struct backend *backend;
    struct direct direct;   /* ring of the mapped blocks; itself the anchor */
    uint64_t direct_bytes, direct_blocks;
    uint32_t frees_until_settle;
    uint64_t settles;
    int64_t fail_after;     /* -1: never; tests */
    struct heap_moves moves;
    struct sparse_pages *sparse; /* NULL: no round of defragmentation, */
    bool is_all_sparse;          /* unless all pages are meant; tests */
};

MUST_USE struct backend *backend_create(void);
void backend_destroy(struct backend *backend);
/* `backend` NULL: the calling thread's own heap. Sizes are at most HEAP_DIRECT_MIN - 1. */
void *backend_alloc(struct backend *backend, size_t size, bool is_zeroed);
void *backend_realloc(struct backend *backend, void *block, size_t new_size);
void backend_free(void *block);
void backend_collect(struct backend *backend);
/* Works off what other threads have freed. O(pages). */
void backend_settle(struct backend *backend);
bool backend_walk(struct backend *backend, struct heap_walk *out);
/* Two heaps behind each backend: blocks come from one of them, the other rests; backend_swap exchanges their roles. */
void backend_swap(struct backend *backend);
/* Between these two free pages go back to the system at once, in all threads. They nest. */
void backend_eager_begin(void);
void backend_eager_end(void);
/* The pages of one of the two heaps: `used_bytes` of `bytes` from `start` on are in use. None where the allocator cannot tell. */
typedef void backend_page_fn(uintptr_t start, size_t bytes, size_t used_bytes, void *arg);
void backend_visit_pages(struct backend *backend, bool is_resting, backend_page_fn *visit, void *arg);
/* Fills the allocator_* fields. */
void backend_process_read(struct mem_process *out);

#endif

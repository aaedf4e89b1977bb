/* heap_private.h - what the counted layer asks of the allocator below it: mimalloc, or libc under the sanitizers.
 *
 * Exactly one of backend_mimalloc.c and backend_libc.c has content in a build.  */
#ifndef MEM_HEAP_PRIVATE_H
#define MEM_HEAP_PRIVATE_H

#include "mem/heap.h"

#include <stdbool.h>

struct backend; /* one heap of the allocator below */

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
/* Fills the allocator_* fields. */
void backend_process_read(struct mem_process *out);

#endif

/* backend_libc.c - libc's malloc in place of mimalloc: ASan, TSan and valgrind see every block.
 *
 * Blocks have exactly the requested size, so that an overrun by one byte is found; what is counted for them is the size that
 * mimalloc would give (heap_block_bytes), so that figures agree between builds. There is no walk.  */
#if defined(TESSERA_LIBC_HEAP)

#include "mem/heap_private.h"

#include <stdlib.h>
#include <string.h>

struct backend {
    char unused;
};

struct backend *backend_create(void)
{
    return calloc(1, sizeof(struct backend));
}

void backend_destroy(struct backend *backend)
{
    free(backend);
}

void *backend_alloc(struct backend *backend, size_t size, bool is_zeroed)
{
    (void)backend;
    /* 64-byte alignment where mimalloc has it: dictionaries rely on it. */
    void *block = NULL;
    if (heap_block_bytes(size) % CACHE_LINE_BYTES == 0) {
        if (posix_memalign(&block, CACHE_LINE_BYTES, size) != 0) {
            return NULL;
        }
        if (is_zeroed) {
            memset(block, 0, size);
        }
        return block;
    }
    return is_zeroed ? calloc(1, size) : malloc(size);
}

void *backend_realloc(struct backend *backend, void *block, size_t new_size)
{
    (void)backend;
    return realloc(block, new_size);
}

void backend_free(void *block)
{
    free(block);
}

void backend_collect(struct backend *backend)
{
    (void)backend;
}

void backend_settle(struct backend *backend)
{
    (void)backend;
}

bool backend_walk(struct backend *backend, struct heap_walk *out)
{
    (void)backend;
    (void)out;
    return false;
}

void backend_eager_begin(void)
{
}

void backend_eager_end(void)
{
}

void backend_swap(struct backend *backend)
{
    (void)backend;
}

void backend_visit_pages(struct backend *backend, bool is_resting, backend_page_fn *visit, void *arg)
{
    (void)backend;
    (void)is_resting;
    (void)visit;
    (void)arg;
}

void backend_process_read(struct mem_process *out)
{
    out->allocator_committed_bytes = out->resident_bytes;
    out->allocator_peak_committed_bytes = out->peak_resident_bytes;
}

const char *mem_allocator_name(void)
{
    return "libc";
}

#endif

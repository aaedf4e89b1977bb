/* backend_libc.c - libc's malloc in place of mimalloc: ASan, TSan and valgrind see every block.
 *
 * Blocks have exactly the requested size, so that an overrun by one byte is found; what is counted for them is the size that
 * mimalloc would give (heap_block_bytes), so that figures agree between builds. There are no pages.  */
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

uint32_t backend_sub_heap_count(const struct backend *backend)
{
    (void)backend;
    return 0;
}

void backend_add_sub_heaps(struct backend *backend)
{
    (void)backend;
}

void backend_use_sub_heap(struct backend *backend, uint32_t sub_heap)
{
    (void)backend;
    (void)sub_heap;
}

uint32_t backend_sub_heap_of(const struct backend *backend, const void *block, uint32_t guess)
{
    (void)backend;
    (void)block;
    return guess;
}

void backend_collect_sub_heap(struct backend *backend, uint32_t sub_heap, backend_page_fn *visit, void *arg)
{
    (void)backend;
    (void)sub_heap;
    (void)visit;
    (void)arg;
}

void backend_eager_begin(void)
{
}

void backend_eager_end(void)
{
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

/* block_bytes.h - the rule of what is counted for a block: the size that the allocator gives, which follows from the request's alone.
 *
 * So no figure needs to be asked of the allocator, and who frees a block, or adds up a collection's, needs to know its size only.
 *
 *   up to 64            8, or multiples of 16          } mimalloc 2's bins
 *   up to 131072        four steps a doubling          }
 *   up to 524288        multiples of 64 KiB
 *   above               whole pages, header included: such blocks of a shard's heap are mapped directly
 *
 * Threads    Any.  */
#ifndef MEM_BLOCK_BYTES_H
#define MEM_BLOCK_BYTES_H

#include "base/attributes.h"

#include <stddef.h>

enum {
    HEAP_TABLED_MAX = 131072,
    HEAP_LARGE_STEP = 65536,
    HEAP_DIRECT_MIN = 524289,
    HEAP_DIRECT_STEP = 4096,                   /* a page of the system */
    HEAP_DIRECT_HEADER = 2 * CACHE_LINE_BYTES, /* in front of a block that is mapped directly */
};

/* The size that the allocator gives for a request of `size` bytes, 1 .. PTRDIFF_MAX: what is counted for it. O(1). */
size_t heap_block_bytes(size_t size) __attribute__((const));

#endif

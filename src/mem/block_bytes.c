/* block_bytes.c - the rule of what is counted for a block; see block_bytes.h.  */
#include "mem/block_bytes.h"

size_t heap_block_bytes(size_t size)
{
    if (UNLIKELY(size >= HEAP_DIRECT_MIN)) {
        return (size + HEAP_DIRECT_HEADER + HEAP_DIRECT_STEP - 1) & ~(size_t)(HEAP_DIRECT_STEP - 1);
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

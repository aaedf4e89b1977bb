/* arena.h - blocks that are freed together, in chunks of the thread's own memory that are counted by class.
 *
 * Threads    One owner at a time; it may be handed from thread to thread.
 * Invariant  used_bytes is the sum of what is counted for the chunks; it never passes limit_bytes.
 * Limits     A block of ARENA_BLOCK_MAX bytes.  */
#ifndef MEM_ARENA_H
#define MEM_ARENA_H

#include "base/attributes.h"
#include "base/bytes.h"
#include "mem/class.h"

#include <stddef.h>
#include <stdint.h>

enum { ARENA_ALIGN = 16, ARENA_BLOCK_MAX = 1 << 30 };

struct arena_chunk;

struct arena {
    struct arena_chunk *newest;
    char *at, *end; /* what is free in the newest chunk */
    size_t used_bytes, limit_bytes;
    enum mem_class which;
};

/* No memory is taken before the first block. limit_bytes: of all chunks together. */
void arena_init(struct arena *arena, enum mem_class which, size_t limit_bytes);
/* Frees everything; the arena is empty and usable afterwards. */
void arena_release(struct arena *arena);
/* All blocks end; the newest chunk, which is the largest as a rule, is kept for those that come. O(chunks). */
void arena_empty(struct arena *arena);

MUST_USE void *arena_alloc_slow(struct arena *arena, size_t size);

/* A block of `size` bytes, aligned to ARENA_ALIGN, that lives until the arena is emptied; its contents are not set. NULL: refused by the
 * limit or the allocator, and nothing has changed.  */
MUST_USE static inline void *arena_alloc(struct arena *arena, size_t size)
{
    size_t room = (size_t)(arena->end - arena->at);
    size_t whole = (size + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
    if (UNLIKELY(whole > room || whole < size)) {
        return arena_alloc_slow(arena, size);
    }
    void *block = arena->at;
    arena->at += whole;
    return block;
}

/* The same, zeroed. */
MUST_USE void *arena_alloc_zeroed(struct arena *arena, size_t size);
/* A copy of the text with a NUL behind it; NULL: refused. */
MUST_USE char *arena_copy(struct arena *arena, struct bytes text);

#endif

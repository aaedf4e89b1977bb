/* arena.c - see arena.h. Chunks double from CHUNK_MIN to CHUNK_MAX; a block that is larger has a chunk of its own size.  */
#include "mem/arena.h"

#include "mem/heap.h"

#include <assert.h>

enum { CHUNK_MIN = 4096, CHUNK_MAX = 1 << 18 };

struct arena_chunk {
    _Alignas(ARENA_ALIGN) struct arena_chunk *older;
    size_t asked; /* what the allocator was asked for, this head included */
};

_Static_assert(sizeof(struct arena_chunk) % ARENA_ALIGN == 0, "blocks begin behind the head");

void arena_init(struct arena *arena, enum mem_class which, size_t limit_bytes)
{
    *arena = (struct arena){.limit_bytes = limit_bytes, .which = which};
}

static void free_chunks(struct arena *arena, struct arena_chunk *chunk)
{
    while (chunk != NULL) {
        struct arena_chunk *older = chunk->older;
        arena->used_bytes -= chunk->asked;
        thread_free(arena->which, chunk, chunk->asked);
        chunk = older;
    }
}

void arena_release(struct arena *arena)
{
    free_chunks(arena, arena->newest);
    assert(arena->used_bytes == 0);
    arena_init(arena, arena->which, arena->limit_bytes);
}

void arena_empty(struct arena *arena)
{
    struct arena_chunk *kept = arena->newest;
    if (kept == NULL) {
        return;
    }
    free_chunks(arena, kept->older);
    kept->older = NULL;
    arena->at = (char *)(kept + 1);
    assert(arena->used_bytes == kept->asked);
}

void *arena_alloc_slow(struct arena *arena, size_t size)
{
    if (size > ARENA_BLOCK_MAX) {
        return NULL;
    }
    const size_t whole = (size + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
    size_t wanted = arena->newest == NULL ? CHUNK_MIN : arena->newest->asked * 2;
    if (wanted > CHUNK_MAX) {
        wanted = CHUNK_MAX;
    }
    if (wanted < whole + sizeof(struct arena_chunk)) {
        wanted = whole + sizeof(struct arena_chunk);
    }
    const size_t left = arena->limit_bytes - arena->used_bytes;
    if (wanted > left) {
        wanted = whole + sizeof(struct arena_chunk); /* the last ones are no larger than they must be */
    }
    const size_t asked = wanted > left ? 0 : thread_block_bytes(wanted) <= left ? thread_block_bytes(wanted) : wanted;
    struct arena_chunk *chunk = asked == 0 ? NULL : thread_alloc(arena->which, asked);
    if (chunk == NULL) {
        return NULL;
    }
    *chunk = (struct arena_chunk){arena->newest, asked};
    arena->newest = chunk;
    arena->used_bytes += asked;
    arena->at = (char *)(chunk + 1) + whole;
    arena->end = (char *)chunk + asked;
    return chunk + 1;
}

void *arena_alloc_zeroed(struct arena *arena, size_t size)
{
    void *block = arena_alloc(arena, size);
    if (block != NULL) {
        memset(block, 0, size);
    }
    return block;
}

char *arena_copy(struct arena *arena, struct bytes text)
{
    char *copy = arena_alloc(arena, text.len + 1);
    if (copy != NULL) {
        if (text.len > 0) {
            memcpy(copy, text.data, text.len);
        }
        copy[text.len] = '\0';
    }
    return copy;
}

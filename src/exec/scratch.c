/* scratch.c - blocks that grow, emptied after each command; see scratch.h.  */
#include "exec/scratch.h"

#include "exec/executor.h"
#include "mem/heap.h"

#include <assert.h>

enum { SCRATCH_BLOCK_BYTES = 65536 };

struct scratch_block {
    struct scratch_block *next;
    size_t used, capacity;
};

static size_t block_bytes(size_t capacity)
{
    return sizeof(struct scratch_block) + capacity;
}

void *scratch_take(struct executor *executor, size_t size)
{
    if (size > PTRDIFF_MAX - SCRATCH_BLOCK_BYTES) {
        return NULL;
    }
    size = (size + 15) & ~(size_t)15;
    struct scratch_block *block = executor->scratch;
    if (block == NULL || block->capacity - block->used < size) {
        size_t capacity = size > SCRATCH_BLOCK_BYTES ? size : SCRATCH_BLOCK_BYTES;
        block = thread_alloc(MEM_SERVER, block_bytes(capacity));
        if (block == NULL) {
            return NULL;
        }
        *block = (struct scratch_block){.next = executor->scratch, .capacity = capacity};
        executor->scratch = block;
    }
    void *memory = (char *)(block + 1) + block->used;
    block->used += size;
    return memory;
}

bool scratch_open(struct executor *executor)
{
    struct scratch_block *block = thread_alloc(MEM_SERVER, block_bytes(SCRATCH_BLOCK_BYTES));
    if (block != NULL) {
        *block = (struct scratch_block){.capacity = SCRATCH_BLOCK_BYTES};
    }
    executor->scratch = block;
    return block != NULL;
}

struct scratch_mark scratch_mark(const struct executor *executor)
{
    const struct scratch_block *block = executor->scratch;
    return (struct scratch_mark){executor->scratch, block == NULL ? 0 : block->used};
}

void scratch_return_to(struct executor *executor, struct scratch_mark mark)
{
    struct scratch_block *block = executor->scratch;
    while (block != mark.block) {
        assert(block != NULL); /* the marked block is still there: nobody has emptied scratch since */
        struct scratch_block *next = block->next;
        thread_free(MEM_SERVER, block, block_bytes(block->capacity));
        block = next;
    }
    if (block != NULL) {
        block->used = mark.used;
    }
    executor->scratch = block;
}

void scratch_reset(struct executor *executor)
{
    struct scratch_block *block = executor->scratch;
    while (block != NULL && (block->next != NULL || block->capacity > SCRATCH_BLOCK_BYTES)) {
        struct scratch_block *next = block->next;
        thread_free(MEM_SERVER, block, block_bytes(block->capacity));
        block = next;
    }
    if (block != NULL) {
        block->used = 0;
    }
    executor->scratch = block;
}

void scratch_close(struct executor *executor)
{
    scratch_reset(executor);
    if (executor->scratch != NULL) {
        thread_free(MEM_SERVER, executor->scratch, block_bytes(executor->scratch->capacity));
        executor->scratch = NULL;
    }
}

/* direct_write.c - see direct_write.h.  */
#include "appendonly/direct_write.h"

#include "mem/heap.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

enum {
    BLOCKS_BYTES = DIRECT_MAX + 2 * DIRECT_BLOCK,
    MEMORY_BYTES = BLOCKS_BYTES + DIRECT_BLOCK, /* to be aligned */
};

static uint32_t in_block(uint64_t offset)
{
    return (uint32_t)(offset % DIRECT_BLOCK);
}

static bool reserve(struct direct_write *direct)
{
    if (direct->memory == NULL) {
        direct->memory = thread_alloc(MEM_LOG_BUFFER, MEMORY_BYTES);
        direct->blocks = direct->memory == NULL ? NULL : direct->memory + (DIRECT_BLOCK - (uintptr_t)direct->memory % DIRECT_BLOCK) % DIRECT_BLOCK;
    }
    return direct->memory != NULL;
}

/* The block in which the file's data end is known up to there. */
static bool know_end(struct direct_write *direct, int file, uint64_t end)
{
    const uint32_t before = in_block(end);
    if (direct->known_end != end && pread(file, direct->blocks, before, (off_t)(end - before)) != (ssize_t)before) {
        direct->known_end = 0;
        return false;
    }
    direct->known_end = end;
    return true;
}

struct bytes direct_write_begin(struct direct_write *direct, int file, struct bytes bytes, uint64_t offset, uint64_t *out_offset)
{
    if (bytes.len > DIRECT_MAX || !reserve(direct) || !know_end(direct, file, offset)) {
        return (struct bytes){0};
    }
    const uint32_t before = in_block(offset);
    const uint32_t end = before + (uint32_t)bytes.len;
    const uint32_t whole = (end + DIRECT_BLOCK - 1) / DIRECT_BLOCK * DIRECT_BLOCK;
    assert(whole <= BLOCKS_BYTES);
    memcpy(direct->blocks + before, bytes.data, bytes.len);
    memset(direct->blocks + end, 0, whole - end);
    direct->offset = offset;
    direct->len = (uint32_t)bytes.len;
    *out_offset = offset - before;
    return (struct bytes){direct->blocks, whole};
}

int64_t direct_write_ended(struct direct_write *direct, int64_t result)
{
    const uint32_t before = in_block(direct->offset);
    const uint64_t end = direct->offset + direct->len;
    if (result < (int64_t)before + direct->len) {
        direct->known_end = 0; /* how much of the blocks is there now is not clear */
        return result < 0 ? result : result > (int64_t)before ? result - before : -EAGAIN;
    }
    memmove(direct->blocks, direct->blocks + before + direct->len - in_block(end), in_block(end));
    direct->known_end = end;
    return direct->len;
}

void direct_write_close(struct direct_write *direct)
{
    if (direct->memory != NULL) {
        thread_free(MEM_LOG_BUFFER, direct->memory, MEMORY_BYTES);
    }
    *direct = (struct direct_write){0};
}

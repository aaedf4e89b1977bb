/* direct_write.h - writes what was appended to a file past the page cache, in whole blocks, so that one request makes it durable.
 *
 *     file     [ on disk already | appended ]                the block in which the one ends and the other begins is written again
 *     memory   [ its bytes so far | appended | zeros ]       = whole blocks
 *
 * What is on disk already is written as it is there, so whichever sectors a crash leaves old or new, it stays. The zeros lie where nothing is yet.
 * A third of the CPU of a write and an fdatasync, which the kernel hands to two workers of its own: docs/design/log.md.
 *
 * Threads    One at a time: whoever has the baton of the log's shard.
 * Memory     A buffer of class MEM_LOG_BUFFER from the first write on.
 * Invariant  known_end is 0, or the buffer begins with the file's bytes from the block of known_end up to it.  */
#ifndef APPENDONLY_DIRECT_WRITE_H
#define APPENDONLY_DIRECT_WRITE_H

#include "base/attributes.h"
#include "base/bytes.h"

#include <stdbool.h>
#include <stdint.h>

enum { DIRECT_BLOCK = 4096, DIRECT_MAX = 128 << 10 /* longer writes gain nothing */ };

struct direct_write {
    char *memory;       /* as it was allocated; NULL: none yet */
    char *blocks;       /* in it, aligned */
    uint64_t known_end; /* offset in the file */
    uint64_t offset;    /* of what is under way, */
    uint32_t len;       /* its bytes */
};

/* `bytes` are copied, to be written at `offset`, where the file's data end; `file` can be read. Gives what to write, lent until direct_write_ended,
 * and where: whole blocks. Nothing: they are too long, there is no memory, or the block cannot be read; then they have to be written another way.  */
struct bytes direct_write_begin(struct direct_write *direct, int file, struct bytes bytes, uint64_t offset, uint64_t *out_offset) MUST_USE;
/* `result`: bytes of what was given, or -errno. Gives how many of `bytes` are in the file, or -errno. */
int64_t direct_write_ended(struct direct_write *direct, int64_t result);
/* Nothing is under way. */
void direct_write_close(struct direct_write *direct);

#endif

/* output.h - the replies that wait to be sent on one connection: a chain of chunks.
 *
 *   chunks:  [head ... being sent] -> [..] -> [tail, grows]
 *
 * Small replies are copied into chunks that the thread keeps for reuse; a large reply's buffer is taken over as a chunk.
 * What a send was given (output_gather) is not moved or freed until output_sent; bytes may be added behind it.
 *
 * Threads    The connection's.
 * Invariant  bytes is what all chunks hold and no send has confirmed.  */
#ifndef NET_OUTPUT_H
#define NET_OUTPUT_H

#include "base/attributes.h"
#include "base/bytes.h"
#include "mem/buffer.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

enum { CHUNK_SMALL_BYTES = 1024, CHUNK_BYTES = 16384, CHUNK_POOL_MAX = 64, OUTPUT_GATHER_MAX = 12 };
/* What one send is given at most: the copy of a 10 MB reply into the socket would keep the thread for milliseconds. */
enum { OUTPUT_GATHER_BYTES = 1 << 18 };
_Static_assert(CHUNK_SMALL_BYTES < CHUNK_BYTES, "two sizes");
_Static_assert((int)CHUNK_BYTES <= (int)OUTPUT_GATHER_BYTES, "a send takes a chunk at least");

struct chunk;

struct output {
    struct chunk *head, *tail;
    size_t bytes;       /* not sent yet */
    uint32_t chunks;
};

struct chunk_list {
    struct chunk *first;
    uint32_t count;
    uint32_t least; /* of count since the last chunk_pool_trim: so many nobody needed */
};

/* Free chunks of one thread, by size. */
struct chunk_pool {
    struct chunk_list small, large;
};

/* Both sizes are there from the start, so that a quiet server's memory does not move. False: no memory. */
MUST_USE bool chunk_pool_open(struct chunk_pool *pool);
void chunk_pool_close(struct chunk_pool *pool);
/* Called regularly: half of the chunks that nobody needed since the last call are freed; one of each size stays. */
void chunk_pool_trim(struct chunk_pool *pool);
/* What free chunks hold beyond one of each size. */
size_t chunk_pool_spare_bytes(const struct chunk_pool *pool);

/* Copies `text` to the end. False: refused, nothing was added. */
MUST_USE bool output_append(struct output *output, struct chunk_pool *pool, struct bytes text);
/* Takes over the buffer's memory; it is empty afterwards. False: refused, the buffer is as it was. */
MUST_USE bool output_take(struct output *output, struct chunk_pool *pool, struct buffer *buffer);
/* The first unsent bytes in order: at most `limit`, OUTPUT_GATHER_MAX pieces and OUTPUT_GATHER_BYTES. Returns how many pieces. */
int output_gather(const struct output *output, size_t limit, struct iovec pieces[OUTPUT_GATHER_MAX]);
/* `count` bytes of what was gathered have been sent; their chunks are freed or kept. */
void output_sent(struct output *output, struct chunk_pool *pool, size_t count);
/* Drops everything. No send may be under way. */
void output_clear(struct output *output, struct chunk_pool *pool);
/* Memory held by the chain. */
size_t output_memory_bytes(const struct output *output);
/* For debug asserts: the counts are those of the chain, and every chunk's are within its memory. O(chunks). */
bool output_is_valid(const struct output *output);

#endif

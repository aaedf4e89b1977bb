/* chunk_index.h - where the chunks of a snapshot's file begin, and whose they are: at the file's end, for loading it in parallel.
 *
 *   ... | AUX "tessera-chunks", a string: for each chunk its offset (8 bytes) and shard (4), low byte first
 *       | AUX "tessera-index", a string of 12 bytes: the offset of that AUX (8), how many shards there were (4) | FF | crc64 (8)
 *
 * The fields are written plain (not packed), so the second one has its place counted from the file's end. redis-server passes over both.
 *
 * Threads    One at a time.
 * Memory     MEM_SNAPSHOT.  */
#ifndef SNAPSHOT_CHUNK_INDEX_H
#define SNAPSHOT_CHUNK_INDEX_H

#include "base/attributes.h"
#include "mem/buffer.h"

#include <stdbool.h>
#include <stdint.h>

struct chunk_index {
    struct buffer rows;
};
#define CHUNK_INDEX_EMPTY ((struct chunk_index){.rows = BUFFER_EMPTY(MEM_SNAPSHOT)})

/* False: no memory. */
MUST_USE bool chunk_index_add(struct chunk_index *index, uint64_t offset, uint32_t shard);
/* Both fields; `at`: where they will stand. False: no memory. */
MUST_USE bool chunk_index_write(const struct chunk_index *index, uint64_t at, uint32_t shards, struct buffer *out);
void chunk_index_release(struct chunk_index *index);

struct chunk_place {
    uint64_t offset;
    uint32_t shard;
};

struct found_chunks {
    struct bytes rows;
    uint64_t count;   /* 0: there is no index, or it makes no sense (it is a help only) */
    uint64_t end;     /* where the last chunk ends */
    uint32_t shards;  /* that the writer had */
};
/* Looks for the index in a whole file, which is borrowed. */
struct found_chunks chunk_index_find(struct bytes file);
struct chunk_place chunk_index_at(const struct found_chunks *chunks, uint64_t at);

#endif

/* format.h - the bytes of a log: a header, then frames.
 *
 *     file    header (64 bytes) frame frame ... zeros (prepared ahead), or nothing
 *     header  magic "TSLOG\r\n\x1a" | version u32 | crc u32 | file id u64 | generation u64 | shard u32 | shards u32 | wall ms i64
 *             | zeros
 *     frame   magic "TFRM" | crc u32 | file id u64 | payload length u64 | sequence u64 | durable u64 | committed u64 | wall ms i64
 *             | records u32 | zero u32 | payload: records, then zeros up to a multiple of 8 bytes
 *
 * Numbers are little-endian. The header's crc goes over its other bytes. A frame's goes over its payload and then its header
 * without magic and crc, so that a payload is summed up while it gathers.
 *
 * A frame is what one group commit writes. Sequences of a shard's frames are 1, 2, 3 ... and go on from file to file within a run
 * (manifest.h). `durable` is the last frame of the shard that was known to be on disk when this one was closed, `committed` the
 * last one that was known to be inside of the consistent cut (cut.h).
 *
 * Threads    Any; pure functions.  */
#ifndef AOF_FORMAT_H
#define AOF_FORMAT_H

#include "base/attributes.h"
#include "base/bytes.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    AOF_HEADER_BYTES = 64,
    AOF_FRAME_BYTES = 64, /* the header of a frame */
    AOF_ALIGN = 8,        /* frames begin at multiples of it */
    AOF_VERSION = 1,
    AOF_SHARDS_MAX = 1024,
};

struct aof_header {
    uint64_t file_id; /* at random, never 0: frames of other files that lie on the same blocks of the disk are not taken for this one's */
    uint64_t generation;
    uint32_t shard, shard_count;
    int64_t wall_ms;
};

struct aof_frame {
    uint32_t crc;
    uint64_t file_id;
    uint64_t payload_len;
    uint64_t sequence;
    uint64_t durable;   /* committed <= durable < sequence */
    uint64_t committed;
    int64_t wall_ms;
    uint32_t record_count;
};

void aof_header_write(const struct aof_header *header, char out[AOF_HEADER_BYTES]);
/* NULL, or what is wrong with it. */
const char *aof_header_read(struct bytes text, struct aof_header *out) MUST_USE;

/* All but the crc, which aof_frame_seal adds. */
void aof_frame_write(const struct aof_frame *frame, char out[AOF_FRAME_BYTES]);
/* Adds the crc; `payload_crc` is crc32c(0, payload). */
void aof_frame_seal(char header[AOF_FRAME_BYTES], uint32_t payload_crc);
/* False: it cannot be the header of a frame of that file, whatever follows. The crc is not looked at. */
MUST_USE bool aof_frame_read(const char header[AOF_FRAME_BYTES], uint64_t file_id, struct aof_frame *out);
/* Whether a frame's crc is right; `payload_crc` as above. */
bool aof_frame_is_whole(const char header[AOF_FRAME_BYTES], uint32_t payload_crc);

/* A number for a new file. False: the kernel has none; errno. */
MUST_USE bool aof_draw_file_id(uint64_t *out);

#endif

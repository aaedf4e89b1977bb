/* format.c - headers of logs and of frames, to bytes and back.
 *
 * Read on    the drawings in format.h.  */
#include "aof/format.h"

#include "base/crc32c.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <sys/random.h>

static const char magic[8] = {'T', 'S', 'L', 'O', 'G', '\r', '\n', '\x1a'};
#define FRAME_MAGIC UINT32_C(0x4d524654) /* "TFRM" */
#define PAYLOAD_MAX (UINT64_C(1) << 48)

enum { AT_VERSION = 8, AT_HEADER_CRC = 12, AT_FILE_ID = 16, AT_GENERATION = 24, AT_SHARD = 32, AT_SHARDS = 36, AT_MADE = 40, AT_REST = 48 };
enum { AT_CRC = 4, AT_ID = 8, AT_LEN = 16, AT_SEQUENCE = 24, AT_DURABLE = 32, AT_COMMITTED = 40, AT_WALL = 48, AT_RECORDS = 56, AT_ZERO = 60 };

static void put_32(char *at, uint32_t number)
{
    number = htole32(number);
    memcpy(at, &number, sizeof number);
}

static void put_64(char *at, uint64_t number)
{
    number = htole64(number);
    memcpy(at, &number, sizeof number);
}

static uint32_t get_32(const char *at)
{
    uint32_t number;
    memcpy(&number, at, sizeof number);
    return le32toh(number);
}

static uint64_t get_64(const char *at)
{
    uint64_t number;
    memcpy(&number, at, sizeof number);
    return le64toh(number);
}

static uint32_t header_crc(const char *header)
{
    const uint32_t crc = crc32c(0, (struct bytes){header, AT_HEADER_CRC});
    return crc32c(crc, (struct bytes){header + AT_FILE_ID, AOF_HEADER_BYTES - AT_FILE_ID});
}

void aof_header_write(const struct aof_header *header, char out[AOF_HEADER_BYTES])
{
    assert(header->file_id != 0);
    assert(header->shard < header->shard_count && header->shard_count <= AOF_SHARDS_MAX);
    memset(out, 0, AOF_HEADER_BYTES);
    memcpy(out, magic, sizeof magic);
    put_32(out + AT_VERSION, AOF_VERSION);
    put_64(out + AT_FILE_ID, header->file_id);
    put_64(out + AT_GENERATION, header->generation);
    put_32(out + AT_SHARD, header->shard);
    put_32(out + AT_SHARDS, header->shard_count);
    put_64(out + AT_MADE, (uint64_t)header->wall_ms);
    put_32(out + AT_HEADER_CRC, header_crc(out));
}

const char *aof_header_read(struct bytes text, struct aof_header *out)
{
    if (text.len < AOF_HEADER_BYTES) {
        return "the file is shorter than a log's header";
    }
    if (memcmp(text.data, magic, sizeof magic) != 0) {
        return "the file does not begin as a log does";
    }
    if (get_32(text.data + AT_VERSION) != AOF_VERSION) {
        return "the version of the log is unknown";
    }
    if (get_32(text.data + AT_HEADER_CRC) != header_crc(text.data)) {
        return "the header's checksum is wrong";
    }
    const struct aof_header header = {get_64(text.data + AT_FILE_ID), get_64(text.data + AT_GENERATION), get_32(text.data + AT_SHARD),
                                      get_32(text.data + AT_SHARDS), (int64_t)get_64(text.data + AT_MADE)};
    if (header.file_id == 0 || header.shard_count > AOF_SHARDS_MAX || header.shard >= header.shard_count) {
        return "the header has numbers out of range";
    }
    *out = header;
    return NULL;
}

void aof_frame_write(const struct aof_frame *frame, char out[AOF_FRAME_BYTES])
{
    assert(frame->payload_len % AOF_ALIGN == 0 && frame->payload_len < PAYLOAD_MAX);
    assert(frame->committed <= frame->durable);
    assert(frame->durable < frame->sequence);
    put_32(out, FRAME_MAGIC);
    put_32(out + AT_CRC, 0);
    put_64(out + AT_ID, frame->file_id);
    put_64(out + AT_LEN, frame->payload_len);
    put_64(out + AT_SEQUENCE, frame->sequence);
    put_64(out + AT_DURABLE, frame->durable);
    put_64(out + AT_COMMITTED, frame->committed);
    put_64(out + AT_WALL, (uint64_t)frame->wall_ms);
    put_32(out + AT_RECORDS, frame->record_count);
    put_32(out + AT_ZERO, 0);
}

static uint32_t frame_crc(const char *header, uint32_t payload_crc)
{
    return crc32c(payload_crc, (struct bytes){header + AT_ID, AOF_FRAME_BYTES - AT_ID});
}

void aof_frame_seal(char header[AOF_FRAME_BYTES], uint32_t payload_crc)
{
    put_32(header + AT_CRC, frame_crc(header, payload_crc));
}

bool aof_frame_is_whole(const char header[AOF_FRAME_BYTES], uint32_t payload_crc)
{
    return get_32(header + AT_CRC) == frame_crc(header, payload_crc);
}

bool aof_frame_read(const char header[AOF_FRAME_BYTES], uint64_t file_id, struct aof_frame *out)
{
    if (get_32(header) != FRAME_MAGIC || get_64(header + AT_ID) != file_id || get_32(header + AT_ZERO) != 0) {
        return false;
    }
    const struct aof_frame frame = {
        .crc = get_32(header + AT_CRC),
        .file_id = file_id,
        .payload_len = get_64(header + AT_LEN),
        .sequence = get_64(header + AT_SEQUENCE),
        .durable = get_64(header + AT_DURABLE),
        .committed = get_64(header + AT_COMMITTED),
        .wall_ms = (int64_t)get_64(header + AT_WALL),
        .record_count = get_32(header + AT_RECORDS),
    };
    if (frame.payload_len % AOF_ALIGN != 0 || frame.payload_len >= PAYLOAD_MAX || frame.committed > frame.durable ||
        frame.durable >= frame.sequence) {
        return false;
    }
    *out = frame;
    return true;
}

bool aof_draw_file_id(uint64_t *out)
{
    uint64_t id = 0;
    while (id == 0) {
        const ssize_t got = getrandom(&id, sizeof id, 0);
        if (got < 0 && errno != EINTR) {
            return false;
        }
        id = got == (ssize_t)sizeof id ? id : 0;
    }
    *out = id;
    return true;
}

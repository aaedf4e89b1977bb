/* reader.c - windows over a file, frames in them, and the look behind the last valid one.
 *
 * Invariant  `window` has window.len bytes of the file from window_offset on.  */
#include "aof/reader.h"

#include "aof/record.h"
#include "base/crc32c.h"

#include <assert.h>

enum { WINDOW_BYTES = 1 << 20, TAIL_CHECKS_BYTES = 64 << 20 };

/* `len` bytes from `offset` on, lent until the next call. They are in the file, and the window is as large if need be. */
static enum aof_read_status look_at(struct aof_reader *reader, uint64_t offset, size_t len, const char **out)
{
    assert(len <= reader->source.bytes && offset <= reader->source.bytes - len);
    struct buffer *window = &reader->window;
    if (len == 0) {
        *out = "";
        return AOF_READ_OK;
    }
    if (offset >= reader->window_offset && offset + len <= reader->window_offset + window->len) {
        *out = window->data + (offset - reader->window_offset);
        return AOF_READ_OK;
    }
    const uint64_t left = reader->source.bytes - offset;
    const size_t wanted = len > WINDOW_BYTES ? len : left < WINDOW_BYTES ? (size_t)left : WINDOW_BYTES;
    window->len = 0;
    if (!buffer_reserve_exactly(window, wanted)) {
        return AOF_READ_NO_MEMORY;
    }
    if (!reader->source.read(reader->source.context, offset, window->data, wanted)) {
        return AOF_READ_SYSTEM;
    }
    window->len = wanted;
    reader->window_offset = offset;
    *out = window->data;
    return AOF_READ_OK;
}

enum aof_read_status aof_reader_open(struct aof_reader *reader, const struct aof_source *source, uint64_t next)
{
    *reader = (struct aof_reader){
        .source = *source, .offset = AOF_HEADER_BYTES, .limit = source->bytes, .next = next, .window = BUFFER_EMPTY(MEM_SNAPSHOT)};
    const size_t len = source->bytes < AOF_HEADER_BYTES ? (size_t)source->bytes : AOF_HEADER_BYTES;
    const char *header = NULL;
    const enum aof_read_status status = look_at(reader, 0, len, &header);
    if (status != AOF_READ_OK) {
        return status;
    }
    reader->fault = aof_header_read((struct bytes){header, len}, &reader->header);
    return reader->fault == NULL ? AOF_READ_OK : AOF_READ_BAD;
}

void aof_reader_close(struct aof_reader *reader)
{
    buffer_release(&reader->window);
}

/* The checksum of a long payload, window by window. */
static enum aof_read_status sum_payload(struct aof_reader *reader, uint64_t offset, uint64_t len, uint32_t *out)
{
    uint32_t crc = 0;
    while (len > 0) {
        const size_t piece = len < WINDOW_BYTES ? (size_t)len : WINDOW_BYTES;
        const char *data;
        const enum aof_read_status status = look_at(reader, offset, piece, &data);
        if (status != AOF_READ_OK) {
            return status;
        }
        crc = crc32c(crc, (struct bytes){data, piece});
        offset += piece;
        len -= piece;
    }
    *out = crc;
    return AOF_READ_OK;
}

/* AOF_READ_END: at `offset` is no valid frame of this file; *summed counts the bytes that were summed up to see that. */
static enum aof_read_status check_frame(struct aof_reader *reader, uint64_t offset, uint64_t limit, struct aof_frame *frame, uint64_t *summed)
{
    if (limit < AOF_FRAME_BYTES || offset > limit - AOF_FRAME_BYTES) {
        return AOF_READ_END;
    }
    const char *at;
    char header[AOF_FRAME_BYTES];
    enum aof_read_status status = look_at(reader, offset, AOF_FRAME_BYTES, &at);
    if (status != AOF_READ_OK) {
        return status;
    }
    memcpy(header, at, sizeof header);
    if (!aof_frame_read(header, reader->header.file_id, frame) || frame->payload_len > limit - AOF_FRAME_BYTES - offset) {
        return AOF_READ_END;
    }
    uint32_t crc;
    if (AOF_FRAME_BYTES + frame->payload_len <= WINDOW_BYTES) { /* in one piece, so that the caller finds it there */
        status = look_at(reader, offset, AOF_FRAME_BYTES + (size_t)frame->payload_len, &at);
        crc = status == AOF_READ_OK ? crc32c(0, (struct bytes){at + AOF_FRAME_BYTES, (size_t)frame->payload_len}) : 0;
    } else {
        status = sum_payload(reader, offset + AOF_FRAME_BYTES, frame->payload_len, &crc);
    }
    *summed += frame->payload_len + AOF_FRAME_BYTES;
    return status != AOF_READ_OK ? status : aof_frame_is_whole(header, crc) ? AOF_READ_OK : AOF_READ_END;
}

enum aof_read_status aof_reader_next(struct aof_reader *reader, struct aof_frame *out, struct bytes *payload)
{
    uint64_t summed = 0;
    struct aof_frame frame;
    enum aof_read_status status = check_frame(reader, reader->offset, reader->limit, &frame, &summed);
    if (status == AOF_READ_OK && reader->next != 0 && frame.sequence != reader->next) {
        status = AOF_READ_END;
    }
    const char *at = NULL;
    if (status == AOF_READ_OK) {
        status = look_at(reader, reader->offset, AOF_FRAME_BYTES + (size_t)frame.payload_len, &at);
    }
    if (status != AOF_READ_OK) {
        return status;
    }
    *out = frame;
    *payload = (struct bytes){at + AOF_FRAME_BYTES, (size_t)frame.payload_len};
    reader->offset += AOF_FRAME_BYTES + frame.payload_len;
    reader->next = frame.sequence + 1;
    return AOF_READ_OK;
}

static void count_frame(struct aof_tail *tail, const struct aof_frame *frame, uint64_t offset)
{
    tail->frames++;
    tail->records += frame->record_count;
    tail->first_sequence = tail->first_sequence == 0 ? frame->sequence : tail->first_sequence;
    if (frame->durable > tail->durable) {
        tail->durable = frame->durable;
        tail->known_at = offset;
    }
}

/* Up to the end of the last byte of these 8 that is not zero. */
static unsigned bytes_that_count(const char *at, unsigned len)
{
    while (len > 0 && at[len - 1] == 0) {
        len--;
    }
    return len;
}

/* Looks at the 8 bytes at *at, or the whole frame there, and goes past them. */
static enum aof_read_status tail_step(struct aof_reader *reader, uint64_t *at, uint64_t *summed, struct aof_tail *tail)
{
    const uint64_t left = reader->source.bytes - *at;
    const unsigned len = left < AOF_ALIGN ? (unsigned)left : AOF_ALIGN;
    const char *data;
    enum aof_read_status status = look_at(reader, *at, len, &data);
    if (status != AOF_READ_OK) {
        return status;
    }
    const unsigned used = bytes_that_count(data, len);
    if (used == 0) {
        *at += len;
        return AOF_READ_OK;
    }
    struct aof_frame frame;
    uint64_t bytes = 0;
    status = check_frame(reader, *at, reader->source.bytes, &frame, &bytes);
    if (status == AOF_READ_OK && frame.sequence > reader->next) {
        count_frame(tail, &frame, *at);
        *at += AOF_FRAME_BYTES + frame.payload_len;
        tail->bytes = *at - reader->offset;
        return AOF_READ_OK;
    }
    tail->bytes = *at + used - reader->offset;
    *summed += bytes;
    *at += len;
    return status == AOF_READ_END ? AOF_READ_OK : status;
}

enum aof_read_status aof_reader_tail(struct aof_reader *reader, struct aof_tail *out)
{
    *out = (struct aof_tail){0};
    uint64_t summed = 0;
    uint64_t at = reader->offset;
    while (at < reader->source.bytes) {
        const enum aof_read_status status = tail_step(reader, &at, &summed, out);
        if (status != AOF_READ_OK) {
            return status;
        }
        if (summed > TAIL_CHECKS_BYTES + 4 * out->bytes) {
            reader->fault = "what is behind the last valid frame looks like frames, but is none";
            return AOF_READ_BAD;
        }
    }
    return AOF_READ_OK;
}

bool aof_tail_is_torn(const struct aof_reader *reader, const struct aof_tail *tail)
{
    return tail->durable < reader->next;
}

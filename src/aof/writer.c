/* writer.c - the transitions that writer.h draws.  */
#include "aof/writer.h"

#include "base/crc32c.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

static bool writer_is_valid(const struct aof_writer *writer)
{
    assert(writer->synced <= writer->written);
    assert(writer->written <= writer->closed);
    assert(writer->closed - writer->written <= 1 || writer->previous != NULL);
    assert((writer->open.len == 0) == (writer->record_count == 0) || writer->has_gap);
    assert(writer->under_way_done <= writer->under_way.len);
    assert((writer->write_state == AOF_WRITE_IDLE) == (writer->under_way.len == 0));
    assert(writer->end % AOF_ALIGN == 0);
    return true;
}

void aof_writer_open(struct aof_writer *writer, const struct aof_header *header, uint64_t last, uint64_t zeros_end, uint64_t zeros_piece)
{
    assert(header->file_id != 0 && zeros_piece % AOF_ZERO_ALIGN == 0);
    *writer = (struct aof_writer){
        .header = *header,
        .open = BUFFER_EMPTY(MEM_LOG_BUFFER),
        .under_way = BUFFER_EMPTY(MEM_LOG_BUFFER),
        .apart = BUFFER_EMPTY(MEM_LOG_BUFFER),
        .closed = last,
        .written = last,
        .synced = last,
        .told_durable = last,
        .told_committed = last,
        .last_with_records = last,
        .end = AOF_HEADER_BYTES,
        .zeros_end = zeros_end,
        .zeros_piece = zeros_piece,
    };
    assert(writer_is_valid(writer));
}

void aof_writer_follow(struct aof_writer *writer, const struct aof_header *header, struct aof_writer *previous, uint64_t zeros_end,
                       uint64_t zeros_piece)
{
    assert(previous->is_finished && previous->open_unit == 0);
    assert(previous->header.shard == header->shard && previous->header.shard_count == header->shard_count);
    const bool has_more = previous->record_count > 0 || aof_writer_has_failed(previous); /* a unit may name the frame that is not to be */
    aof_writer_open(writer, header, previous->closed + has_more, zeros_end, zeros_piece);
    writer->previous = previous;
    writer->written = previous->synced;
    writer->synced = previous->synced;
    /* Of the last frames there nobody has told yet: a mark in our file does. */
    writer->last_with_records = previous->record_count > 0 ? writer->closed : previous->last_with_records;
    writer->told_durable = previous->told_durable;
    writer->told_committed = previous->told_committed;
    assert(writer_is_valid(writer));
}

/* Our frames may be written from now on. */
static void let_previous_go(struct aof_writer *writer)
{
    writer->previous = NULL;
    writer->written = writer->closed;
    writer->synced = writer->closed;
}

void aof_writer_forget_previous(struct aof_writer *writer)
{
    if (writer->previous != NULL) {
        let_previous_go(writer);
    }
}

void aof_writer_close(struct aof_writer *writer)
{
    assert(writer->write_state != AOF_WRITING && writer->write_state != AOF_CUTTING);
    assert(!writer->is_syncing && !writer->is_zeroing);
    buffer_release(&writer->open);
    buffer_release(&writer->under_way);
    buffer_release(&writer->apart);
}

static void drop_open_frame(struct aof_writer *writer)
{
    writer->open.len = 0;
    writer->record_count = 0;
    writer->open_unit = 0;
    buffer_shrink(&writer->open, AOF_BUFFER_KEPT);
}

static void drop_apart(struct aof_writer *writer)
{
    buffer_release(&writer->apart);
    writer->apart_unit = 0;
    writer->apart_count = 0;
}

void aof_writer_fail(struct aof_writer *writer, int error)
{
    if (!aof_writer_has_failed(writer)) {
        writer->error = error;
    }
    writer->has_gap = true;
    drop_open_frame(writer);
    drop_apart(writer);
}

static void fail_by_disk(struct aof_writer *writer, int error)
{
    aof_writer_fail(writer, error);
    writer->has_error = true;
}

/* Records of two units do not mingle; an end has something to end. */
static void check_unit(struct aof_writer *writer, const struct aof_record *record)
{
    if (LIKELY(record->unit == 0)) {
        assert(record->kind == AOF_EFFECT);
        return;
    }
    assert(record->kind == AOF_FLUSH_END ? writer->open_unit == 0
                                         : writer->open_unit == record->unit || (writer->open_unit == 0 && record->kind != AOF_UNIT_END));
    if (writer->open_unit == 0) {
        writer->unit_from = writer->open.len;
        writer->unit_from_count = writer->record_count;
    }
    writer->open_unit = aof_kind_ends(record->kind) ? 0 : record->unit;
}

static void sum_up(struct aof_writer *writer)
{
    const struct bytes more = {writer->open.data + writer->summed_len, writer->open.len - writer->summed_len};
    writer->payload_crc = crc32c(writer->payload_crc, more);
    writer->summed_len = writer->open.len;
}

/* Room for `bytes` and for the zeros that end a frame; the room for its header is in front. */
static bool reserve(struct aof_writer *writer, uint64_t bytes)
{
    const size_t header = writer->open.len == 0 ? AOF_FRAME_BYTES : 0;
    if (UNLIKELY(!buffer_reserve(&writer->open, header + bytes + AOF_ALIGN))) {
        return false;
    }
    if (header > 0) {
        writer->open.len = header;
        writer->summed_len = header;
        writer->payload_crc = 0;
    }
    return true;
}

/* --- a unit that is set apart --- */

/* The open frame ends at `len` again, with so many records. */
static void cut_open_frame(struct aof_writer *writer, size_t len, uint32_t count)
{
    if (count == 0) {
        drop_open_frame(writer);
        return;
    }
    writer->open.len = len;
    writer->record_count = count;
    writer->open_unit = 0;
    if (writer->summed_len > len) {
        writer->summed_len = AOF_FRAME_BYTES;
        writer->payload_crc = 0;
        sum_up(writer);
    }
}

void aof_writer_set_apart(struct aof_writer *writer)
{
    if (writer->open_unit == 0) {
        return; /* it is apart already, or the log has failed */
    }
    assert(writer->apart_unit == 0 && writer->apart.len == 0);
    const size_t from = writer->unit_from_count == 0 ? AOF_FRAME_BYTES : writer->unit_from;
    if (!buffer_append(&writer->apart, (struct bytes){writer->open.data + from, writer->open.len - from})) {
        aof_writer_fail(writer, ENOMEM);
        return;
    }
    writer->apart_unit = writer->open_unit;
    writer->apart_count = writer->record_count - writer->unit_from_count;
    cut_open_frame(writer, from, writer->unit_from_count);
    assert(writer_is_valid(writer));
}

void aof_writer_drop_unit(struct aof_writer *writer)
{
    if (writer->open_unit != 0) {
        cut_open_frame(writer, writer->unit_from, writer->unit_from_count);
    } else {
        drop_apart(writer);
    }
    assert(writer_is_valid(writer));
}

static bool append_apart(struct aof_writer *writer, const struct aof_record *record)
{
    const uint64_t bytes = aof_record_bytes(record);
    if (bytes == 0 || writer->apart_count == UINT32_MAX || !buffer_reserve(&writer->apart, bytes)) {
        aof_writer_fail(writer, ENOMEM);
        return false;
    }
    aof_record_write(record, bytes, writer->apart.data + writer->apart.len);
    writer->apart.len += bytes;
    writer->apart_count++;
    return true;
}

/* Its records come to the open frame; its end is next. */
static bool take_back(struct aof_writer *writer)
{
    assert(writer->open_unit == 0);
    if (writer->apart_count > UINT32_MAX - writer->record_count || !reserve(writer, writer->apart.len)) {
        aof_writer_fail(writer, ENOMEM);
        return false;
    }
    memcpy(writer->open.data + writer->open.len, writer->apart.data, writer->apart.len);
    writer->open.len += writer->apart.len;
    writer->record_count += writer->apart_count;
    writer->open_unit = writer->apart_unit;
    drop_apart(writer);
    return true;
}

bool aof_writer_append(struct aof_writer *writer, const struct aof_record *record)
{
    assert(!writer->is_finished);
    if (UNLIKELY(aof_writer_has_failed(writer))) {
        return false;
    }
    if (UNLIKELY(record->unit != 0 && record->unit == writer->apart_unit)) {
        if (record->kind != AOF_UNIT_END) {
            return append_apart(writer, record);
        }
        if (!take_back(writer)) {
            return false;
        }
    }
    check_unit(writer, record);
    const uint64_t bytes = aof_record_bytes(record);
    if (UNLIKELY(bytes == 0 || writer->record_count == UINT32_MAX || !reserve(writer, bytes))) {
        aof_writer_fail(writer, ENOMEM);
        return false;
    }
    aof_record_write(record, bytes, writer->open.data + writer->open.len);
    writer->open.len += bytes;
    writer->record_count++;
    if (writer->open.len - writer->summed_len >= AOF_SUM_BYTES) {
        sum_up(writer);
    }
    return true;
}

uint64_t aof_writer_pending_bytes(const struct aof_writer *writer)
{
    return writer->open.len + writer->under_way.len;
}

/* The open frame is full, or not begun: it becomes the one under way. */
static void close_frame(struct aof_writer *writer, uint64_t committed, int64_t wall_ms)
{
    struct buffer *open = &writer->open;
    const size_t zeros = -open->len & (AOF_ALIGN - 1);
    memset(open->data + open->len, 0, zeros);
    open->len += zeros;
    sum_up(writer);
    writer->closed++;
    writer->told_durable = writer->synced;
    writer->told_committed = committed < writer->synced ? committed : writer->synced;
    writer->last_with_records = writer->record_count > 0 ? writer->closed : writer->last_with_records;
    const struct aof_frame frame = {
        .file_id = writer->header.file_id,
        .payload_len = open->len - AOF_FRAME_BYTES,
        .sequence = writer->closed,
        .durable = writer->told_durable,
        .committed = writer->told_committed,
        .wall_ms = wall_ms,
        .record_count = writer->record_count,
    };
    aof_frame_write(&frame, open->data);
    aof_frame_seal(open->data, writer->payload_crc);
    const struct buffer closed = *open;
    *open = writer->under_way;
    writer->under_way = closed;
    writer->under_way_done = 0;
    writer->record_count = 0;
}

/* Where zeros are being written nothing else is. */
static bool fits_before_zeros(const struct aof_writer *writer, size_t more)
{
    const size_t bytes = writer->open.len == 0 ? AOF_FRAME_BYTES : writer->open.len + AOF_ALIGN;
    return !writer->is_zeroing || writer->end + bytes + more <= writer->zeros_from;
}

/* The frame that would be closed now may be written now. */
static bool may_close(struct aof_writer *writer)
{
    if (writer->write_state != AOF_WRITE_IDLE || writer->open_unit != 0 || aof_writer_has_failed(writer)) {
        return false;
    }
    if (writer->previous != NULL) {
        return false;
    }
    return fits_before_zeros(writer, 0);
}

bool aof_writer_is_ready(const struct aof_writer *writer)
{
    enum { END_BYTES = 1 << 15 }; /* of a FLUSH END that may come before */
    return writer->write_state == AOF_WRITE_IDLE && writer->open_unit == 0 && !aof_writer_has_failed(writer) && fits_before_zeros(writer, END_BYTES) &&
           (writer->previous == NULL || aof_writer_is_synced(writer->previous));
}

static enum aof_todo take_write(struct aof_writer *writer, struct aof_write *out)
{
    writer->write_state = AOF_WRITING;
    *out = (struct aof_write){
        .offset = writer->end + writer->under_way_done,
        .bytes = {writer->under_way.data + writer->under_way_done, writer->under_way.len - writer->under_way_done},
    };
    assert(writer_is_valid(writer));
    return AOF_WRITE;
}

enum aof_todo aof_writer_take(struct aof_writer *writer, uint64_t committed, int64_t wall_ms, struct aof_write *out)
{
    if (UNLIKELY(writer->previous != NULL) && aof_writer_is_synced(writer->previous)) {
        let_previous_go(writer);
    }
    if (writer->has_error) {
        return AOF_NOTHING;
    }
    if (writer->write_state == AOF_WRITE_CUT && !writer->is_zeroing) {
        writer->write_state = AOF_CUTTING;
        *out = (struct aof_write){.offset = writer->end};
        return AOF_TRUNCATE;
    }
    if (writer->write_state == AOF_WRITE_REST) {
        return take_write(writer, out);
    }
    if (writer->record_count > 0 && may_close(writer)) {
        close_frame(writer, committed, wall_ms);
        return take_write(writer, out);
    }
    return AOF_NOTHING;
}

/* A frame behind the last one with records would say something new about it. */
static bool has_news(const struct aof_writer *writer, uint64_t committed)
{
    const uint64_t last = writer->last_with_records;
    const uint64_t durable = writer->synced < last ? writer->synced : last;
    const uint64_t within = committed < durable ? committed : durable;
    return durable > writer->told_durable || within > writer->told_committed;
}

enum aof_todo aof_writer_take_mark(struct aof_writer *writer, uint64_t committed, int64_t wall_ms, struct aof_write *out)
{
    const enum aof_todo todo = aof_writer_take(writer, committed, wall_ms, out);
    if (todo != AOF_NOTHING || writer->is_finished || writer->record_count > 0 || !has_news(writer, committed) || !may_close(writer) ||
        !reserve(writer, 0)) {
        return todo;
    }
    close_frame(writer, committed, wall_ms);
    return take_write(writer, out);
}

/* All of the frame under way is in the file. */
static void frame_is_written(struct aof_writer *writer)
{
    struct buffer *frame = &writer->under_way;
    const bool is_needed = frame->len >= frame->capacity / 4 && frame->capacity <= AOF_BUFFER_KEPT_MAX;
    writer->end += frame->len;
    writer->written = writer->closed;
    writer->write_state = AOF_WRITE_IDLE;
    writer->under_way_done = 0;
    frame->len = 0;
    if (!is_needed) {
        buffer_shrink(frame, AOF_BUFFER_KEPT);
    }
}

void aof_writer_written(struct aof_writer *writer, int64_t result)
{
    assert(writer->write_state == AOF_WRITING);
    assert(result <= (int64_t)(writer->under_way.len - writer->under_way_done));
    if (result > 0) {
        writer->under_way_done += (size_t)result;
    }
    if (writer->under_way_done == writer->under_way.len) {
        frame_is_written(writer);
    } else if (result > 0 || result == -EINTR || result == -EAGAIN) {
        writer->write_state = AOF_WRITE_REST;
    } else if (result == -ENOSPC || result == -EDQUOT) {
        writer->write_state = AOF_WRITE_FULL;
        writer->error = aof_writer_has_failed(writer) ? writer->error : (int)-result;
    } else {
        writer->write_state = AOF_WRITE_REST;
        fail_by_disk(writer, result == 0 ? EIO : (int)-result);
    }
    assert(writer_is_valid(writer));
}

void aof_writer_retry(struct aof_writer *writer)
{
    if (writer->write_state == AOF_WRITE_FULL) {
        writer->write_state = AOF_WRITE_CUT;
    }
}

void aof_writer_truncated(struct aof_writer *writer, int error)
{
    assert(writer->write_state == AOF_CUTTING && !writer->is_zeroing);
    writer->write_state = AOF_WRITE_REST;
    writer->under_way_done = 0;
    writer->zeros_end = writer->zeros_end < writer->end ? writer->zeros_end : writer->end;
    if (error != 0) {
        fail_by_disk(writer, error);
    }
}

bool aof_writer_take_sync(struct aof_writer *writer)
{
    if (writer->is_syncing || writer->has_error || writer->synced == writer->written || writer->previous != NULL) {
        return false;
    }
    writer->is_syncing = true;
    writer->syncing = writer->written;
    return true;
}

void aof_writer_synced(struct aof_writer *writer, int error)
{
    assert(writer->is_syncing);
    writer->is_syncing = false;
    if (error != 0) {
        fail_by_disk(writer, error);
    } else {
        writer->synced = writer->syncing;
    }
    assert(writer_is_valid(writer));
}

static uint64_t zero_align(uint64_t offset)
{
    return (offset + AOF_ZERO_ALIGN - 1) & ~(uint64_t)(AOF_ZERO_ALIGN - 1);
}

bool aof_writer_take_zeros(struct aof_writer *writer, uint64_t *offset, uint64_t *len)
{
    const uint64_t end = writer->end + writer->under_way.len;
    const bool is_short = writer->zeros_end < end + writer->zeros_piece / 2;
    if (!is_short || writer->zeros_piece == 0 || writer->is_zeroing || writer->is_finished || aof_writer_has_failed(writer) ||
        (writer->write_state != AOF_WRITE_IDLE && writer->write_state != AOF_WRITING)) {
        return false;
    }
    writer->is_zeroing = true;
    writer->zeros_from = zero_align(writer->zeros_end > end ? writer->zeros_end : end);
    *offset = writer->zeros_from;
    *len = writer->zeros_piece;
    return true;
}

void aof_writer_zeroed(struct aof_writer *writer, int error)
{
    assert(writer->is_zeroing);
    writer->is_zeroing = false;
    if (error != 0) {
        writer->zeros_piece = 0;
    } else {
        writer->zeros_end = writer->zeros_from + writer->zeros_piece;
    }
}

void aof_writer_finish(struct aof_writer *writer)
{
    assert(writer->open_unit == 0);
    assert(writer->apart_unit == 0);
    writer->is_finished = true;
}

bool aof_writer_is_synced(const struct aof_writer *writer)
{
    /* A writer that waits for the one before has closed no frame. */
    while (writer->previous != NULL && writer->record_count == 0 && !writer->has_gap) {
        writer = writer->previous;
    }
    return writer->previous == NULL && writer->record_count == 0 && writer->synced == writer->closed && !writer->has_gap;
}

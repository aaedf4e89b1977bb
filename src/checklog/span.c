/* span.c - see span.h.  */
#include "checklog/span.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

void span_add_span(struct span *span, const struct span *more)
{
    if (more->frames > 0) {
        const bool is_first = span->frames == 0;
        span->earliest_ms = is_first || more->earliest_ms < span->earliest_ms ? more->earliest_ms : span->earliest_ms;
        span->latest_ms = is_first || more->latest_ms > span->latest_ms ? more->latest_ms : span->latest_ms;
    }
    span->frames += more->frames;
    span->records += more->records;
    span->bytes += more->bytes;
}

static void add_frame(struct span *span, const struct aof_frame *frame)
{
    const struct span one = {.frames = 1, .records = frame->record_count, .earliest_ms = frame->wall_ms, .latest_ms = frame->wall_ms};
    span_add_span(span, &one);
}

static const char *fault_of(const struct aof_reader *reader, enum aof_read_status status)
{
    return status == AOF_READ_BAD         ? reader->fault
           : status == AOF_READ_SYSTEM    ? strerror(errno)
           : status == AOF_READ_NO_MEMORY ? "no memory"
                                          : "a frame that counts is damaged, or missing";
}

static const char *add_frames(struct span *span, struct aof_reader *reader, const struct aof_log *log)
{
    struct aof_frame frame;
    struct bytes payload;
    enum aof_read_status status = AOF_READ_END;
    while (reader->offset < log->end_offset && (status = aof_reader_next(reader, &frame, &payload)) == AOF_READ_OK) {
        add_frame(span, &frame);
    }
    const bool is_whole = reader->offset == log->end_offset && reader->next == log->end + 1;
    return is_whole ? NULL : fault_of(reader, status == AOF_READ_OK ? AOF_READ_END : status);
}

static const char *add_opened(struct span *span, struct aof_reader *reader, const struct aof_source *source, const struct aof_log *log)
{
    if (reader->header.file_id != log->file_id) {
        return "it is not the file that the manifest means: another id";
    }
    if (log->end_offset > source->bytes) {
        return "it is shorter than the manifest says";
    }
    reader->limit = log->end_offset;
    return add_frames(span, reader, log);
}

/* NULL, or what is wrong with the log up to its seal; then *offset says where. */
static const char *add_log(struct span *span, const struct aof_files *files, const struct aof_log *log, uint64_t first, uint64_t *offset)
{
    struct aof_source source;
    struct aof_reader reader;
    *offset = 0;
    if (log->end_offset == AOF_HEADER_BYTES) {
        return NULL; /* nothing of it counts: it may not be there */
    }
    const int error = files->open(files->context, log->name, &source);
    if (error != 0) {
        return strerror(error);
    }
    const enum aof_read_status status = aof_reader_open(&reader, &source, first);
    const char *fault = status == AOF_READ_OK ? add_opened(span, &reader, &source, log) : fault_of(&reader, status);
    span->bytes += log->end_offset;
    *offset = reader.offset;
    aof_reader_close(&reader);
    files->close(files->context, &source);
    return fault;
}

/* Where the log's frames begin; `manifest` is all sealed. */
static uint64_t first_of(const struct aof_manifest *manifest, uint32_t at, uint32_t shard)
{
    const struct aof_log *log = &manifest->generations[at].logs[shard];
    return log->first != 0 ? log->first : manifest->generations[at - 1].logs[shard].end + 1;
}

bool span_add_generation(struct span *span, const struct aof_files *files, const struct aof_manifest *manifest, uint32_t at)
{
    const struct aof_generation *generation = &manifest->generations[at];
    for (uint32_t i = 0; i < generation->shard_count; i++) {
        uint64_t offset;
        const char *fault = add_log(span, files, &generation->logs[i], first_of(manifest, at, i), &offset);
        if (fault != NULL) {
            printf("%s: offset %" PRIu64 ": DAMAGE: %s\n", generation->logs[i].name, offset, fault);
            return false;
        }
    }
    return true;
}

void span_add_first(struct span *span, const struct aof_files *files, const struct aof_log *log)
{
    struct aof_source source;
    struct aof_reader reader;
    struct aof_frame frame;
    struct bytes payload;
    if (log->end_offset == AOF_HEADER_BYTES || files->open(files->context, log->name, &source) != 0) {
        return;
    }
    if (aof_reader_open(&reader, &source, log->first) == AOF_READ_OK && reader.header.file_id == log->file_id &&
        aof_reader_next(&reader, &frame, &payload) == AOF_READ_OK) {
        add_frame(span, &frame);
    }
    aof_reader_close(&reader);
    files->close(files->context, &source);
}

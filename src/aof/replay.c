/* replay.c - readers of one generation's logs, up to the cut, that meet at barriers.  */
#include "aof/replay.h"

#include "mem/heap.h"

#include <assert.h>
#include <errno.h>

struct replay_log {
    const char *name;
    struct aof_source source;
    struct aof_reader reader;
    struct aof_records records;
    struct aof_record barrier;    /* while is_at_barrier */
    uint64_t end, end_offset;     /* the cut */
    uint64_t frame_offset;
    int64_t wall_ms;
    bool is_open, is_at_barrier;
    const char *fault;
    int error;
};

struct aof_replay {
    const struct aof_files *files;
    uint32_t count;
    struct replay_log logs[];
};

static size_t replay_bytes(uint32_t count)
{
    return sizeof(struct aof_replay) + count * sizeof(struct replay_log);
}

static enum aof_replay_status log_refuses(struct replay_log *log, const char *fault)
{
    log->fault = fault;
    return AOF_REPLAY_DAMAGE;
}

static enum aof_replay_status of_reading(struct replay_log *log, enum aof_read_status status)
{
    log->error = status == AOF_READ_SYSTEM ? errno : 0;
    return status == AOF_READ_SYSTEM ? AOF_REPLAY_SYSTEM : status == AOF_READ_NO_MEMORY ? AOF_REPLAY_NO_MEMORY : AOF_REPLAY_DAMAGE;
}

/* Where the log ends: at its seal, or where pass 1 has cut it. */
static void find_end(const struct aof_recovery *recovery, uint32_t at, uint32_t shard, struct replay_log *log)
{
    if (at < recovery->run) {
        const struct aof_log *sealed = &recovery->manifest.generations[at].logs[shard];
        log->end = sealed->end;
        log->end_offset = sealed->end_offset;
    } else {
        log->end = recovery->ends[at - recovery->run][shard].cut;
        log->end_offset = recovery->ends[at - recovery->run][shard].cut_offset;
    }
}

/* The sequence of the log's first frame, if it has any that count. */
static uint64_t first_of(const struct aof_recovery *recovery, uint32_t at, uint32_t shard)
{
    const struct aof_log *log = &recovery->manifest.generations[at].logs[shard];
    struct replay_log before;
    if (log->first != 0) {
        return log->first;
    }
    assert(at > 0);
    find_end(recovery, at - 1, shard, &before);
    return before.end + 1;
}

static enum aof_replay_status open_log(struct aof_replay *replay, const struct aof_recovery *recovery, uint32_t at, uint32_t shard)
{
    struct replay_log *log = &replay->logs[shard];
    const struct aof_generation *generation = &recovery->manifest.generations[at];
    find_end(recovery, at, shard, log);
    log->frame_offset = AOF_HEADER_BYTES;
    if (log->end_offset == AOF_HEADER_BYTES) {
        return AOF_REPLAY_RECORD; /* nothing of it counts */
    }
    log->error = replay->files->open(replay->files->context, log->name, &log->source);
    if (log->error != 0) {
        log->fault = log->error == ENOENT ? "the manifest names it, and it is not there" : NULL;
        return log->error == ENOENT ? AOF_REPLAY_DAMAGE : AOF_REPLAY_SYSTEM;
    }
    log->is_open = true;
    const enum aof_read_status status = aof_reader_open(&log->reader, &log->source, first_of(recovery, at, shard));
    if (status != AOF_READ_OK) {
        log->fault = log->reader.fault;
        return of_reading(log, status);
    }
    const struct aof_header *header = &log->reader.header;
    if (header->file_id != generation->logs[shard].file_id || header->generation != generation->number || header->shard != shard ||
        header->shard_count != generation->shard_count) {
        return log_refuses(log, "it is not the file that the manifest means: another id, generation or shard");
    }
    if (log->end_offset > log->source.bytes) {
        return log_refuses(log, "it is shorter than the manifest says");
    }
    log->reader.limit = log->end_offset;
    return AOF_REPLAY_RECORD;
}

enum aof_replay_status aof_replay_open(struct aof_replay **out, const struct aof_recovery *recovery, const struct aof_files *files, uint32_t at)
{
    assert(at < recovery->manifest.generation_count);
    const struct aof_generation *generation = &recovery->manifest.generations[at];
    struct aof_replay *replay = thread_alloc_zeroed(MEM_SNAPSHOT, replay_bytes(generation->shard_count));
    *out = replay;
    if (replay == NULL) {
        return AOF_REPLAY_NO_MEMORY;
    }
    replay->files = files;
    replay->count = generation->shard_count;
    for (uint32_t i = 0; i < replay->count; i++) {
        replay->logs[i].name = generation->logs[i].name;
    }
    for (uint32_t i = 0; i < replay->count; i++) {
        const enum aof_replay_status status = open_log(replay, recovery, at, i);
        if (status != AOF_REPLAY_RECORD) {
            return status;
        }
    }
    return AOF_REPLAY_RECORD;
}

void aof_replay_close(struct aof_replay *replay)
{
    if (replay == NULL) {
        return;
    }
    for (uint32_t i = 0; i < replay->count; i++) {
        struct replay_log *log = &replay->logs[i];
        if (log->is_open) {
            aof_records_close(&log->records);
            aof_reader_close(&log->reader);
            replay->files->close(replay->files->context, &log->source);
        }
    }
    thread_free(MEM_SNAPSHOT, replay, replay_bytes(replay->count));
}

uint32_t aof_replay_log_count(const struct aof_replay *replay)
{
    return replay->count;
}

static enum aof_replay_status next_frame(struct replay_log *log)
{
    struct aof_frame frame;
    struct bytes payload;
    if (!log->is_open) {
        return AOF_REPLAY_END;
    }
    log->frame_offset = log->reader.offset;
    if (log->reader.offset == log->end_offset) {
        const bool is_there = log->reader.next == log->end + 1;
        return is_there ? AOF_REPLAY_END : log_refuses(log, "it has other frames than the manifest says");
    }
    const enum aof_read_status status = aof_reader_next(&log->reader, &frame, &payload);
    if (status != AOF_READ_OK) {
        log->fault = "a frame that counts is damaged";
        return of_reading(log, status);
    }
    log->wall_ms = frame.wall_ms;
    aof_records_open(&log->records, payload);
    return AOF_REPLAY_RECORD;
}

enum aof_replay_status aof_replay_next(struct aof_replay *replay, uint32_t number, struct aof_record *out)
{
    assert(number < replay->count);
    struct replay_log *log = &replay->logs[number];
    if (log->is_at_barrier) {
        *out = log->barrier;
        return AOF_REPLAY_BARRIER;
    }
    for (;;) {
        const enum aof_records_status status = aof_records_next(&log->records, false, out);
        if (status == AOF_RECORDS_END) {
            const enum aof_replay_status result = next_frame(log);
            if (result != AOF_REPLAY_RECORD) {
                return result;
            }
        } else if (status != AOF_RECORDS_OK) {
            return status == AOF_RECORDS_BAD ? log_refuses(log, log->records.fault) : AOF_REPLAY_NO_MEMORY;
        } else if (out->kind == AOF_EFFECT_OF_ALL) {
            log->is_at_barrier = true;
            log->barrier = *out;
            return AOF_REPLAY_BARRIER;
        } else if (out->kind == AOF_EFFECT) {
            return AOF_REPLAY_RECORD;
        }
    }
}

enum aof_replay_status aof_replay_barrier(struct aof_replay *replay, struct aof_record *out, uint32_t *number)
{
    const struct replay_log *first = &replay->logs[0];
    for (uint32_t i = 0; i < replay->count; i++) {
        struct replay_log *log = &replay->logs[i];
        if (!log->is_at_barrier || log->barrier.unit != first->barrier.unit || log->barrier.count != first->barrier.count) {
            *number = i;
            return log_refuses(log, "a record of all shards is not in this log as it is in others");
        }
    }
    for (uint32_t i = 0; i < replay->count; i++) {
        replay->logs[i].is_at_barrier = false;
    }
    *out = first->barrier;
    return AOF_REPLAY_RECORD;
}

struct aof_replay_place aof_replay_place(const struct aof_replay *replay, uint32_t number)
{
    assert(number < replay->count);
    const struct replay_log *log = &replay->logs[number];
    return (struct aof_replay_place){log->name, log->frame_offset, log->end_offset, log->wall_ms, log->fault, log->error};
}

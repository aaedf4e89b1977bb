/* shard_log.c on a ring that does requests when, and as, the test says; the files are real ones.  */
#include "appendonly/shard_log.h"

#include "aof/reader.h"
#include "base/clock.h"
#include "mem/heap.h"
#include "shard/thread.h"

#include <ck_epoch.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { SHARDS_MAX = 3, REQUESTS_MAX = 32, STEPS = 10000, DONE = INT32_MAX };

/* --- the ring --- */

struct request {
    struct ring_owner *owner;
    const void *data;      /* NULL: a sync */
    uint64_t offset;
    uint32_t len;
    int fd;
    uint8_t kind;
    bool is_followed;      /* the next one is not done unless this one is, all of it */
    bool is_durable;       /* on disk when it is done */
};

static struct request requests[REQUESTS_MAX];
static uint64_t written_end[SHARDS_MAX], synced_end[SHARDS_MAX]; /* of each log's file: frames that have got there, and stay */
static uint32_t request_count;

static void add_request(const struct request *request)
{
    cr_assert_lt(request_count, REQUESTS_MAX);
    requests[request_count++] = *request;
}

void ring_write(struct ring *ring, int fd, const void *data, uint32_t len, uint64_t offset, bool sync_follows, uint8_t kind, struct ring_owner *owner)
{
    (void)ring;
    add_request(&(struct request){owner, data, offset, len, fd, kind, sync_follows, false});
}

void ring_write_durable(struct ring *ring, int fd, const void *data, uint32_t len, uint64_t offset, uint8_t kind, struct ring_owner *owner)
{
    (void)ring, (void)fd;
    const struct log_file *file = (const struct log_file *)((char *)owner - offsetof(struct log_file, owner));
    cr_assert_eq((uintptr_t)data % DIRECT_BLOCK + len % DIRECT_BLOCK + offset % DIRECT_BLOCK, 0);
    add_request(&(struct request){.owner = owner, .data = data, .offset = offset, .len = len, .fd = file->fd, .kind = kind, .is_durable = true});
}

void ring_sync(struct ring *ring, int fd, uint8_t kind, struct ring_owner *owner)
{
    (void)ring;
    add_request(&(struct request){.owner = owner, .fd = fd, .kind = kind});
}

static uint32_t wakes;

void ring_wake(struct ring *ring, const struct ring *target)
{
    (void)ring, (void)target;
    wakes++;
}

static struct log_file *file_of(const struct request *request)
{
    return (struct log_file *)((char *)request->owner - offsetof(struct log_file, owner));
}

/* Writes up to `most` bytes, or notes what is synced. */
static int32_t do_request(const struct request *request, int32_t most)
{
    const uint32_t shard = file_of(request)->log->shard;
    if (request->data == NULL) {
        synced_end[shard] = written_end[shard];
        return 0;
    }
    const size_t len = (uint32_t)most < request->len ? (size_t)most : request->len;
    cr_assert_eq(pwrite(request->fd, request->data, len, (off_t)request->offset), (ssize_t)len);
    if (request->kind == LOG_WRITE) {
        const uint64_t end = request->offset + len; /* a direct one may begin before what is there */
        written_end[shard] = end > written_end[shard] ? end : written_end[shard];
    }
    if (request->is_durable) {
        synced_end[shard] = written_end[shard];
    }
    return (int32_t)len;
}

static void take_out(uint32_t at)
{
    memmove(&requests[at], &requests[at + 1], (request_count - at - 1) * sizeof requests[0]);
    request_count--;
}

/* The request ends: with -errno, or done up to so many bytes (DONE: all). One that depends on it and cannot be done ends with it. */
static void end_request(uint32_t at, int32_t result)
{
    const struct request request = requests[at];
    const int32_t done = result < 0 ? result : do_request(&request, result);
    const bool is_whole = request.data == NULL || done == (int32_t)request.len;
    take_out(at);
    request.owner->on_event(request.owner, &(struct ring_event){.kind = request.kind, .owner = request.owner, .result = done, .is_last = true});
    if (request.is_followed && !is_whole) {
        const struct request next = requests[at];
        take_out(at);
        next.owner->on_event(next.owner, &(struct ring_event){.kind = next.kind, .owner = next.owner, .result = -ECANCELED, .is_last = true});
    }
}

/* The first request of this kind for the shard's log; REQUESTS_MAX: there is none. */
static uint32_t find_request(uint32_t shard, enum log_request kind)
{
    uint32_t at = 0;
    while (at < request_count && (requests[at].kind != kind || file_of(&requests[at])->log->shard != shard)) {
        at++;
    }
    return at < request_count ? at : REQUESTS_MAX;
}

static bool is_asked(uint32_t shard, enum log_request kind)
{
    return find_request(shard, kind) != REQUESTS_MAX;
}

static void end_first(uint32_t shard, enum log_request kind, int32_t result)
{
    const uint32_t at = find_request(shard, kind);
    cr_assert_lt(at, REQUESTS_MAX, "nothing of kind %d is asked for", kind);
    end_request(at, result);
}

/* --- a server with logs and without commands --- */

static struct config *config;
static struct server server;
static struct shard shards[SHARDS_MAX];
static struct logged_progress progress[SHARDS_MAX];
static struct thread threads[SHARDS_MAX];
static struct thread *pointers[SHARDS_MAX];
static ck_epoch_t epoch;
static struct shard_log logs[SHARDS_MAX];
static struct aof_cut *cut;
static char folder[64];
static uint64_t generation;
static uint64_t next_number; /* that a record has */
static uint64_t ends[SHARDS_MAX][STEPS]; /* of frames, by their sequence, in the file that was read last */

static bool are_direct; /* frames go past the page cache */

static struct thread *const thread = &threads[0];

static void path_of(uint64_t number, uint32_t shard, char out[128])
{
    snprintf(out, 128, "%s/log.%u.%u", folder, (unsigned)number, shard);
}

static struct aof_header header_of(uint64_t number, uint32_t shard)
{
    return (struct aof_header){.file_id = number << 8 | (shard + 1), .generation = number, .shard = shard, .shard_count = server.shard_count};
}

static void create_file(uint64_t number, uint32_t shard, char path[128])
{
    char text[AOF_HEADER_BYTES];
    const struct aof_header header = header_of(number, shard);
    aof_header_write(&header, text);
    path_of(number, shard, path);
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, text, sizeof text), (ssize_t)sizeof text);
    close(fd);
}

static struct aof_cut *new_cut(void)
{
    struct aof_cut *new = aof_cut_create(server.shard_count);
    cr_assert_not_null(new);
    return new;
}

static void settle(void);

static void open_logs(uint32_t count, enum config_appendfsync policy)
{
    char path[128];
    config = config_create();
    cr_assert_not_null(config);
    config->appendfsync = policy;
    config->loglevel = 100;
    server = (struct server){.config = config, .shards = shards, .shard_count = count, .threads = pointers, .epoch = &epoch, .command_count = 1};
    server.logged.progress = progress;
    server.logged.counts = true;
    memset(progress, 0, sizeof progress);
    ck_epoch_init(&epoch);
    for (uint32_t i = 0; i < count; i++) {
        threads[i] = (struct thread){.server = &server, .shard = &shards[i], .number = i};
        pointers[i] = &threads[i];
    }
    cr_assert(thread_open(thread));
    strcpy(folder, "/tmp/tessera-shard-log-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    cut = new_cut();
    generation = 1;
    for (uint32_t i = 0; i < count; i++) {
        const struct aof_header header = header_of(generation, i);
        create_file(generation, i, path);
        aof_cut_start(cut, i, 0);
        logs[i] = (struct shard_log){.server = &server, .cut = cut, .shard = i};
        logs[i].file = log_file_open(&logs[i], path, &header, 0);
        cr_assert_not_null(logs[i].file);
        logs[i].file->is_direct_refused = !are_direct;
    }
    settle(); /* zeros are written ahead */
}

static void close_logs(void)
{
    char path[128];
    for (uint32_t i = 0; i < server.shard_count; i++) {
        shard_log_end(&logs[i]);
        for (uint64_t number = 1; number <= generation; number++) {
            path_of(number, i, path);
            unlink(path);
        }
    }
    rmdir(folder);
    aof_cut_destroy(cut);
    config_destroy(config);
    thread_free_stats(thread);
    thread_close(thread);
    cr_assert_eq(thread_heaps_bytes(), 0);
    cr_assert_eq(server.logged.behind, 0);
}

/* A record with the next number, as the listener appends it. */
static void append(uint32_t shard)
{
    char text[32];
    snprintf(text, sizeof text, "%u", (unsigned)next_number++);
    const struct bytes word = bytes_of_string(text);
    const struct aof_record record = {.kind = AOF_EFFECT, .count = 1, .words = &word};
    cr_assert(aof_writer_append(&logs[shard].file->writer, &record));
    progress[shard].appended = aof_writer_open_sequence(&logs[shard].file->writer);
}

static uint64_t committed(uint32_t shard)
{
    return progress[shard].committed;
}

static void look(struct shard_log *log)
{
    if (log->full_error != 0) { /* a second later */
        log->retried_us = 0;
        shard_log_tend(thread, log);
    } else {
        shard_log_advance(thread, log);
    }
}

static enum shard_logs_flushed flush(void)
{
    return shard_logs_flush(thread, logs, server.shard_count, true);
}

static bool is_any_full(void)
{
    bool is_any = false;
    for (uint32_t i = 0; i < server.shard_count; i++) {
        is_any |= logs[i].full_error != 0;
    }
    return is_any;
}

/* Whatever is asked for is done, and what is asked for then. There is room on the disk, but a request may have ended before without any. */
static void settle(void)
{
    bool is_flushed = false;
    while (!is_flushed || request_count > 0 || is_any_full()) {
        while (request_count > 0) {
            end_request(0, DONE);
        }
        for (uint32_t i = 0; i < server.shard_count; i++) {
            look(&logs[i]);
        }
        is_flushed = flush() == LOGS_FLUSHED;
    }
}

/* The last frame may be a mark, which has no records. */
static void expect_all_committed(void)
{
    for (uint32_t i = 0; i < server.shard_count; i++) {
        cr_assert_eq(committed(i), logs[i].file->writer.closed);
        cr_assert_geq(committed(i), progress[i].appended);
    }
}

/* --- reading back --- */

static bool read_file(void *context, uint64_t offset, char *into, size_t len)
{
    return pread(*(int *)context, into, len, (off_t)offset) == (ssize_t)len;
}

/* Records that the frames of a file have, but for those that end units; frames have the sequences behind *last. */
static uint64_t count_records(uint64_t number, uint32_t shard, uint64_t *last)
{
    char path[128];
    struct stat status;
    struct aof_reader reader;
    struct aof_frame frame;
    struct bytes payload;
    uint64_t count = 0;
    path_of(number, shard, path);
    int fd = open(path, O_RDONLY);
    cr_assert_geq(fd, 0);
    cr_assert_eq(fstat(fd, &status), 0);
    cr_assert_eq(aof_reader_open(&reader, &(struct aof_source){&fd, (uint64_t)status.st_size, read_file}, *last + 1), AOF_READ_OK);
    enum aof_read_status read;
    while ((read = aof_reader_next(&reader, &frame, &payload)) == AOF_READ_OK) {
        cr_assert_eq(frame.sequence, *last + 1);
        *last = frame.sequence;
        struct aof_records records = {0};
        struct aof_record record;
        aof_records_open(&records, payload);
        while (aof_records_next(&records, false, &record) == AOF_RECORDS_OK) {
            count += record.kind == AOF_EFFECT;
        }
        aof_records_close(&records);
        ends[shard][frame.sequence] = reader.offset;
    }
    cr_assert_eq(read, AOF_READ_END);
    aof_reader_close(&reader);
    close(fd);
    return count;
}

/* --- one log --- */

Test(shard_log, a_frame_is_committed_when_it_is_written_and_synced)
{
    open_logs(1, APPENDFSYNC_ALWAYS);
    append(0);
    cr_assert_eq(flush(), LOGS_FLUSHED);
    cr_assert(is_asked(0, LOG_WRITE));
    cr_assert(is_asked(0, LOG_SYNC));
    end_first(0, LOG_WRITE, DONE);
    cr_assert(shard_set_has(&thread->logged.due, 0));
    cr_assert(thread->logged.is_urgent);
    shard_log_advance(thread, &logs[0]);
    cr_assert_eq(committed(0), 0);
    end_first(0, LOG_SYNC, DONE);
    cr_assert_eq(committed(0), 0); /* nobody has looked yet */
    shard_log_advance(thread, &logs[0]);
    cr_assert_eq(committed(0), 1);
    cr_assert_eq(server.logged.moves, 1);
    cr_assert_eq(logs[0].frames, 1);
    cr_assert_eq(logs[0].syncs, 1);
    settle();
    cr_assert_eq(thread->logged.requests, 0);
    close_logs();
}

Test(shard_log, a_direct_write_needs_no_sync)
{
    are_direct = true;
    open_logs(1, APPENDFSYNC_ALWAYS);
    append(0);
    cr_assert_eq(flush(), LOGS_FLUSHED);
    cr_assert_not(is_asked(0, LOG_SYNC));
    end_first(0, LOG_WRITE, DONE);
    shard_log_advance(thread, &logs[0]);
    cr_assert_eq(committed(0), 1);
    cr_assert_eq(logs[0].syncs, 1);
    settle();
    uint64_t last = 0;
    cr_assert_eq(count_records(1, 0, &last), 1);
    close_logs();
}

/* The device below may be full: then it is the sync that fails. */
Test(shard_log, a_direct_write_without_space_is_tried_the_other_way)
{
    are_direct = true;
    open_logs(1, APPENDFSYNC_ALWAYS);
    append(0);
    cr_assert_eq(flush(), LOGS_FLUSHED);
    end_first(0, LOG_WRITE, -ENOSPC);
    shard_log_advance(thread, &logs[0]);
    cr_assert_eq(logs[0].error, 0);
    cr_assert(is_asked(0, LOG_WRITE) && is_asked(0, LOG_SYNC));
    end_first(0, LOG_WRITE, DONE);
    end_first(0, LOG_SYNC, -EIO);
    shard_log_advance(thread, &logs[0]);
    cr_assert(logs[0].has_failed);
    cr_assert_eq(committed(0), 0);
    while (request_count > 0) {
        end_request(0, DONE);
    }
    close_logs();
}

Test(shard_log, records_gather_while_a_frame_is_written)
{
    open_logs(1, APPENDFSYNC_ALWAYS);
    append(0);
    cr_assert_eq(flush(), LOGS_FLUSHED);
    append(0);
    append(0);
    cr_assert_eq(flush(), LOGS_BUSY);
    end_first(0, LOG_WRITE, DONE);
    cr_assert_not(is_asked(0, LOG_WRITE));
    cr_assert_eq(flush(), LOGS_FLUSHED);
    cr_assert(is_asked(0, LOG_WRITE));
    settle();
    expect_all_committed();
    cr_assert_eq(logs[0].frames, 2);
    close_logs();
}

/* What a write may end with short of all of it, and what comes next. */
Test(shard_log, the_rest_of_a_short_write_is_written_before_it_is_synced)
{
    static const int32_t results[] = {1, 63, 64, -EINTR, -EAGAIN};
    for (size_t i = 0; i < sizeof results / sizeof results[0]; i++) {
        open_logs(1, APPENDFSYNC_ALWAYS);
        append(0);
        cr_assert_eq(flush(), LOGS_FLUSHED);
        end_first(0, LOG_WRITE, results[i]);
        cr_assert_not(is_asked(0, LOG_SYNC)); /* it was linked */
        shard_log_advance(thread, &logs[0]);
        const uint32_t rest = find_request(0, LOG_WRITE);
        cr_assert_lt(rest, REQUESTS_MAX);
        cr_assert_eq(requests[rest].offset, AOF_HEADER_BYTES + (uint64_t)(results[i] > 0 ? results[i] : 0));
        cr_assert_eq(committed(0), 0);
        settle();
        expect_all_committed();
        close_logs();
    }
}

Test(shard_log, a_full_disk_is_tried_again_with_the_same_frame)
{
    open_logs(1, APPENDFSYNC_ALWAYS);
    append(0);
    cr_assert_eq(flush(), LOGS_FLUSHED);
    end_first(0, LOG_WRITE, -ENOSPC);
    shard_log_advance(thread, &logs[0]);
    cr_assert_eq(shard_log_error(&logs[0]), ENOSPC);
    cr_assert_eq(logs[0].error, ENOSPC);
    cr_assert_not(logs[0].has_failed);
    cr_assert_eq(server.logged.error_changes, 1);
    append(0);
    shard_log_tend(thread, &logs[0]); /* not yet */
    cr_assert_not(is_asked(0, LOG_WRITE));
    logs[0].retried_us -= 2000000;
    shard_log_tend(thread, &logs[0]);
    const uint32_t again = find_request(0, LOG_WRITE);
    cr_assert_lt(again, REQUESTS_MAX);
    cr_assert_eq(requests[again].offset, AOF_HEADER_BYTES);
    cr_assert_eq(logs[0].error, ENOSPC); /* until it has succeeded */
    settle();
    cr_assert_eq(logs[0].error, 0);
    cr_assert_eq(server.logged.error_changes, 2);
    expect_all_committed();
    uint64_t last = 0;
    cr_assert_eq(count_records(1, 0, &last), 2);
    close_logs();
}

/* Makes the log of the next generation ready for the shard. */
static struct log_file *prepare_file(uint32_t shard)
{
    char path[128];
    create_file(generation + 1, shard, path);
    struct log_file *file = log_file_prepare(&logs[shard], path);
    cr_assert_not_null(file);
    file->is_direct_refused = !are_direct;
    return file;
}

Test(shard_log, after_a_failed_sync_only_a_new_base_helps)
{
    open_logs(1, APPENDFSYNC_ALWAYS);
    append(0);
    cr_assert_eq(flush(), LOGS_FLUSHED);
    end_first(0, LOG_WRITE, DONE);
    end_first(0, LOG_SYNC, -EIO);
    shard_log_advance(thread, &logs[0]);
    cr_assert(logs[0].has_failed);
    cr_assert_eq(logs[0].error, EIO);
    cr_assert_eq(committed(0), 0);
    /* The log begins anew; what is written there counts when a base is named. */
    struct aof_cut *next = new_cut();
    const struct aof_header header = header_of(2, 0);
    shard_log_go_over(&logs[0], prepare_file(0), &header, next);
    generation = 2;
    const uint64_t base = logs[0].file->writer.closed;
    aof_cut_start(next, 0, base);
    aof_cut_destroy(cut);
    cut = next;
    append(0);
    settle();
    cr_assert_eq(committed(0), 0);
    cr_assert_eq(logs[0].error, EIO);
    shard_log_settle(thread, &logs[0], base);
    expect_all_committed();
    cr_assert_eq(logs[0].error, 0);
    cr_assert_not(logs[0].has_failed);
    close_logs();
}

Test(shard_log, every_second_is_synced_once_a_second)
{
    open_logs(1, APPENDFSYNC_EVERYSEC);
    append(0);
    cr_assert_eq(flush(), LOGS_FLUSHED);
    settle(); /* the first sync is due at once */
    expect_all_committed();
    append(0);
    cr_assert_eq(flush(), LOGS_FLUSHED);
    end_first(0, LOG_WRITE, DONE);
    shard_log_advance(thread, &logs[0]);
    cr_assert_not(is_asked(0, LOG_SYNC));
    cr_assert_eq(committed(0), 1);
    logs[0].file->sync_began_us -= 1000000;
    shard_log_tend(thread, &logs[0]);
    cr_assert(is_asked(0, LOG_SYNC));
    settle();
    expect_all_committed();
    close_logs();
}

Test(shard_log, syncs_are_put_off_while_a_base_is_written_but_for_always)
{
    open_logs(1, APPENDFSYNC_EVERYSEC);
    config->no_appendfsync_on_rewrite = 1;
    server.logged.is_saving = true;
    append(0);
    settle();
    cr_assert_eq(committed(0), 0);
    config->appendfsync = APPENDFSYNC_ALWAYS;
    settle();
    expect_all_committed();
    close_logs();
}

Test(shard_log, without_syncs_nothing_is_committed)
{
    open_logs(1, APPENDFSYNC_NO);
    append(0);
    settle();
    cr_assert_eq(logs[0].frames, 1);
    cr_assert_eq(committed(0), 0);
    close_logs();
}

Test(shard_log, before_a_pause_a_mark_tells_what_is_on_disk)
{
    open_logs(1, APPENDFSYNC_ALWAYS);
    append(0);
    settle();
    shard_log_tend(thread, &logs[0]);
    cr_assert_not(is_asked(0, LOG_WRITE)); /* it was busy a moment ago */
    logs[0].file->sync_began_us -= 1000000;
    shard_log_tend(thread, &logs[0]);
    const uint32_t mark = find_request(0, LOG_WRITE);
    cr_assert_lt(mark, REQUESTS_MAX);
    cr_assert_eq(requests[mark].len, AOF_FRAME_BYTES);
    settle();
    close_logs();
}

Test(shard_log, who_brings_more_than_the_disk_takes_holds_writes_back)
{
    open_logs(1, APPENDFSYNC_ALWAYS);
    append(0);
    cr_assert_eq(flush(), LOGS_FLUSHED);
    char *text = calloc(1, 33 << 20);
    const struct bytes word = {text, 33 << 20};
    cr_assert(aof_writer_append(&logs[0].file->writer, &(struct aof_record){.kind = AOF_EFFECT, .count = 1, .words = &word}));
    free(text);
    shard_log_advance(thread, &logs[0]);
    cr_assert_eq(server.logged.behind, 1);
    cr_assert_geq(logs[0].pending_bytes, 33 << 20);
    settle();
    cr_assert_eq(server.logged.behind, 0);
    close_logs();
}

Test(shard_log, whose_file_is_not_there_is_not_opened)
{
    open_logs(1, APPENDFSYNC_ALWAYS);
    const struct aof_header header = header_of(9, 0);
    errno = 0;
    cr_assert_null(log_file_open(&logs[0], "/nowhere/log", &header, 0));
    cr_assert_eq(errno, ENOENT);
    close_logs();
}

/* --- another file --- */

Test(shard_log, frames_of_the_next_file_wait_until_those_before_are_on_disk)
{
    open_logs(1, APPENDFSYNC_ALWAYS);
    append(0);
    struct log_file *before = logs[0].file;
    const struct aof_header header = header_of(2, 0);
    shard_log_go_over(&logs[0], prepare_file(0), &header, NULL);
    generation = 2;
    append(0);
    cr_assert_eq(flush(), LOGS_BUSY);
    cr_assert_eq(file_of(&requests[find_request(0, LOG_WRITE)]), before);
    end_first(0, LOG_WRITE, DONE);
    shard_log_advance(thread, &logs[0]);
    cr_assert_not(is_asked(0, LOG_WRITE));
    cr_assert(logs[0].has_previous);
    end_first(0, LOG_SYNC, DONE);
    while (flush() == LOGS_BUSY) { /* the next file's zeros */
        end_first(0, LOG_ZERO, DONE);
    }
    cr_assert_eq(file_of(&requests[find_request(0, LOG_WRITE)]), logs[0].file);
    settle();
    expect_all_committed();
    cr_assert_not(logs[0].has_previous);
    cr_assert_null(logs[0].retired);
    uint64_t last = 0;
    cr_assert_eq(count_records(1, 0, &last), 1);
    cr_assert_eq(count_records(2, 0, &last), 1);
    close_logs();
}

Test(shard_log, that_is_turned_off_lets_its_requests_end)
{
    open_logs(1, APPENDFSYNC_ALWAYS);
    append(0);
    cr_assert_eq(flush(), LOGS_FLUSHED);
    shard_log_turn_off(thread, &logs[0]);
    cr_assert_null(logs[0].file);
    cr_assert_not_null(logs[0].retired);
    while (request_count > 0) {
        end_request(0, DONE);
    }
    shard_log_tend(thread, &logs[0]);
    cr_assert_null(logs[0].retired);
    cr_assert_eq(committed(0), 0);
    close_logs();
}

/* --- several logs --- */

Test(shard_log, frames_that_are_closed_together_are_committed_together)
{
    open_logs(2, APPENDFSYNC_ALWAYS);
    settle();
    append(0);
    append(1);
    shard_log_advance(thread, &logs[0]);
    cr_assert_eq(request_count, 0); /* no log by itself */
    cr_assert_eq(flush(), LOGS_FLUSHED);
    end_first(0, LOG_WRITE, DONE);
    end_first(0, LOG_SYNC, DONE);
    shard_log_advance(thread, &logs[0]);
    cr_assert_eq(committed(0), 0);
    end_first(1, LOG_WRITE, DONE);
    end_first(1, LOG_SYNC, DONE);
    shard_log_advance(thread, &logs[1]);
    cr_assert_eq(committed(0), 1);
    cr_assert_eq(committed(1), 1);
    settle();
    close_logs();
}

Test(shard_log, none_is_closed_while_one_is_written_that_has_more)
{
    open_logs(2, APPENDFSYNC_ALWAYS);
    settle();
    append(0);
    cr_assert_eq(flush(), LOGS_FLUSHED);
    append(0);
    append(1);
    cr_assert_eq(flush(), LOGS_BUSY);
    cr_assert_not(is_asked(1, LOG_WRITE));
    end_first(0, LOG_WRITE, DONE);
    cr_assert_eq(flush(), LOGS_FLUSHED);
    cr_assert(is_asked(1, LOG_WRITE));
    settle();
    expect_all_committed();
    close_logs();
}

Test(shard_log, threads_with_replies_that_wait_are_woken)
{
    open_logs(3, APPENDFSYNC_ALWAYS);
    threads[0].logged.has_held = threads[1].logged.has_held = true;
    threads[1].is_asleep = threads[2].is_asleep = true;
    append(0);
    settle();
    cr_assert_eq(wakes, 1);
    cr_assert_not(threads[1].is_asleep);
    cr_assert(threads[2].is_asleep);
    close_logs();
}

Test(shard_log, at_the_end_all_that_is_left_is_written)
{
    open_logs(2, APPENDFSYNC_EVERYSEC);
    append(0);
    append(1);
    cr_assert_eq(flush(), LOGS_FLUSHED);
    while (request_count > 0) {
        end_request(0, 5); /* of each a part */
    }
    const struct aof_header header = header_of(2, 0);
    shard_log_go_over(&logs[0], prepare_file(0), &header, NULL);
    char path[128];
    create_file(2, 1, path);
    generation = 2;
    append(0);
    append(1);
    shard_log_end(&logs[0]);
    shard_log_end(&logs[1]);
    uint64_t last[2] = {0, 0};
    cr_assert_eq(count_records(1, 0, &last[0]), 1);
    cr_assert_eq(count_records(2, 0, &last[0]), 1);
    cr_assert_eq(count_records(1, 1, &last[1]), 2);
    close_logs();
}

/* --- at random --- */

struct commit {
    uint32_t shard;
    uint64_t sequence, synced_end;
};

static struct commit commits[STEPS];
static uint32_t commit_count;

/* Notes how much of its file was on disk when a frame was called committed. */
static void note_commits(uint64_t before[SHARDS_MAX])
{
    for (uint32_t i = 0; i < server.shard_count; i++) {
        if (committed(i) != before[i]) {
            before[i] = committed(i);
            commits[commit_count++] = (struct commit){i, committed(i), synced_end[i]};
        }
    }
}

/* A request ends as a disk may end it that is full now and then. */
static void end_at_random(void)
{
    static const int32_t results[] = {DONE, DONE, DONE, DONE, 1, 100, -EINTR, -ENOSPC};
    const uint32_t at = (uint32_t)rand() % request_count;
    const bool has_first = at > 0 && requests[at - 1].is_followed; /* a linked sync comes behind its write */
    const bool may_fail = requests[at].kind == LOG_WRITE;
    if (!has_first) {
        end_request(at, may_fail ? results[(size_t)rand() % (sizeof results / sizeof results[0])] : DONE);
    }
}

static void step_at_random(void)
{
    const uint32_t shard = (uint32_t)rand() % server.shard_count;
    switch (rand() % 6) {
    case 0:
    case 1:
        append(shard);
        break;
    case 2:
        (void)flush();
        break;
    case 3:
        logs[shard].retried_us = 0;
        logs[shard].file->sync_began_us -= rand() % 2 * 1000000;
        shard_log_tend(thread, &logs[shard]);
        break;
    default:
        if (request_count > 0) {
            end_at_random();
        }
        shard_log_advance(thread, &logs[shard]);
    }
}

Test(shard_log, what_is_committed_is_on_disk)
{
    const char *asked = getenv("TESSERA_SEED");
    const unsigned seed = asked != NULL ? (unsigned)atoi(asked) : (unsigned)time(NULL);
    srand(seed);
    for (uint32_t turn = 0; turn < 2 * SHARDS_MAX; turn++) {
        const uint32_t count = 1 + turn % SHARDS_MAX;
        are_direct = turn < SHARDS_MAX;
        uint64_t before[SHARDS_MAX] = {0};
        open_logs(count, count == 2 ? APPENDFSYNC_EVERYSEC : APPENDFSYNC_ALWAYS);
        memset(written_end, 0, sizeof written_end);
        memset(synced_end, 0, sizeof synced_end);
        commit_count = 0;
        const uint64_t first = next_number;
        for (int step = 0; step < STEPS; step++) {
            step_at_random();
            note_commits(before);
        }
        config->appendfsync = APPENDFSYNC_ALWAYS;
        settle();
        expect_all_committed();
        uint64_t records = 0;
        for (uint32_t i = 0; i < count; i++) {
            uint64_t last = 0;
            records += count_records(1, i, &last);
        }
        cr_assert_eq(records, next_number - first, "seed %u", seed);
        cr_assert_gt(commit_count, 100);
        for (uint32_t i = 0; i < commit_count; i++) {
            cr_assert_leq(ends[commits[i].shard][commits[i].sequence], commits[i].synced_end, "seed %u, %u shards, frame %u", seed, count,
                          (unsigned)commits[i].sequence);
        }
        close_logs();
    }
}

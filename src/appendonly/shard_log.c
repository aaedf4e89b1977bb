/* shard_log.c - see shard_log.h.  */
#include "appendonly/shard_log.h"

#include "aof/unit.h"
#include "base/clock.h"
#include "mem/heap.h"
#include "shard/key_lock.h"
#include "shard/log.h"
#include "shard/message.h"
#include "shard/observer.h"
#include "shard/thread.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    ZEROS_PIECE = 1 << 20,
    WRITE_MAX = 1 << 26,            /* bytes a request */
    BEHIND_BYTES = 32 << 20,        /* of a shard that wait for the disk: then writes wait */
    SECOND_US = 1000000,
    SYNC_LATE_US = 2 * SECOND_US,
    RETRY_US = SECOND_US,           /* when the disk was full */
    MARK_US = SECOND_US,            /* of no frames, before a mark */
};
_Static_assert(ZEROS_PIECE % AOF_ZERO_ALIGN == 0, "aof_writer_open");

static _Alignas(AOF_ZERO_ALIGN) const char zeros[ZEROS_PIECE];

/* --- files --- */

static void on_event(struct ring_owner *owner, const struct ring_event *event);

struct log_file *log_file_prepare(struct shard_log *log, const char *path)
{
    struct log_file *file = thread_alloc_zeroed(MEM_SERVER, sizeof *file);
    if (file == NULL) {
        errno = ENOMEM;
        return NULL;
    }
    file->owner.on_event = on_event;
    file->log = log;
    file->fd = open(path, O_RDWR | O_CLOEXEC);
    if (file->fd < 0) {
        const int error = errno;
        thread_free(MEM_SERVER, file, sizeof *file);
        errno = error;
        return NULL;
    }
    file->direct_fd = open(path, O_WRONLY | O_CLOEXEC | O_DIRECT);
    return file;
}

/* How far a file is prepared ahead at once. */
static uint64_t zeros_piece(const struct log_file *file)
{
    return file->direct_fd >= 0 ? ZEROS_PIECE : 0;
}

struct log_file *log_file_open(struct shard_log *log, const char *path, const struct aof_header *header, uint64_t last)
{
    struct log_file *file = log_file_prepare(log, path);
    if (file != NULL) {
        aof_writer_open(&file->writer, header, last, AOF_HEADER_BYTES, zeros_piece(file));
    }
    return file;
}

void log_file_close(struct log_file *file)
{
    aof_writer_close(&file->writer);
    direct_write_close(&file->direct);
    close(file->fd);
    if (file->direct_fd >= 0) {
        close(file->direct_fd);
    }
    thread_free(MEM_SERVER, file, sizeof *file);
}

/* --- the cut --- */

static bool raise_committed(struct logged_progress *progress, uint64_t committed)
{
    uint64_t before = atomic_load_explicit(&progress->committed, memory_order_relaxed);
    while (before < committed &&
           !atomic_compare_exchange_weak_explicit(&progress->committed, &before, committed, memory_order_release, memory_order_relaxed)) {
    }
    return before < committed;
}

void shard_log_publish(struct thread *thread, struct server *server, struct aof_cut *cut, const uint32_t *moved, uint32_t count)
{
    bool has_moved = false;
    for (uint32_t i = 0; i < count; i++) {
        has_moved |= raise_committed(&server->logged.progress[moved[i]], aof_cut_committed(cut, moved[i]));
    }
    if (!has_moved || thread == NULL) {
        return;
    }
    atomic_fetch_add_explicit(&server->logged.moves, 1, memory_order_seq_cst);
    for (uint32_t i = 0; i < server->shard_count; i++) {
        struct thread *other = server_thread(server, i);
        if (other != thread && atomic_load_explicit(&other->logged.has_held, memory_order_seq_cst)) {
            thread_wake(thread, other);
        }
    }
}

static void tell_durable(struct thread *thread, struct shard_log *log, uint64_t sequence)
{
    uint32_t moved[AOF_SHARDS_MAX];
    const uint32_t count = aof_cut_durable(log->cut, log->shard, sequence, moved);
    shard_log_publish(thread, log->server, log->cut, moved, count);
}

/* --- requests --- */

/* The thread looks at the log at the end of its turn. */
static void make_due(struct thread *thread, const struct shard_log *log)
{
    shard_set_add(&thread->logged.due, log->shard);
    thread->logged.is_urgent = true;
}

/* Redis's names: a write under way beside a sync is a write that had to wait for it there. NULL: not measured. */
static const char *latency_event(const struct log_file *file, enum log_request request)
{
    const struct server *server = file->log->server;
    if (LIKELY(atomic_load_explicit(&server->config->latency_monitor_threshold, memory_order_relaxed) == 0) || request == LOG_ZERO) {
        return NULL;
    }
    if (request == LOG_SYNC) {
        return atomic_load_explicit(&server->config->appendfsync, memory_order_relaxed) == APPENDFSYNC_ALWAYS ? "aof-fsync-always" : NULL;
    }
    return file->is_under_way[LOG_SYNC]                                               ? "aof-write-pending-fsync"
           : atomic_load_explicit(&server->logged.is_saving, memory_order_relaxed)    ? "aof-write-active-child"
                                                                                      : "aof-write-alone";
}

/* Without a baton: the request has come back to the thread that made it. */
static void report_latency(struct server *server, const struct log_file *file, enum log_request request)
{
    const int64_t ms = (clock_monotonic_us() - file->began_us[request]) / 1000;
    if (ms == 0 || server->observer == NULL) {
        return;
    }
    if (request == LOG_WRITE) {
        server->observer->slow_event(server, "aof-write", ms);
    }
    server->observer->slow_event(server, file->events[request], ms);
}

/* On the thread whose ring has the request. */
static void on_event(struct ring_owner *owner, const struct ring_event *event)
{
    struct log_file *file = (struct log_file *)((char *)owner - offsetof(struct log_file, owner));
    struct thread *thread = thread_self();
    assert(thread->logged.requests > 0);
    thread->logged.requests--;
    make_due(thread, file->log);
    if (UNLIKELY(file->events[event->kind] != NULL)) {
        report_latency(thread->server, file, (enum log_request)event->kind);
    }
    file->results[event->kind] = event->result;
    atomic_fetch_or_explicit(&file->back, 1u << event->kind, memory_order_release); /* from now on it is anybody's */
}

static void begin(struct thread *thread, struct log_file *file, enum log_request request, uint64_t bytes)
{
    assert(!file->is_under_way[request]);
    file->is_under_way[request] = true;
    file->asked[request] = (int64_t)bytes;
    file->events[request] = latency_event(file, request);
    if (UNLIKELY(file->events[request] != NULL)) {
        file->began_us[request] = clock_monotonic_us();
    }
    thread->logged.requests++;
}

static void request_sync(struct thread *thread, struct log_file *file)
{
    begin(thread, file, LOG_SYNC, 0);
    file->sync_began_us = clock_monotonic_us();
    ring_sync(&thread->ring, file->fd, LOG_SYNC, &file->owner);
}

/* With `always` a frame is on disk when one request has ended, if all before it is, and the file system can. */
static bool request_direct_write(struct thread *thread, struct log_file *file, const struct aof_write *write)
{
    struct bytes blocks = {0};
    uint64_t offset = 0;
    if (file->direct_fd >= 0 && !file->is_direct_refused && !file->is_direct_put_off && file->writer.synced == file->writer.written && write->offset == file->writer.end) {
        blocks = direct_write_begin(&file->direct, file->fd, write->bytes, write->offset, &offset);
    }
    if (blocks.len == 0) {
        return false;
    }
    begin(thread, file, LOG_WRITE, write->bytes.len);
    file->is_direct = true;
    file->sync_began_us = clock_monotonic_us();
    ring_write_durable(&thread->ring, file->direct_fd, blocks.data, (uint32_t)blocks.len, offset, LOG_WRITE, &file->owner);
    return true;
}

static void request_write(struct thread *thread, struct log_file *file, const struct aof_write *write, bool is_synced)
{
    if (is_synced && request_direct_write(thread, file, write)) {
        return;
    }
    const uint32_t len = write->bytes.len < WRITE_MAX ? (uint32_t)write->bytes.len : WRITE_MAX;
    begin(thread, file, LOG_WRITE, len);
    ring_write(&thread->ring, file->fd, write->bytes.data, len, write->offset, is_synced, LOG_WRITE, &file->owner);
    if (is_synced) {
        request_sync(thread, file);
    }
}

/* --- what has ended --- */

/* The sync that the writer was asked for. */
static void note_sync(struct thread *thread, struct log_file *file, int error)
{
    struct shard_log *log = file->log;
    log->syncs++;
    log->delayed_syncs += clock_monotonic_us() - file->sync_began_us > SYNC_LATE_US;
    aof_writer_synced(&file->writer, error);
    if (!file->writer.has_error && !file->is_retired && !log->is_unnamed) {
        tell_durable(thread, log, file->writer.synced);
    }
}

static void note_write_state(struct log_file *file, int64_t result)
{
    struct shard_log *log = file->log;
    log->frames += file->writer.write_state == AOF_WRITE_IDLE;
    log->written_bytes += result > 0 ? (uint64_t)result : 0;
    if (file->writer.write_state == AOF_WRITE_FULL) {
        if (log->full_error == 0) {
            log_write(log->server->config, LOG_LEVEL_WARNING, "Error writing to the log of shard %u: %s", log->shard, strerror(file->writer.error));
        }
        log->full_error = file->writer.error;
        log->retried_us = clock_monotonic_us();
    } else if (file->writer.write_state == AOF_WRITE_IDLE) {
        log->full_error = 0;
        file->is_direct_put_off = false; /* that frame is there */
    }
}

/* A lack of space may be the file system's, or of the device below, which is a failed sync: the same frame is written another way, by which the two
 * can be told from each other.  */
static int64_t direct_result(struct log_file *file)
{
    const int64_t result = direct_write_ended(&file->direct, file->results[LOG_WRITE]);
    file->is_direct_refused |= result == -EINVAL || result == -EOPNOTSUPP;
    const bool is_tried_again = file->is_direct_refused || result == -ENOSPC || result == -EDQUOT;
    file->is_direct_put_off = is_tried_again;
    return is_tried_again ? -EAGAIN : result;
}

static void end_write(struct thread *thread, struct log_file *file)
{
    const bool is_direct = file->is_direct;
    const int64_t result = is_direct ? direct_result(file) : file->results[LOG_WRITE];
    file->is_direct = false;
    aof_writer_written(&file->writer, result);
    if (!file->is_retired) {
        note_write_state(file, result);
    }
    if (result != file->asked[LOG_WRITE] || (!is_direct && (!file->is_under_way[LOG_SYNC] || file->is_sync_taken))) {
        return;
    }
    const bool is_taken = aof_writer_take_sync(&file->writer);
    if (is_direct && is_taken) {
        note_sync(thread, file, 0);
    } else {
        file->is_sync_taken = is_taken; /* the linked one */
    }
}

static void end_sync(struct thread *thread, struct log_file *file)
{
    if (file->is_sync_taken) { /* else it was linked to a write that was not complete */
        file->is_sync_taken = false;
        note_sync(thread, file, file->results[LOG_SYNC] < 0 ? -file->results[LOG_SYNC] : 0);
    }
}

static void collect(struct thread *thread, struct log_file *file)
{
    const uint32_t back = atomic_exchange_explicit(&file->back, 0, memory_order_acquire);
    if ((back & 1u << LOG_WRITE) != 0) {
        file->is_under_way[LOG_WRITE] = false;
        end_write(thread, file);
    }
    if ((back & 1u << LOG_SYNC) != 0) {
        file->is_under_way[LOG_SYNC] = false;
        end_sync(thread, file);
    }
    if ((back & 1u << LOG_ZERO) != 0) {
        file->is_under_way[LOG_ZERO] = false;
        const int32_t result = file->results[LOG_ZERO];
        aof_writer_zeroed(&file->writer, result == file->asked[LOG_ZERO] ? 0 : result < 0 ? -result : EIO);
    }
}

/* --- what is to be done --- */

static enum config_appendfsync sync_policy(const struct server *server)
{
    return (enum config_appendfsync)atomic_load_explicit(&server->config->appendfsync, memory_order_relaxed);
}

/* no-appendfsync-on-rewrite. With `always` replies wait for the syncs: there they go on. */
static bool syncs_are_put_off(const struct server *server)
{
    return atomic_load_explicit(&server->config->no_appendfsync_on_rewrite, memory_order_relaxed) != 0 &&
           atomic_load_explicit(&server->logged.is_saving, memory_order_relaxed);
}

static bool is_sync_due(const struct log_file *file)
{
    const struct server *server = file->log->server;
    if (file->writer.is_finished || atomic_load_explicit(&server->logged.syncs_all, memory_order_relaxed)) {
        return true; /* the next file waits for it, or the end does */
    }
    if (sync_policy(server) == APPENDFSYNC_ALWAYS) {
        return true;
    }
    return sync_policy(server) == APPENDFSYNC_EVERYSEC && !syncs_are_put_off(server) && clock_monotonic_us() - file->sync_began_us >= SECOND_US;
}

static void truncate_file(struct log_file *file, uint64_t bytes)
{
    aof_writer_truncated(&file->writer, ftruncate(file->fd, (off_t)bytes) == 0 ? 0 : errno);
}

enum closing { CLOSES, CLOSES_EMPTY, CLOSES_NONE };

static enum aof_todo take(const struct thread *thread, struct log_file *file, enum closing closing, struct aof_write *out)
{
    struct aof_writer *writer = &file->writer;
    const uint64_t committed = aof_cut_committed(file->log->cut, file->log->shard);
    const bool is_begun = writer->write_state != AOF_WRITE_IDLE; /* that goes on in any case */
    if (closing == CLOSES_EMPTY && writer->record_count == 0) {
        return aof_writer_take_mark(writer, committed, thread->now_ms, out);
    }
    return closing == CLOSES || is_begun || writer->is_finished ? aof_writer_take(writer, committed, thread->now_ms, out) : AOF_NOTHING;
}

/* Writes what has been closed, or may be closed. */
static void advance_file(struct thread *thread, struct log_file *file, enum closing closing)
{
    struct aof_write write;
    const struct server *server = thread->server;
    uint64_t offset, len;
    collect(thread, file);
    if (!file->is_under_way[LOG_WRITE]) {
        enum aof_todo todo = AOF_TRUNCATE;
        while (todo == AOF_TRUNCATE) {
            todo = take(thread, file, closing, &write);
            if (todo == AOF_TRUNCATE) {
                truncate_file(file, write.offset);
            }
        }
        if (todo == AOF_WRITE) {
            const bool is_synced = sync_policy(server) == APPENDFSYNC_ALWAYS && !file->is_under_way[LOG_SYNC];
            request_write(thread, file, &write, is_synced);
        }
    }
    if (!file->is_under_way[LOG_SYNC] && is_sync_due(file) && aof_writer_take_sync(&file->writer)) {
        file->is_sync_taken = true;
        request_sync(thread, file);
    }
    if (!file->is_under_way[LOG_ZERO] && sync_policy(server) == APPENDFSYNC_ALWAYS && aof_writer_take_zeros(&file->writer, &offset, &len)) {
        begin(thread, file, LOG_ZERO, len);
        ring_write(&thread->ring, file->direct_fd, zeros, (uint32_t)len, offset, false, LOG_ZERO, &file->owner);
    }
}

/* --- figures, and who is held back --- */

static void set_behind(struct shard_log *log, bool is_behind)
{
    if (log->is_behind != is_behind) {
        log->is_behind = is_behind;
        atomic_fetch_add_explicit(&log->server->logged.behind, is_behind ? 1 : (uint32_t)-1, memory_order_relaxed);
    }
}

/* --- files that are not needed --- */

static void retire(struct shard_log *log, struct log_file *file)
{
    if (file != NULL) {
        file->is_retired = true;
        file->next = log->retired;
        log->retired = file;
    }
}

static bool is_idle(struct log_file *file)
{
    return !file->is_under_way[LOG_WRITE] && !file->is_under_way[LOG_SYNC] && !file->is_under_way[LOG_ZERO];
}

static void reap(struct thread *thread, struct shard_log *log)
{
    struct log_file **at = &log->retired;
    while (*at != NULL) {
        struct log_file *file = *at;
        collect(thread, file);
        if (is_idle(file)) {
            *at = file->next;
            log_file_close(file);
        } else {
            at = &file->next;
        }
    }
}

static int error_of(const struct log_file *file)
{
    return aof_writer_has_failed(&file->writer) ? file->writer.error : file->log->full_error;
}

int shard_log_error(const struct shard_log *log)
{
    const int error = log->is_unnamed && log->unnamed_error != 0 ? log->unnamed_error : error_of(log->file);
    return error != 0 || log->previous == NULL ? error : error_of(log->previous);
}

bool shard_log_is_written(struct shard_log *log)
{
    const struct aof_writer *writer = log->file != NULL ? &log->file->writer : NULL;
    return writer != NULL && log->previous == NULL && !log->is_unnamed && is_idle(log->file) && writer->record_count == 0 && writer->write_state == AOF_WRITE_IDLE;
}

static void note_state(struct shard_log *log)
{
    uint64_t pending = aof_writer_pending_bytes(&log->file->writer);
    const int error = shard_log_error(log);
    if (log->previous != NULL) {
        pending += aof_writer_pending_bytes(&log->previous->writer);
    }
    const bool has_failed = log->is_unnamed || aof_writer_has_failed(&log->file->writer) ||
                            (log->previous != NULL && aof_writer_has_failed(&log->previous->writer));
    __atomic_store_n(&log->has_failed, has_failed, __ATOMIC_RELAXED);
    __atomic_store_n(&log->has_previous, log->previous != NULL, __ATOMIC_RELEASE);
    __atomic_store_n(&log->pending_bytes, pending, __ATOMIC_RELAXED);
    __atomic_store_n(&log->is_syncing, log->file->is_under_way[LOG_SYNC], __ATOMIC_RELAXED);
    if (error != log->error) {
        __atomic_store_n(&log->error, error, __ATOMIC_RELAXED);
        atomic_fetch_add_explicit(&log->server->logged.error_changes, 1, memory_order_release);
    }
    set_behind(log, error == 0 && pending > (log->is_behind ? BEHIND_BYTES / 2 : BEHIND_BYTES));
}

static void advance(struct thread *thread, struct shard_log *log, enum closing closing)
{
    if (UNLIKELY(log->previous != NULL)) {
        advance_file(thread, log->previous, CLOSES);
    }
    advance_file(thread, log->file, closing);
    if (UNLIKELY(log->previous != NULL && log->file->writer.previous == NULL)) {
        retire(log, log->previous);
        log->previous = NULL;
    }
    if (UNLIKELY(log->retired != NULL)) {
        reap(thread, log);
    }
    note_state(log);
}

void shard_log_advance(struct thread *thread, struct shard_log *log)
{
    if (log->file != NULL) {
        advance(thread, log, CLOSES_NONE);
    } else if (log->retired != NULL) {
        reap(thread, log);
    }
}

/* --- another file --- */

void shard_log_go_over(struct shard_log *log, struct log_file *file, const struct aof_header *header, struct aof_cut *cut)
{
    if (cut == NULL) {
        assert(log->previous == NULL);
        aof_writer_finish(&log->file->writer);
        aof_writer_follow(&file->writer, header, &log->file->writer, AOF_HEADER_BYTES, zeros_piece(file));
        log->previous = log->file;
    } else {
        const struct logged_progress *progress = &log->server->logged.progress[log->shard];
        const uint64_t last = log->file != NULL ? aof_writer_open_sequence(&log->file->writer)
                                                : atomic_load_explicit(&progress->appended, memory_order_relaxed);
        aof_writer_open(&file->writer, header, last, AOF_HEADER_BYTES, zeros_piece(file));
        log->unnamed_error = log->file != NULL ? shard_log_error(log) : 0;
        retire(log, log->previous);
        retire(log, log->file);
        log->previous = NULL;
        log->cut = cut;
        log->is_unnamed = true;
        log->full_error = 0;
    }
    log->file = file;
    note_state(log);
}

void shard_log_settle(struct thread *thread, struct shard_log *log, uint64_t sequence)
{
    aof_writer_forget_previous(&log->file->writer);
    retire(log, log->previous);
    log->previous = NULL;
    log->is_unnamed = false;
    log->written_bytes = log->file->writer.end;
    tell_durable(thread, log, log->file->writer.synced > sequence ? log->file->writer.synced : sequence);
    shard_log_publish(thread, log->server, log->cut, &log->shard, 1); /* a new cut begins with that */
    reap(thread, log);
    note_state(log);
}

void shard_log_turn_off(struct thread *thread, struct shard_log *log)
{
    aof_writer_fail(&log->file->writer, 0);
    retire(log, log->previous);
    retire(log, log->file);
    log->file = log->previous = NULL;
    log->full_error = 0;
    log->is_unnamed = false;
    set_behind(log, false);
    reap(thread, log);
    __atomic_store_n(&log->error, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&log->pending_bytes, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&log->is_syncing, false, __ATOMIC_RELAXED);
    atomic_fetch_add_explicit(&log->server->logged.error_changes, 1, memory_order_release);
}

/* What is written to a file that has no name any more is lost with the process. */
static void look_at_name(struct shard_log *log, int64_t now_us)
{
    struct stat state;
    if (now_us - log->looked_us < SECOND_US || aof_writer_has_failed(&log->file->writer)) {
        return;
    }
    log->looked_us = now_us;
    if (fstat(log->file->fd, &state) == 0 && state.st_nlink == 0) {
        log_write(log->server->config, LOG_LEVEL_WARNING, "The file of the log of shard %u has been deleted", log->shard);
        aof_writer_fail(&log->file->writer, ENOENT);
    }
}

void shard_log_tend(struct thread *thread, struct shard_log *log)
{
    if (log->file == NULL) {
        shard_log_advance(thread, log);
        return;
    }
    const int64_t now_us = clock_monotonic_us();
    look_at_name(log, now_us);
    if (log->full_error != 0 && now_us - log->retried_us >= RETRY_US) {
        log->retried_us = now_us;
        aof_writer_retry(&log->file->writer);
        if (log->previous != NULL) {
            aof_writer_retry(&log->previous->writer);
        }
    }
    const bool is_quiet = now_us - log->file->sync_began_us >= MARK_US; /* a mark before a pause */
    advance(thread, log, is_quiet && log->file->writer.record_count == 0 ? CLOSES_EMPTY : CLOSES_NONE);
}

static bool has_records(const struct shard_log *log)
{
    const struct aof_writer *writer = &log->file->writer;
    assert(writer->open_unit == 0); /* units have ended, or are set apart, where batons are given up */
    return writer->record_count > 0 && !aof_writer_has_failed(writer);
}

void shard_logs_bind(struct shard_log *logs, uint32_t count)
{
    struct aof_writer *writers[SHARD_COUNT_MAX];
    uint32_t found = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (has_records(&logs[i])) {
            writers[found++] = &logs[i].file->writer;
        }
    }
    if (found > 1) {
        const bool is_bound = aof_flush_end(writers, found, effects_new_unit(&logs[0].server->effects), logs[0].cut);
        (void)is_bound; /* without memory those have FAILED */
    }
}

enum shard_logs_flushed shard_logs_flush(struct thread *thread, struct shard_log *logs, uint32_t count, bool has_waited)
{
    bool are_ready = true;
    if (logs[0].file == NULL) {
        return LOGS_FLUSHED; /* the log is off */
    }
    for (uint32_t i = 0; i < count; i++) {
        shard_log_advance(thread, &logs[i]);
        are_ready = are_ready && (!has_records(&logs[i]) || aof_writer_is_ready(&logs[i].file->writer));
    }
    if (!are_ready) {
        return LOGS_BUSY;
    }
    if (!has_waited && !shards_changes_are_whole(thread->server)) {
        return LOGS_HALF_DONE;
    }
    shard_logs_bind(logs, count);
    for (uint32_t i = 0; i < count; i++) {
        advance(thread, &logs[i], CLOSES);
    }
    return LOGS_FLUSHED;
}

/* --- the end --- */

bool shard_log_is_synced(const struct shard_log *log)
{
    return !log->is_unnamed && aof_writer_is_synced(&log->file->writer) && (log->previous == NULL || aof_writer_is_synced(&log->previous->writer));
}

static void collect_at_end(struct log_file *file)
{
    const uint32_t back = atomic_load_explicit(&file->back, memory_order_acquire);
    for (int i = 0; i < LOG_REQUESTS; i++) {
        assert(!file->is_under_way[i] || (back & 1u << i) != 0);
        (void)back;
    }
    collect(NULL, file);
}

/* Nothing is under way. True: all is on disk. */
static bool end_file(struct log_file *file, uint64_t committed)
{
    struct aof_write write;
    collect_at_end(file);
    aof_writer_retry(&file->writer);
    for (;;) {
        const enum aof_todo todo = aof_writer_take_mark(&file->writer, committed, clock_wall_ms(), &write);
        if (todo == AOF_TRUNCATE) {
            truncate_file(file, write.offset);
        } else if (todo == AOF_WRITE) {
            const ssize_t done = pwrite(file->fd, write.bytes.data, write.bytes.len, (off_t)write.offset);
            aof_writer_written(&file->writer, done < 0 ? -errno : done);
        } else if (aof_writer_take_sync(&file->writer)) {
            aof_writer_synced(&file->writer, fdatasync(file->fd) == 0 ? 0 : errno);
        } else {
            break;
        }
    }
    return aof_writer_is_synced(&file->writer);
}

static void end_retired(struct shard_log *log)
{
    for (struct log_file *file = log->retired; file != NULL; file = file->next) {
        collect_at_end(file);
    }
    reap(NULL, log);
}

void shard_log_end(struct shard_log *log)
{
    end_retired(log);
    if (log->file == NULL) {
        return;
    }
    const uint64_t committed = aof_cut_committed(log->cut, log->shard);
    bool is_good = log->previous == NULL || end_file(log->previous, committed);
    is_good = end_file(log->file, committed) && is_good;
    if (!is_good) {
        log_write(log->server->config, LOG_LEVEL_WARNING, "The log of shard %u could not be written to its end: %s", log->shard,
                  strerror(log->file->writer.error != 0 ? log->file->writer.error : EIO));
    }
    if (log->previous != NULL) {
        log_file_close(log->previous);
    }
    log_file_close(log->file);
    log->file = log->previous = NULL;
}

/* appendonly.c - see appendonly.h.  */
#include "appendonly/appendonly.h"

#include "aof/run.h"
#include "appendonly/listener.h"
#include "appendonly/reloading.h"
#include "appendonly/replaying.h"
#include "appendonly/rewriting.h"
#include "appendonly/sweeping.h"
#include "base/clock.h"
#include "mem/heap.h"
#include "shard/inbox.h"
#include "shard/log.h"
#include "shard/start_error.h"
#include "shard/thread.h"
#include "snapshot/loading.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    IDLE_US = 100000,
    OFF_US = 1000000,
    REPLAY_POLL_US = 500,
    GATHER_US = 5000,         /* records gather for so long before they are written, unless replies wait for them, */
    GATHER_BYTES = 256 << 10, /* or there are so many bytes */
    HALF_DONE_US = 1000000,
    BATON_US = 12,
    GIVE_UP_US = 1000000,
};

/* --- start and end --- */

/* Before the server ends, while no client may write. */
static enum logged_end write_all(struct thread *thread, bool has_waited)
{
    struct server *server = thread->server;
    struct appendonly *appendonly = server->logged.appendonly;
    bool is_all = true, is_refused = false;
    if (appendonly_state(appendonly) != APPENDONLY_ON || !atomic_load_explicit(&server->logged.counts, memory_order_relaxed)) {
        return LOGGED_ALL; /* it is off, or its first base is still being made */
    }
    shards_take_all(thread);
    is_all = shard_logs_flush(thread, appendonly->logs, server->shard_count, has_waited) == LOGS_FLUSHED;
    for (uint32_t i = 0; i < server->shard_count && appendonly->logs[i].file != NULL; i++) {
        is_refused = is_refused || shard_log_error(&appendonly->logs[i]) != 0;
        is_all = is_all && shard_log_is_synced(&appendonly->logs[i]);
    }
    shards_release_all(thread);
    return is_refused ? LOGGED_REFUSED : is_all ? LOGGED_ALL : LOGGED_WAITS;
}

static size_t appendonly_bytes(const struct server *server)
{
    return sizeof(struct appendonly) + server->shard_count * sizeof(struct shard_log);
}

struct appendonly *appendonly_create(struct server *server)
{
    struct appendonly *appendonly = thread_alloc_zeroed(MEM_SERVER, appendonly_bytes(server));
    struct logged_progress *progress = aligned_alloc(CACHE_LINE_BYTES, server->shard_count * sizeof *progress);
    if (appendonly == NULL || progress == NULL) {
        return NULL;
    }
    memset(progress, 0, server->shard_count * sizeof *progress);
    mem_count(thread_heap_register(), MEM_SERVER, (int64_t)(server->shard_count * sizeof *progress), 1);
    appendonly->server = server;
    appendonly->listener = &appendonly_listener;
    appendonly->lock_fd = -1;
    pthread_mutex_init(&appendonly->folder_lock, NULL);
    appendonly->rewriting = rewriting_create(appendonly);
    if (appendonly->rewriting == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < server->shard_count; i++) {
        appendonly->logs[i].server = server;
        appendonly->logs[i].shard = i;
    }
    server->logged.progress = progress;
    server->logged.end_unit = appendonly_end_unit;
    server->logged.pause_unit = appendonly_pause_unit;
    server->logged.drop_unit = appendonly_drop_unit;
    server->logged.write_all = write_all;
    server->logged.appendonly = appendonly;
    return appendonly;
}

void appendonly_destroy(struct appendonly *appendonly)
{
    if (appendonly == NULL) {
        return;
    }
    struct server *server = appendonly->server;
    rewriting_destroy(appendonly->rewriting);
    reloading_destroy(appendonly->reloading);
    replaying_close(appendonly->replaying);
    aof_manifest_destroy(&appendonly->manifest);
    aof_cut_destroy(appendonly->cut);
    appendonly_close_folder(appendonly);
    pthread_mutex_destroy(&appendonly->folder_lock);
    free(server->logged.progress);
    mem_count(thread_heap_register(), MEM_SERVER, -(int64_t)(server->shard_count * sizeof *server->logged.progress), -1);
    server->logged = (struct logged){0};
    thread_free(MEM_SERVER, appendonly, appendonly_bytes(server));
}

enum appendonly_opened appendonly_open(struct appendonly *appendonly, char base[APPENDONLY_PATH_BYTES], char error[APPENDONLY_ERROR_MAX])
{
    struct server *server = appendonly->server;
    base[0] = 0;
    if (!appendonly_open_folder(appendonly, error)) {
        return APPENDONLY_REFUSED;
    }
    const enum appendonly_opened opened = replaying_open(appendonly, &appendonly->replaying, error);
    if (opened == APPENDONLY_REFUSED) {
        return opened;
    }
    if (opened == APPENDONLY_NONE && !appendonly_check_folder(appendonly, error)) {
        return APPENDONLY_REFUSED;
    }
    const struct aof_manifest *manifest = &replaying_recovery(appendonly->replaying)->manifest;
    appendonly_note_generations(appendonly, manifest);
    if (opened == APPENDONLY_NONE) {
        appendonly_note_files(appendonly);
    }
    if (manifest->base_count > 1) {
        appendonly_refuse(error, appendonly->path, "its manifest has several bases");
        return APPENDONLY_REFUSED;
    }
    if (manifest->base_count == 1) {
        appendonly_path(appendonly, manifest->bases[0].name, base);
    }
    for (uint32_t i = 0; i < server->shard_count; i++) {
        server->shards[i].owner.is_expiry_off = true; /* what has expired is deleted by records */
        server->shards[i].is_expiry_off = true;
    }
    atomic_fetch_or_explicit(&server->refusals, REFUSE_WHILE_LOADING, memory_order_release);
    atomic_store_explicit(&appendonly->state, APPENDONLY_LOADING, memory_order_release);
    return opened;
}

/* --- from the end of loading on --- */

static _Noreturn void end_process(const struct appendonly *appendonly, int error)
{
    start_error_say(appendonly->server->config, "cannot start: the log in %s cannot be begun: %s", appendonly->path, strerror(error));
    _Exit(EXIT_FAILURE);
}

static int copy_file(const char *from, const char *to)
{
    enum { COPY_BYTES = 1 << 16 };
    char bytes[COPY_BYTES];
    ssize_t got = 0;
    const int in = open(from, O_RDONLY | O_CLOEXEC);
    const int out = in < 0 ? -1 : open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    int error = out < 0 ? errno : 0;
    while (error == 0 && (got = read(in, bytes, sizeof bytes)) != 0) {
        error = got < 0 || write(out, bytes, (size_t)got) != got ? errno : 0;
    }
    error = error == 0 && fsync(out) != 0 ? errno : error;
    if (in >= 0) {
        close(in);
    }
    if (out >= 0) {
        close(out);
    }
    return error;
}

/* There was no log, and the last snapshot was loaded: it becomes the base. */
static int adopt_snapshot(struct appendonly *appendonly, struct aof_manifest *manifest)
{
    struct config *config = appendonly->server->config;
    char name[4096], path[APPENDONLY_PATH_BYTES];
    struct stat state;
    struct aof_base *base = &manifest->bases[0];
    config_text_copy(config, &config->dbfilename, name, sizeof name);
    aof_base_name(appendonly->last_generation + 1, base->name);
    appendonly_path(appendonly, base->name, path);
    if (unlink(path) != 0 && errno != ENOENT) {
        return errno;
    }
    const int error = link(name, path) == 0 ? 0 : copy_file(name, path);
    if (error != 0 || stat(path, &state) != 0) {
        return error != 0 ? error : errno;
    }
    base->bytes = (uint64_t)state.st_size;
    manifest->base_count = 1;
    return 0;
}

/* Opens the logs of the generation that has just begun. */
static int open_logs(struct appendonly *appendonly, const struct aof_header *headers)
{
    const uint32_t count = appendonly->server->shard_count;
    appendonly->cut = aof_cut_create(count);
    if (appendonly->cut == NULL) {
        return ENOMEM;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct shard_log *log = &appendonly->logs[i];
        char path[APPENDONLY_PATH_BYTES];
        appendonly_path(appendonly, appendonly->manifest.generations[appendonly->manifest.generation_count - 1].logs[i].name, path);
        log->cut = appendonly->cut;
        log->file = log_file_open(log, path, &headers[i], 0);
        if (log->file == NULL) {
            return errno;
        }
        aof_cut_start(appendonly->cut, i, 0);
    }
    return 0;
}

/* Under all batons. */
static int begin_logs(struct appendonly *appendonly)
{
    struct server *server = appendonly->server;
    struct aof_recovery *recovery = replaying_recovery(appendonly->replaying);
    struct aof_header headers[SHARD_COUNT_MAX];
    int error = 0;
    if (recovery->manifest.generation_count == 0 && recovery->manifest.base_count == 0 && atomic_load_explicit(&server->loading, memory_order_relaxed) != NULL) {
        error = adopt_snapshot(appendonly, &recovery->manifest);
    }
    if (error == 0 && !appendonly_draw_headers(appendonly, headers)) {
        error = errno;
    }
    const bool has_manifest = recovery->manifest.generation_count > 0;
    error = error != 0 ? error : aof_run_begin(recovery, &appendonly->files, headers, server->shard_count, &appendonly->manifest);
    if (error == 0 && has_manifest) {
        appendonly_sweep(appendonly);
    }
    return error != 0 ? error : open_logs(appendonly, headers);
}

static void say_loaded(struct appendonly *appendonly)
{
    struct config *config = appendonly->server->config;
    const struct aof_recovery *recovery = replaying_recovery(appendonly->replaying);
    struct replaying_figures figures;
    replaying_figures(appendonly->replaying, &figures);
    if (recovery->frames_cut > 0 || recovery->torn_bytes > 0) {
        log_write(config, LOG_LEVEL_WARNING, "The log's end was cut: %" PRIu64 " records in %" PRIu64 " frames that were not committed, %" PRIu64 " bytes that are no whole frame",
                  recovery->records_cut, recovery->frames_cut, recovery->torn_bytes);
    }
    log_write(config, LOG_LEVEL_NOTICE, "Done loading the log: %" PRIu64 " changes repeated in %.3f seconds, of which %" PRIu64 " could not be", figures.records,
              (double)(clock_wall_ms() - figures.started_ms) / 1000, figures.errors);
}

/* All that is there has been loaded: from now on changes are logged, and commands run. */
static void begin(struct thread *thread, struct appendonly *appendonly)
{
    struct server *server = appendonly->server;
    shards_take_all(thread);
    const int error = begin_logs(appendonly);
    if (error != 0) {
        end_process(appendonly, error);
    }
    struct replaying_figures replayed;
    replaying_figures(appendonly->replaying, &replayed);
    appendonly->start_bytes = appendonly->base_bytes = replayed.total_bytes + (appendonly->manifest.base_count > 0 ? appendonly->manifest.bases[0].bytes : 0);
    for (uint32_t i = 0; i < server->shard_count; i++) {
        server->shards[i].owner.is_expiry_off = server->shards[i].is_expiry_off = false;
        __atomic_store_n(&server->shards[i].changes, 0, __ATOMIC_RELAXED);
    }
    effects_want(&server->effects, &appendonly_listener, LISTEN_EFFECTS);
    atomic_store_explicit(&appendonly->state, APPENDONLY_ON, memory_order_release);
    appendonly_be_named(appendonly);
    shards_release_all(thread);
    say_loaded(appendonly);
    loading_end(server);
    loading_say_ready(server);
}

/* --- turns --- */

/* The logs that the thread has to look at, as far as their batons are free soon; the others stay. */
static void look_at_due(struct thread *thread)
{
    struct logged_thread *own = &thread->logged;
    struct server *server = thread->server;
    const struct shard_set due = own->due;
    own->due = (struct shard_set){0};
    own->is_urgent = false;
    for (uint32_t i = shard_set_next(&due, 0); i != SHARD_NONE; i = shard_set_next(&due, i + 1)) {
        struct shard *shard = &server->shards[i];
        if (!baton_try_for_one_of_several(&shard->baton, (uint64_t)(BATON_US * server->ticks_per_us))) {
            shard_set_add(&own->due, i);
            own->is_urgent = true;
            continue;
        }
        baton_assert_held(&shard->baton);
        shard_log_advance(thread, &server->logged.appendonly->logs[i]);
        shard_release(thread, shard);
    }
}

/* All logs' frames are closed at one moment. While the ones before are being written it is put off: where replies wait, until a write has ended,
 * which whoever is told of it sees to; else for a while. So it is when a command is half-way, but not for longer than HALF_DONE_US.  */
static void flush_all(struct thread *thread, int64_t now_us, bool acknowledges)
{
    struct logged_thread *own = &thread->logged;
    struct server *server = thread->server;
    const bool has_waited = own->put_off_us != 0 && now_us - own->put_off_us >= HALF_DONE_US;
    shards_take_all(thread);
    const enum shard_logs_flushed flushed = shard_logs_flush(thread, server->logged.appendonly->logs, server->shard_count, has_waited);
    if (flushed == LOGS_FLUSHED) {
        atomic_store_explicit(&server->logged.flushed_us, now_us, memory_order_relaxed);
    }
    own->put_off_us = flushed != LOGS_HALF_DONE ? 0 : own->put_off_us != 0 ? own->put_off_us : now_us;
    own->due_since_us = flushed == LOGS_FLUSHED || (flushed == LOGS_BUSY && acknowledges) ? 0 : now_us;
    own->due_bytes = 0;
    shards_release_all(thread);
}

/* Another thread has written this one's records, too: what it may have appended since then gathers anew. */
static void note_flush_of_others(struct logged_thread *own, const struct server *server)
{
    const int64_t flushed_us = atomic_load_explicit(&server->logged.flushed_us, memory_order_relaxed);
    if (own->due_since_us != 0 && own->due_since_us < flushed_us) {
        own->due_since_us = flushed_us;
        own->due_bytes = 0;
    }
}

int64_t appendonly_turn(struct thread *thread)
{
    struct logged_thread *own = &thread->logged;
    struct server *server = thread->server;
    if (LIKELY(!own->is_urgent && own->due_since_us == 0)) {
        return APPENDONLY_IDLE;
    }
    const int64_t now_us = clock_monotonic_us();
    const bool acknowledges = server_acknowledges_log(server);
    if (!acknowledges) {
        note_flush_of_others(own, server);
    }
    const int64_t gathers_us = acknowledges && own->put_off_us == 0 ? 0 : GATHER_US;
    const bool has_gathered = (own->due_since_us != 0 && (own->due_bytes >= GATHER_BYTES || now_us - own->due_since_us >= gathers_us)) ||
                              (acknowledges && own->is_urgent);
    if (own->is_urgent) {
        look_at_due(thread);
    }
    if (has_gathered) {
        flush_all(thread, now_us, acknowledges);
    }
    if (own->is_urgent) {
        return 0;
    }
    return own->due_since_us != 0 ? GATHER_US : APPENDONLY_IDLE;
}

static int64_t replay(struct thread *thread, struct appendonly *appendonly)
{
    switch (replaying_step(thread, appendonly->replaying)) {
    case REPLAYING_GOES_ON:
        return 0;
    case REPLAYING_IS_OVER:
        if (appendonly->reloading != NULL) {
            reloading_end(thread, appendonly);
        } else {
            begin(thread, appendonly);
        }
        return 0;
    case REPLAYING_WAITS:
        break;
    }
    return REPLAY_POLL_US;
}

/* --- what keeps logs from being written --- */

/* Once each time that it is asked for. */
static void tell_of_preamble(struct appendonly *appendonly)
{
    const bool is_asked = atomic_load_explicit(&appendonly->server->config->aof_use_rdb_preamble, memory_order_relaxed) == 0;
    if (is_asked && !appendonly->has_told_preamble) {
        log_write(appendonly->server->config, LOG_LEVEL_NOTICE, "aof-use-rdb-preamble no changes nothing here: the base of the log is always an RDB file");
    }
    appendonly->has_told_preamble = is_asked;
}

static void set_given_up(struct server *server, bool has_given_up)
{
    if (has_given_up != atomic_load_explicit(&server->logged.has_given_up, memory_order_relaxed)) {
        atomic_store_explicit(&server->logged.has_given_up, has_given_up, memory_order_release);
        atomic_fetch_add_explicit(&server->logged.moves, 1, memory_order_seq_cst); /* whoever waits looks again */
    }
}

/* The first thread: writes are refused while a log cannot be written. Those that were run before are neither acknowledged nor refused: after a
 * while their connections are closed, as redis-server's are, which ends then.  */
static void look_at_errors(struct appendonly *appendonly)
{
    struct server *server = appendonly->server;
    set_given_up(server, appendonly->error_since_us != 0 && clock_monotonic_us() - appendonly->error_since_us >= GIVE_UP_US);
    const uint64_t changes = atomic_load_explicit(&server->logged.error_changes, memory_order_acquire);
    if (LIKELY(changes == appendonly->seen_errors)) {
        return;
    }
    appendonly->seen_errors = changes;
    const int error = appendonly_error(appendonly);
    if (error != 0) {
        atomic_store_explicit(&server->logged.error, error, memory_order_relaxed);
        if (appendonly->error_since_us == 0) {
            __atomic_store_n(&appendonly->error_since_us, clock_monotonic_us(), __ATOMIC_RELAXED);
        }
        atomic_fetch_or_explicit(&server->refusals, REFUSE_WRITES_UNLOGGED, memory_order_release);
        log_write(server->config, LOG_LEVEL_WARNING, "The log cannot be written: %s. Writes are refused", strerror(error));
        return;
    }
    __atomic_store_n(&appendonly->error_since_us, 0, __ATOMIC_RELAXED);
    set_given_up(server, false); /* before anything is run that would wait */
    if ((atomic_fetch_and_explicit(&server->refusals, ~(uint32_t)REFUSE_WRITES_UNLOGGED, memory_order_release) & REFUSE_WRITES_UNLOGGED) != 0) {
        log_write(server->config, LOG_LEVEL_WARNING, "The log can be written again");
    }
}

/* The first thread, each IDLE_US. */
static void look_at_slow_disk(struct appendonly *appendonly)
{
    const int64_t now_us = clock_monotonic_us();
    if (UNLIKELY(atomic_load_explicit(&appendonly->server->logged.behind, memory_order_relaxed) > 0)) {
        const int64_t passed_us = appendonly->looked_us == 0 ? 0 : now_us - appendonly->looked_us;
        __atomic_store_n(&appendonly->held_back_us, appendonly->held_back_us + passed_us, __ATOMIC_RELAXED);
        __atomic_store_n(&appendonly->held_back_at_us, now_us, __ATOMIC_RELAXED);
    }
    appendonly->looked_us = now_us;
}

int64_t appendonly_work(struct thread *thread)
{
    struct appendonly *appendonly = thread->server->logged.appendonly;
    if (appendonly == NULL) {
        return OFF_US; /* a test's server */
    }
    if (appendonly_state(appendonly) == APPENDONLY_LOADING) {
        return replay(thread, appendonly);
    }
    if (thread->number == 0) {
        rewriting_tend(thread, appendonly->rewriting);
        appendonly_tell_acknowledges(appendonly);
        look_at_errors(appendonly);
        look_at_slow_disk(appendonly);
    }
    if (appendonly_state(appendonly) == APPENDONLY_OFF) {
        return thread->number == 0 ? IDLE_US : OFF_US;
    }
    if (thread->number == 0) {
        tell_of_preamble(appendonly);
    }
    struct shard *shard = thread->shard;
    if (!baton_try(&shard->baton)) {
        return 1000;
    }
    shard_log_tend(thread, &appendonly->logs[shard->number]);
    shard_release(thread, shard);
    return IDLE_US;
}

void appendonly_end(struct appendonly *appendonly)
{
    rewriting_stop(appendonly->rewriting);
    if (appendonly_state(appendonly) != APPENDONLY_LOADING || appendonly->reloading != NULL) {
        for (uint32_t i = 0; i < appendonly->server->shard_count; i++) {
            shard_log_end(&appendonly->logs[i]);
        }
    }
}

void appendonly_hear(struct appendonly *appendonly, bool is_heard)
{
    if (appendonly_state(appendonly) == APPENDONLY_ON) {
        effects_want(&appendonly->server->effects, appendonly->listener, is_heard ? LISTEN_EFFECTS : 0);
    }
}

bool appendonly_rewrite(struct appendonly *appendonly)
{
    return rewriting_start(appendonly->rewriting);
}

void appendonly_schedule_rewrite(struct appendonly *appendonly)
{
    rewriting_schedule(appendonly->rewriting);
}

/* --- figures --- */

void appendonly_figures(const struct server *server, struct appendonly_figures *out)
{
    const struct appendonly *appendonly = server->logged.appendonly;
    *out = (struct appendonly_figures){.last_rewrite_is_good = true, .last_write_is_good = true, .last_rewrite_seconds = -1, .current_rewrite_seconds = -1};
    if (appendonly == NULL) {
        return;
    }
    struct rewriting_figures rewrites;
    rewriting_figures(appendonly->rewriting, &rewrites);
    out->is_rewriting = rewrites.is_under_way;
    out->is_copying = rewrites.is_copying;
    out->is_rewrite_scheduled = rewrites.is_scheduled;
    out->last_rewrite_is_good = rewrites.last_is_good;
    out->last_rewrite_seconds = rewrites.last_seconds;
    out->current_rewrite_seconds = rewrites.current_seconds;
    out->rewrites = rewrites.count;
    out->rewrite_failures = rewrites.failures;
    out->is_on = appendonly_state(appendonly) == APPENDONLY_ON;
    out->error = appendonly_error(appendonly);
    out->last_write_is_good = out->error == 0;
    const int64_t now_us = clock_monotonic_us();
    const int64_t error_since_us = __atomic_load_n(&appendonly->error_since_us, __ATOMIC_RELAXED);
    const int64_t held_back_at_us = __atomic_load_n(&appendonly->held_back_at_us, __ATOMIC_RELAXED);
    out->error_seconds = out->error == 0 || error_since_us == 0 ? 0 : (now_us - error_since_us) / 1000000;
    out->is_held_back = atomic_load_explicit(&server->logged.behind, memory_order_relaxed) > 0;
    out->held_back_ms = __atomic_load_n(&appendonly->held_back_us, __ATOMIC_RELAXED) / 1000;
    out->held_back_ago_s = held_back_at_us == 0 ? -1 : (now_us - held_back_at_us) / 1000000;
    out->base_bytes = __atomic_load_n(&appendonly->base_bytes, __ATOMIC_RELAXED);
    out->bytes = appendonly_bytes_now(appendonly);
    for (uint32_t i = 0; i < server->shard_count; i++) {
        const struct shard_log *log = &appendonly->logs[i];
        out->pending_bytes += __atomic_load_n(&log->pending_bytes, __ATOMIC_RELAXED);
        out->frames += __atomic_load_n(&log->frames, __ATOMIC_RELAXED);
        out->syncs += __atomic_load_n(&log->syncs, __ATOMIC_RELAXED);
        out->delayed_syncs += __atomic_load_n(&log->delayed_syncs, __ATOMIC_RELAXED);
        out->syncs_under_way += __atomic_load_n(&log->is_syncing, __ATOMIC_RELAXED);
    }
}

void appendonly_loading_figures(const struct server *server, struct loading_figures *out)
{
    loading_figures(server, out);
    const struct appendonly *appendonly = server->logged.appendonly;
    const struct replaying *replaying = appendonly == NULL ? NULL : __atomic_load_n(&appendonly->replaying, __ATOMIC_ACQUIRE);
    if (replaying == NULL || appendonly_state(appendonly) != APPENDONLY_LOADING) {
        return;
    }
    struct replaying_figures log;
    replaying_figures(replaying, &log);
    const bool has_base = out->started_ms >= log.started_ms;
    out->is_loading = true;
    out->total_bytes = (has_base ? out->total_bytes : 0) + log.total_bytes;
    out->loaded_bytes = (has_base ? out->loaded_bytes : 0) + log.bytes;
    out->started_ms = log.started_ms;
}

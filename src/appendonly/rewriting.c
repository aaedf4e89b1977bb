/* rewriting.c - see rewriting.h.  */
#include "appendonly/rewriting.h"

#include "aof/run.h"
#include "appendonly/sweeping.h"
#include "base/clock.h"
#include "mem/heap.h"
#include "shard/inbox.h"
#include "shard/log.h"
#include "shard/observer.h"
#include "shard/thread.h"
#include "snapshot/snapshot.h"
#include "snapshot/snapshot_copy.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { POLL_US = 2000, RETRY_US = 5000000, NAME_MAX_BYTES = APPENDONLY_PATH_BYTES };

enum phase { PHASE_NONE, PHASE_PREPARING, PHASE_WAITING, PHASE_COPYING, PHASE_SETTLING, PHASE_CLEANING };

struct rewriting {
    struct appendonly *appendonly;
    pthread_mutex_t lock;
    pthread_t handle;
    bool has_thread;                 /* to be joined */
    bool is_held;                    /* rewriting_hold */
    _Atomic bool is_scheduled;       /* rewriting_schedule; relaxed */
    _Atomic bool is_stopped;         /* the server ends */
    _Atomic int phase;               /* enum phase; release */
    bool follows;                    /* the log was good when it was prepared */
    bool is_cut;                     /* the logs have gone over; under all batons, then the thread's */
    struct aof_header headers[SHARD_COUNT_MAX];
    struct log_file *files[SHARD_COUNT_MAX]; /* from PREPARING to the cut */
    struct aof_cut *cut;             /* the same; NULL: the logs follow */
    uint64_t first[SHARD_COUNT_MAX]; /* from the cut on: the sequence of the first frame */
    uint64_t base_bytes;
    int64_t started_ms, tried_us;    /* wall; monotonic, of the last that failed */
    bool last_is_good;
    int64_t last_seconds;
    uint64_t count, failures;        /* that succeeded; that failed since */
};

struct rewriting *rewriting_create(struct appendonly *appendonly)
{
    struct rewriting *rewriting = thread_alloc_zeroed(MEM_SERVER, sizeof *rewriting);
    if (rewriting != NULL) {
        rewriting->appendonly = appendonly;
        rewriting->last_is_good = true;
        rewriting->last_seconds = -1;
        pthread_mutex_init(&rewriting->lock, NULL);
    }
    return rewriting;
}

static enum phase phase_of(const struct rewriting *rewriting)
{
    return (enum phase)atomic_load_explicit(&rewriting->phase, memory_order_acquire);
}

static void enter(struct rewriting *rewriting, enum phase phase)
{
    atomic_store_explicit(&rewriting->phase, (int)phase, memory_order_release);
}

static uint32_t count_of(const struct rewriting *rewriting)
{
    return rewriting->appendonly->server->shard_count;
}

/* --- what is not needed --- */

static void drop_files(struct rewriting *rewriting)
{
    for (uint32_t i = 0; i < count_of(rewriting); i++) {
        if (rewriting->files[i] != NULL) {
            log_file_close(rewriting->files[i]);
            rewriting->files[i] = NULL;
        }
    }
    aof_cut_destroy(rewriting->cut);
    rewriting->cut = NULL;
}

/* --- the cut --- */

static bool may_follow(const struct shard_log *log)
{
    return log->file != NULL && log->previous == NULL && !log->is_unnamed && shard_log_error(log) == 0;
}

static bool may_all_follow(const struct rewriting *rewriting)
{
    uint32_t i = 0;
    while (i < count_of(rewriting) && may_follow(&rewriting->appendonly->logs[i])) {
        i++;
    }
    return i == count_of(rewriting);
}

/* All batons are held: records go to the new files from here on. */
static void go_over(void *context, struct thread *thread)
{
    struct rewriting *rewriting = context;
    struct appendonly *appendonly = rewriting->appendonly;
    if (rewriting->follows && !may_all_follow(rewriting)) {
        return; /* a log has failed meanwhile: the next rewrite is of the other kind */
    }
    if (rewriting->follows) {
        shard_logs_bind(appendonly->logs, count_of(rewriting));
    }
    for (uint32_t i = 0; i < count_of(rewriting); i++) {
        struct shard_log *log = &appendonly->logs[i];
        baton_assert_held(&appendonly->server->shards[i].baton);
        shard_log_go_over(log, rewriting->files[i], &rewriting->headers[i], rewriting->cut);
        rewriting->files[i] = NULL;
        rewriting->first[i] = log->file->writer.closed + 1;
        if (rewriting->cut != NULL) {
            aof_cut_start(rewriting->cut, i, log->file->writer.closed);
        }
    }
    if (rewriting->cut != NULL) {
        appendonly_replace_cut(appendonly, rewriting->cut);
        rewriting->cut = NULL;
    }
    appendonly_turn_on(thread, appendonly);
    rewriting->is_cut = true;
    enter(rewriting, PHASE_COPYING);
}

/* --- the thread --- */

/* The rewrite before may not have let go of its old files yet: they are being synced. */
static void await_previous(const struct rewriting *rewriting)
{
    for (uint32_t i = 0; i < count_of(rewriting);) {
        const struct shard_log *log = &rewriting->appendonly->logs[i];
        if (!__atomic_load_n(&log->has_previous, __ATOMIC_ACQUIRE) || __atomic_load_n(&log->error, __ATOMIC_RELAXED) != 0 ||
            atomic_load_explicit(&rewriting->is_stopped, memory_order_relaxed)) {
            i++;
        } else {
            usleep(POLL_US);
        }
    }
}

/* Makes and opens the files. 0, or an errno. */
static int prepare(struct rewriting *rewriting)
{
    struct appendonly *appendonly = rewriting->appendonly;
    const uint32_t count = count_of(rewriting);
    char refusal[APPENDONLY_ERROR_MAX];
    if (!appendonly_retake_folder(appendonly, refusal)) {
        log_write(appendonly->server->config, LOG_LEVEL_WARNING, "%s", refusal);
        return EIO;
    }
    if (appendonly->manifest.generation_count == 0) {
        appendonly_note_files(appendonly); /* a log that is turned on, and finds files without a manifest */
    }
    await_previous(rewriting);
    if (!appendonly_draw_headers(appendonly, rewriting->headers)) {
        return errno;
    }
    int error = rewriting->follows ? aof_run_add(&appendonly->manifest, &appendonly->files, rewriting->headers) : 0;
    if (error == E2BIG) { /* so many rewrites have failed */
        rewriting->follows = false;
        error = 0;
    }
    if (error == 0 && !rewriting->follows) {
        error = aof_run_create_logs(&appendonly->files, rewriting->headers, count);
    }
    if (error != 0) {
        return error;
    }
    for (uint32_t i = 0; i < count; i++) {
        char name[AOF_NAME_MAX + 1], path[NAME_MAX_BYTES];
        aof_log_name(rewriting->headers[i].generation, i, name);
        appendonly_path(appendonly, name, path);
        rewriting->files[i] = log_file_prepare(&appendonly->logs[i], path);
        if (rewriting->files[i] == NULL) {
            return errno;
        }
    }
    if (!rewriting->follows) {
        rewriting->cut = aof_cut_create(count);
    }
    return rewriting->follows || rewriting->cut != NULL ? 0 : ENOMEM;
}

/* False: the server ends, and nobody may be asked any more. */
static bool ask_for_copy(struct rewriting *rewriting, struct snapshot_copy *copy)
{
    pthread_mutex_lock(&rewriting->lock);
    const bool is_stopped = atomic_load_explicit(&rewriting->is_stopped, memory_order_relaxed);
    if (!is_stopped) {
        snapshots_ask(rewriting->appendonly->server->snapshots, copy);
    }
    pthread_mutex_unlock(&rewriting->lock);
    return !is_stopped;
}

/* False: *error says why. */
static bool make_base(struct rewriting *rewriting, const char *name, char error[COPY_ERROR_MAX])
{
    struct appendonly *appendonly = rewriting->appendonly;
    char file_name[APPENDONLY_NAME_MAX + 1];
    appendonly_file_name(appendonly, name, file_name);
    struct snapshot_copy *copy = snapshot_copy_create(appendonly->path, file_name);
    if (copy == NULL) {
        snprintf(error, COPY_ERROR_MAX, "out of memory");
        return false;
    }
    snapshot_copy_hear_cut(copy, go_over, rewriting);
    if (!ask_for_copy(rewriting, copy)) {
        snapshot_copy_release(copy);
        snprintf(error, COPY_ERROR_MAX, "the server ends");
        return false;
    }
    enum copy_state state;
    while ((state = snapshot_copy_state(copy)) != COPY_DONE && state != COPY_FAILED) {
        if (atomic_load_explicit(&rewriting->is_stopped, memory_order_relaxed)) {
            snapshot_copy_cancel(copy);
        }
        usleep(POLL_US);
    }
    rewriting->base_bytes = snapshot_copy_figures(copy).bytes;
    snprintf(error, COPY_ERROR_MAX, "%s", state == COPY_FAILED ? snapshot_copy_error(copy) : "a log has failed meanwhile");
    snapshot_copy_release(copy);
    return state == COPY_DONE && rewriting->is_cut;
}

static int name_base(struct rewriting *rewriting, const char *name, struct aof_manifest *before)
{
    struct appendonly *appendonly = rewriting->appendonly;
    struct aof_base base = {.bytes = rewriting->base_bytes};
    snprintf(base.name, sizeof base.name, "%s", name);
    const struct aof_cover cover = {.bases = &base, .base_count = 1, .headers = rewriting->headers, .first = rewriting->first};
    if (!aof_manifest_copy(&appendonly->manifest, before)) {
        return ENOMEM;
    }
    return aof_run_set_base(&appendonly->manifest, &appendonly->files, &cover);
}

/* The first shard thread settles; false: the server ends. */
static bool await_settled(struct rewriting *rewriting)
{
    enter(rewriting, PHASE_SETTLING);
    while (phase_of(rewriting) == PHASE_SETTLING && !atomic_load_explicit(&rewriting->is_stopped, memory_order_relaxed)) {
        usleep(POLL_US);
    }
    return phase_of(rewriting) == PHASE_CLEANING;
}

static void report_latency(struct server *server, const char *event, int64_t began_us)
{
    const int64_t ms = (clock_monotonic_us() - began_us) / 1000;
    if (ms > 0 && server->observer != NULL) {
        server->observer->slow_event(server, event, ms);
    }
}

static bool rewrite(struct rewriting *rewriting, char error[COPY_ERROR_MAX])
{
    struct appendonly *appendonly = rewriting->appendonly;
    struct aof_manifest before = {0};
    char name[AOF_NAME_MAX + 1];
    int failed = prepare(rewriting);
    if (failed != 0) {
        snprintf(error, COPY_ERROR_MAX, "%s", strerror(failed));
        return false;
    }
    aof_base_name(rewriting->headers[0].generation, name);
    enter(rewriting, PHASE_WAITING);
    if (!make_base(rewriting, name, error)) {
        return false;
    }
    const int64_t began_us = clock_monotonic_us();
    failed = name_base(rewriting, name, &before);
    report_latency(appendonly->server, "aof-rename", began_us);
    if (failed != 0) {
        snprintf(error, COPY_ERROR_MAX, "the manifest could not be replaced: %s", strerror(failed));
        aof_manifest_destroy(&before);
        return false;
    }
    if (await_settled(rewriting)) {
        aof_run_remove(&appendonly->files, &before, &appendonly->manifest);
    }
    aof_manifest_destroy(&before);
    return true;
}

static void *rewrite_main(void *arg)
{
    struct rewriting *rewriting = arg;
    struct config *config = rewriting->appendonly->server->config;
    char error[COPY_ERROR_MAX] = "";
    thread_heap_register();
    const bool is_done = rewrite(rewriting, error);
    drop_files(rewriting);
    pthread_mutex_lock(&rewriting->lock);
    rewriting->last_is_good = is_done;
    rewriting->last_seconds = clock_wall_ms() / 1000 - rewriting->started_ms / 1000; /* as Redis does */
    rewriting->count += is_done;
    rewriting->failures = is_done ? 0 : rewriting->failures + 1;
    rewriting->tried_us = is_done ? 0 : clock_monotonic_us();
    enter(rewriting, PHASE_NONE);
    pthread_mutex_unlock(&rewriting->lock);
    if (is_done) {
        log_write(config, LOG_LEVEL_NOTICE, "Background AOF rewrite finished successfully: the base has %.1f MB", (double)rewriting->base_bytes / 1e6);
    } else {
        log_write(config, LOG_LEVEL_WARNING, "Background AOF rewrite has failed: %s", error);
    }
    return NULL;
}

/* --- what others ask --- */

bool rewriting_is_under_way(struct rewriting *rewriting)
{
    return phase_of(rewriting) != PHASE_NONE;
}

static bool start_locked(struct rewriting *rewriting)
{
    if (phase_of(rewriting) != PHASE_NONE || rewriting->is_held || atomic_load_explicit(&rewriting->is_stopped, memory_order_relaxed)) {
        return false;
    }
    if (rewriting->has_thread) {
        pthread_join(rewriting->handle, NULL); /* it has said its last word */
        rewriting->has_thread = false;
    }
    rewriting->follows = appendonly_state(rewriting->appendonly) == APPENDONLY_ON && appendonly_error(rewriting->appendonly) == 0;
    rewriting->is_cut = false;
    rewriting->started_ms = clock_wall_ms();
    enter(rewriting, PHASE_PREPARING);
    rewriting->has_thread = pthread_create(&rewriting->handle, NULL, rewrite_main, rewriting) == 0;
    if (!rewriting->has_thread) {
        enter(rewriting, PHASE_NONE);
    }
    return rewriting->has_thread;
}

bool rewriting_start(struct rewriting *rewriting)
{
    pthread_mutex_lock(&rewriting->lock);
    const bool is_started = start_locked(rewriting);
    pthread_mutex_unlock(&rewriting->lock);
    return is_started;
}

void rewriting_schedule(struct rewriting *rewriting)
{
    atomic_store_explicit(&rewriting->is_scheduled, true, memory_order_relaxed);
}

bool rewriting_hold(struct rewriting *rewriting)
{
    pthread_mutex_lock(&rewriting->lock);
    const bool is_free = phase_of(rewriting) == PHASE_NONE && !rewriting->is_held;
    rewriting->is_held = rewriting->is_held || is_free;
    pthread_mutex_unlock(&rewriting->lock);
    return is_free;
}

void rewriting_let_go(struct rewriting *rewriting)
{
    pthread_mutex_lock(&rewriting->lock);
    assert(rewriting->is_held);
    rewriting->is_held = false;
    pthread_mutex_unlock(&rewriting->lock);
}

/* --- the first shard thread --- */

static void settle(struct thread *thread, struct rewriting *rewriting)
{
    struct appendonly *appendonly = rewriting->appendonly;
    uint64_t base_bytes = rewriting->base_bytes;
    shards_take_all(thread);
    for (uint32_t i = 0; i < count_of(rewriting); i++) {
        baton_assert_held(&appendonly->server->shards[i].baton);
        shard_log_settle(thread, &appendonly->logs[i], rewriting->first[i] - 1);
    }
    shards_release_all(thread);
    appendonly_be_named(appendonly);
    __atomic_store_n(&appendonly->start_bytes, base_bytes, __ATOMIC_RELAXED);
    __atomic_store_n(&appendonly->base_bytes, base_bytes, __ATOMIC_RELAXED);
    enter(rewriting, PHASE_CLEANING);
}

/* auto-aof-rewrite-percentage, -min-size. */
static bool has_grown(const struct rewriting *rewriting)
{
    const struct config *config = rewriting->appendonly->server->config;
    const int64_t percentage = atomic_load_explicit(&config->auto_aof_rewrite_percentage, memory_order_relaxed);
    const int64_t min_bytes = atomic_load_explicit(&config->auto_aof_rewrite_min_size, memory_order_relaxed);
    const uint64_t bytes = appendonly_bytes_now(rewriting->appendonly);
    const uint64_t base_bytes = __atomic_load_n(&rewriting->appendonly->base_bytes, __ATOMIC_RELAXED);
    const double base = base_bytes > 0 ? (double)base_bytes : 1;
    return percentage > 0 && bytes > (uint64_t)min_bytes && ((double)bytes / base - 1) * 100 >= (double)percentage;
}

/* A try that has failed is not made again at once. */
static bool may_try(const struct rewriting *rewriting)
{
    return rewriting->tried_us == 0 || clock_monotonic_us() - rewriting->tried_us >= RETRY_US;
}

static bool is_wanted(const struct rewriting *rewriting)
{
    struct appendonly *appendonly = rewriting->appendonly;
    if (!may_try(rewriting)) {
        return false;
    }
    if (appendonly_state(appendonly) == APPENDONLY_OFF) {
        return true;
    }
    return appendonly_has_failed(appendonly) || has_grown(rewriting);
}

static bool is_schedule_due(struct rewriting *rewriting)
{
    struct snapshot_figures saving;
    if (LIKELY(!atomic_load_explicit(&rewriting->is_scheduled, memory_order_relaxed))) {
        return false;
    }
    snapshots_figures(rewriting->appendonly->server->snapshots, &saving);
    return !saving.is_running;
}

void rewriting_tend(struct thread *thread, struct rewriting *rewriting)
{
    struct appendonly *appendonly = rewriting->appendonly;
    const enum phase phase = phase_of(rewriting);
    const bool is_asked = atomic_load_explicit(&appendonly->server->config->appendonly, memory_order_relaxed) != 0;
    atomic_store_explicit(&appendonly->server->logged.is_saving, phase == PHASE_COPYING, memory_order_relaxed);
    if (phase == PHASE_SETTLING) {
        settle(thread, rewriting);
    }
    if (phase != PHASE_NONE || appendonly_state(appendonly) == APPENDONLY_LOADING) {
        return;
    }
    if (!is_asked && appendonly_state(appendonly) == APPENDONLY_ON) {
        atomic_store_explicit(&rewriting->is_scheduled, false, memory_order_relaxed);
        appendonly_turn_off(thread, appendonly);
    } else if (is_asked && is_schedule_due(rewriting)) {
        if (rewriting_start(rewriting)) {
            atomic_store_explicit(&rewriting->is_scheduled, false, memory_order_relaxed);
            log_write(appendonly->server->config, LOG_LEVEL_NOTICE, "Starting the scheduled rewriting of AOF");
        }
    } else if (is_asked && is_wanted(rewriting)) {
        log_write(appendonly->server->config, LOG_LEVEL_NOTICE, "Starting automatic rewriting of AOF");
        (void)!rewriting_start(rewriting);
    }
}

void rewriting_figures(struct rewriting *rewriting, struct rewriting_figures *out)
{
    pthread_mutex_lock(&rewriting->lock);
    *out = (struct rewriting_figures){
        .is_under_way = phase_of(rewriting) != PHASE_NONE,
        .is_copying = phase_of(rewriting) == PHASE_COPYING,
        .is_scheduled = atomic_load_explicit(&rewriting->is_scheduled, memory_order_relaxed),
        .last_is_good = rewriting->last_is_good,
        .last_seconds = rewriting->last_seconds,
        .current_seconds = phase_of(rewriting) != PHASE_NONE ? (clock_wall_ms() - rewriting->started_ms) / 1000 : -1,
        .count = rewriting->count,
        .failures = rewriting->failures,
    };
    pthread_mutex_unlock(&rewriting->lock);
}

void rewriting_stop(struct rewriting *rewriting)
{
    pthread_mutex_lock(&rewriting->lock);
    atomic_store_explicit(&rewriting->is_stopped, true, memory_order_relaxed);
    pthread_mutex_unlock(&rewriting->lock);
}

void rewriting_destroy(struct rewriting *rewriting)
{
    if (rewriting != NULL) {
        if (rewriting->has_thread) {
            pthread_join(rewriting->handle, NULL);
        }
        pthread_mutex_destroy(&rewriting->lock);
        thread_free(MEM_SERVER, rewriting, sizeof *rewriting);
    }
}

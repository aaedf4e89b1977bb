/* replaying.c - see replaying.h.  */
#include "appendonly/replaying.h"

#include "aof/replay.h"
#include "base/clock.h"
#include "exec/call.h"
#include "exec/command_choose.h"
#include "exec/command_index.h"
#include "exec/exec.h"
#include "exec/route.h"
#include "mem/heap.h"
#include "shard/inbox.h"
#include "shard/log.h"
#include "shard/start_error.h"
#include "shard/thread.h"
#include "snapshot/loading.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    STEP_US = 2000,
    RECORDS_A_LOOK = 16,   /* between two looks at the clock */
    REPORT_MS = 2000,
    SHOWN_WORD = 40,
};

enum phase { PHASE_WAITING, PHASE_REPLAYING, PHASE_STOPPED, PHASE_OVER };

/* A thread's. */
struct replaying_share {
    uint64_t round;               /* the last one in which its logs have all stopped */
    struct buffer text;           /* of replies */
    uint64_t records, errors;     /* written by the thread, read relaxed by any */
    uint64_t bytes;               /* the same: read of its logs in this generation */
};

struct replaying {
    struct appendonly *appendonly;
    struct replaying *previous;   /* of an earlier DEBUG LOADAOF, or of the start */
    struct aof_recovery recovery;
    struct aof_replay *replay;    /* of the generation */
    uint32_t generation;          /* in the manifest */
    uint32_t log_count;
    bool has_more[AOF_SHARDS_MAX]; /* the log has stopped at a barrier, not at its end; its thread's */
    _Atomic int phase;            /* enum phase; release */
    _Atomic uint32_t threads_left; /* in this round */
    _Atomic uint64_t round;       /* written in STOPPED, behind threads_left; release */
    int64_t started_ms, repeated_ms, reported_ms; /* wall: opened; the base was there; the last line of the log */
    uint64_t total_bytes, done_bytes; /* of all logs; of the generations that are over */
    struct replaying_share shares[];
};

static size_t replaying_bytes(const struct server *server)
{
    return sizeof(struct replaying) + server->shard_count * sizeof(struct replaying_share);
}

struct aof_recovery *replaying_recovery(struct replaying *replaying)
{
    return &replaying->recovery;
}

/* --- opening --- */

static void warn(void *context, const char *text)
{
    const struct appendonly *appendonly = context;
    log_write(appendonly->server->config, LOG_LEVEL_WARNING, "%s", text);
}

static uint64_t bytes_of(const struct replaying *replaying)
{
    const struct aof_recovery *recovery = &replaying->recovery;
    uint64_t bytes = 0;
    for (uint32_t k = 0; k < recovery->manifest.generation_count; k++) {
        const struct aof_generation *generation = &recovery->manifest.generations[k];
        for (uint32_t i = 0; i < generation->shard_count; i++) {
            bytes += k < recovery->run ? generation->logs[i].end_offset : recovery->ends[k - recovery->run][i].cut_offset;
        }
    }
    return bytes;
}

static void write_error(const struct appendonly *appendonly, const struct aof_recovery *recovery, enum aof_recovery_status status,
                        char error[APPENDONLY_ERROR_MAX])
{
    const char *path = appendonly->path;
    switch (status) {
    case AOF_RECOVERY_DAMAGE:
        snprintf(error, APPENDONLY_ERROR_MAX, "the log is damaged: %.180s/%s%s, at %" PRIu64 ": %s; tools/check-log shows it, and with --fix repairs it", path,
                 appendonly->prefix, recovery->file, recovery->offset, recovery->fault);
        break;
    case AOF_RECOVERY_TORN:
        snprintf(error, APPENDONLY_ERROR_MAX, "the log has a torn end, and aof-load-truncated is no: %.180s/%s%s, at %" PRIu64 "; tools/check-log --fix cuts it",
                 path, appendonly->prefix, recovery->file, recovery->offset);
        break;
    case AOF_RECOVERY_SYSTEM:
        snprintf(error, APPENDONLY_ERROR_MAX, "the log cannot be read: %.180s/%s%s: %s", path, appendonly->prefix, recovery->file, strerror(recovery->error));
        break;
    default:
        snprintf(error, APPENDONLY_ERROR_MAX, "the log cannot be read: out of memory");
    }
}

enum appendonly_opened replaying_open(struct appendonly *appendonly, struct replaying **out, char error[APPENDONLY_ERROR_MAX])
{
    struct server *server = appendonly->server;
    struct replaying *replaying = thread_alloc_zeroed(MEM_SNAPSHOT, replaying_bytes(server));
    *out = replaying;
    if (replaying == NULL) {
        snprintf(error, APPENDONLY_ERROR_MAX, "the log cannot be read: out of memory");
        return APPENDONLY_REFUSED;
    }
    replaying->appendonly = appendonly;
    for (uint32_t i = 0; i < server->shard_count; i++) {
        replaying->shares[i].text = BUFFER_EMPTY(MEM_SNAPSHOT);
    }
    replaying->started_ms = replaying->reported_ms = clock_wall_ms();
    const struct aof_recovery_options options = {
        .refuses_torn = atomic_load_explicit(&server->config->aof_load_truncated, memory_order_relaxed) == 0,
        .warn = warn,
        .context = appendonly,
    };
    const enum aof_recovery_status status = aof_recovery_open(&replaying->recovery, &appendonly->files, &options);
    if (status != AOF_RECOVERY_OK && status != AOF_RECOVERY_NONE) {
        write_error(appendonly, &replaying->recovery, status, error);
        return APPENDONLY_REFUSED;
    }
    replaying->total_bytes = bytes_of(replaying);
    return status == AOF_RECOVERY_NONE ? APPENDONLY_NONE : APPENDONLY_FOUND;
}

void replaying_take_over(struct replaying *replaying, struct replaying *previous)
{
    replaying->previous = previous;
}

void replaying_close(struct replaying *replaying)
{
    while (replaying != NULL) {
        struct replaying *previous = replaying->previous;
        for (uint32_t i = 0; i < replaying->appendonly->server->shard_count; i++) {
            buffer_release(&replaying->shares[i].text);
        }
        aof_replay_close(replaying->replay);
        aof_recovery_close(&replaying->recovery);
        thread_free(MEM_SNAPSHOT, replaying, replaying_bytes(replaying->appendonly->server));
        replaying = previous;
    }
}

/* --- the end of the process --- */

static _Noreturn void end_process(const struct replaying *replaying, const char *text)
{
    start_error_be_first();
    start_error_say(replaying->appendonly->server->config, "cannot start: the log cannot be loaded: %s", text);
    _Exit(EXIT_FAILURE);
}

static _Noreturn void fail(const struct replaying *replaying, enum aof_replay_status status, uint32_t log)
{
    char text[APPENDONLY_ERROR_MAX];
    if (status == AOF_REPLAY_NO_MEMORY || replaying->replay == NULL) {
        end_process(replaying, "out of memory");
    }
    const struct aof_replay_place place = aof_replay_place(replaying->replay, log);
    snprintf(text, sizeof text, "%.180s/%s%s, at %" PRIu64 ": %s; tools/check-log shows it, and with --fix repairs it", replaying->appendonly->path,
             replaying->appendonly->prefix, place.file,
             place.offset, place.fault != NULL ? place.fault : strerror(place.error));
    end_process(replaying, text);
}

/* --- batons --- */

enum { HOLDS_NONE = SHARD_NONE, HOLDS_ALL };

/* The locks of DEBUG LOADAOF do not stop what is repeated. */
static void lift(const struct replaying *replaying, uint32_t held, bool is_lifted)
{
    const uint32_t first = held == HOLDS_ALL ? 0 : held;
    const uint32_t end = held == HOLDS_ALL ? replaying->appendonly->server->shard_count : held + 1;
    for (uint32_t i = first; i < end; i++) {
        appendonly_lift(replaying->appendonly, i, is_lifted);
    }
}

static void release_held(struct thread *thread, const struct replaying *replaying, uint32_t *held)
{
    if (*held == HOLDS_NONE) {
        return;
    }
    lift(replaying, *held, false);
    if (*held == HOLDS_ALL) {
        shards_release_all(thread);
    } else {
        struct shard *shard = &thread->server->shards[*held];
        baton_assert_held(&shard->baton);
        shard_release(thread, shard);
    }
    *held = HOLDS_NONE;
}

/* One baton, or all; what was held before is given up if it is another. */
static void hold(struct thread *thread, const struct replaying *replaying, uint32_t *held, uint32_t wanted)
{
    if (*held == wanted) {
        return;
    }
    release_held(thread, replaying, held);
    if (wanted == HOLDS_ALL) {
        shards_take_all(thread);
    } else {
        baton_take_one_of_several(&thread->server->shards[wanted].baton);
    }
    lift(replaying, wanted, true);
    *held = wanted;
}

/* Where a command runs now: rows of a table are elsewhere in each process. */
static uint32_t shard_for(struct thread *thread, const struct command_spec *spec, struct bytes *words, uint32_t count, uint32_t db)
{
    struct call call = {.spec = spec, .argv = words, .argc = count, .db = db, .protocol = 2};
    if (spec->scope != SCOPE_KEYS && spec->scope != SCOPE_ROUTED) {
        return HOLDS_ALL;
    }
    call_route(thread, &call);
    return call.is_exclusive ? HOLDS_ALL : call.shard;
}

/* --- one record --- */

static void note_error(struct replaying *replaying, struct replaying_share *share, uint32_t log, const struct aof_record *record, struct bytes reply)
{
    if (share->errors == 0) {
        const struct bytes first = record->words[0];
        log_write(replaying->appendonly->server->config, LOG_LEVEL_WARNING, "A change in %s could not be repeated: %.*s: %.*s",
                  aof_replay_place(replaying->replay, log).file, first.len < SHOWN_WORD ? (int)first.len : SHOWN_WORD, first.data,
                  reply.len < 200 ? (int)reply.len : 200, reply.data);
    }
    __atomic_store_n(&share->errors, share->errors + 1, __ATOMIC_RELAXED);
}

static _Noreturn void refuse_database(const struct replaying *replaying, uint32_t log, uint32_t db)
{
    char text[APPENDONLY_ERROR_MAX];
    snprintf(text, sizeof text, "%.180s/%s has changes of database %u, and `databases` is %" PRId64, replaying->appendonly->path,
             aof_replay_place(replaying->replay, log).file, db,
             atomic_load_explicit(&replaying->appendonly->server->config->databases, memory_order_relaxed));
    end_process(replaying, text);
}

static void repeat(struct thread *thread, struct replaying *replaying, uint32_t log, const struct aof_record *record, uint32_t *held)
{
    if (UNLIKELY(record->db >= (uint64_t)atomic_load_explicit(&thread->server->config->databases, memory_order_relaxed))) {
        refuse_database(replaying, log, record->db);
    }
    struct replaying_share *share = &replaying->shares[thread->number];
    struct buffer *text = &share->text;
    struct bytes *words = (struct bytes *)(uintptr_t)record->words; /* handlers may put theirs in place of them */
    const struct command_spec *spec;
    struct reply reply, unused;
    reply_begin(&unused, text, 2);
    reply_begin(&reply, text, 2);
    if (command_choose(server_find_own_command(thread->server, words[0]), words, record->count, &reply, &spec)) {
        hold(thread, replaying, held, shard_for(thread, spec, words, record->count, record->db));
        struct exec outer = {.server = thread->server, .thread = thread, .reply = &unused, .now_ms = thread->now_ms, .db = record->db};
        exec_run_chosen_inside(&outer, spec, words, record->count, &reply);
    }
    if (UNLIKELY(reply.is_error != REPLY_FINE || reply.is_broken)) {
        note_error(replaying, share, log, record, (struct bytes){reply.out->data + reply.start, reply.is_broken ? 0 : reply_len(&reply)});
    }
    __atomic_store_n(&share->records, share->records + 1, __ATOMIC_RELAXED);
    buffer_release(&reply.own);
    text->len = 0;
}

/* --- a thread's logs --- */

/* Until the time is over, or the log stops. True: it has stopped. */
static bool read_log(struct thread *thread, struct replaying *replaying, uint32_t log, uint64_t end_ticks, uint32_t *held)
{
    for (;;) {
        for (int i = 0; i < RECORDS_A_LOOK; i++) {
            struct aof_record record;
            const enum aof_replay_status status = aof_replay_next(replaying->replay, log, &record);
            if (status == AOF_REPLAY_BARRIER || status == AOF_REPLAY_END) {
                replaying->has_more[log] = status == AOF_REPLAY_BARRIER;
                return true;
            }
            if (status != AOF_REPLAY_RECORD) {
                fail(replaying, status, log);
            }
            repeat(thread, replaying, log, &record, held);
        }
        if (clock_ticks() >= end_ticks) {
            return false;
        }
    }
}

static void note_bytes(const struct thread *thread, struct replaying *replaying)
{
    uint64_t bytes = 0;
    for (uint32_t log = thread->number; log < replaying->log_count; log += thread->server->shard_count) {
        bytes += aof_replay_place(replaying->replay, log).offset;
    }
    __atomic_store_n(&replaying->shares[thread->number].bytes, bytes, __ATOMIC_RELAXED);
}

/* True: all logs of the thread have stopped. */
static bool read_own(struct thread *thread, struct replaying *replaying)
{
    const uint64_t end_ticks = clock_ticks() + (uint64_t)(STEP_US * thread->server->ticks_per_us);
    bool have_stopped = true;
    uint32_t held = HOLDS_NONE;
    for (uint32_t log = thread->number; log < replaying->log_count && have_stopped; log += thread->server->shard_count) {
        have_stopped = read_log(thread, replaying, log, end_ticks, &held);
    }
    release_held(thread, replaying, &held);
    note_bytes(thread, replaying);
    return have_stopped;
}

/* --- rounds --- */

static void begin_round(struct replaying *replaying)
{
    atomic_store_explicit(&replaying->threads_left, replaying->appendonly->server->shard_count, memory_order_relaxed);
    atomic_fetch_add_explicit(&replaying->round, 1, memory_order_release);
    atomic_store_explicit(&replaying->phase, PHASE_REPLAYING, memory_order_release);
}

/* The next generation, if there is one. */
static enum replaying_status open_generation(struct replaying *replaying)
{
    if (replaying->generation == replaying->recovery.manifest.generation_count) {
        atomic_store_explicit(&replaying->phase, PHASE_OVER, memory_order_release);
        return REPLAYING_IS_OVER;
    }
    const enum aof_replay_status status = aof_replay_open(&replaying->replay, &replaying->recovery, &replaying->appendonly->files, replaying->generation);
    if (status != AOF_REPLAY_RECORD) {
        uint32_t log = 0;
        while (replaying->replay != NULL && log + 1 < aof_replay_log_count(replaying->replay) &&
               aof_replay_place(replaying->replay, log).fault == NULL && aof_replay_place(replaying->replay, log).error == 0) {
            log++;
        }
        fail(replaying, status, log);
    }
    replaying->log_count = aof_replay_log_count(replaying->replay);
    begin_round(replaying);
    return REPLAYING_GOES_ON;
}

static void repeat_barrier(struct thread *thread, struct replaying *replaying)
{
    struct aof_record record;
    uint32_t log = 0;
    const enum aof_replay_status status = aof_replay_barrier(replaying->replay, &record, &log);
    if (status != AOF_REPLAY_RECORD) {
        fail(replaying, status, log);
    }
    uint32_t held = HOLDS_NONE;
    repeat(thread, replaying, log, &record, &held);
    release_held(thread, replaying, &held);
}

static bool any_has_more(const struct replaying *replaying)
{
    bool has_any = false;
    for (uint32_t log = 0; log < replaying->log_count; log++) {
        has_any |= replaying->has_more[log];
    }
    return has_any;
}

static enum replaying_status go_on(struct thread *thread, struct replaying *replaying)
{
    if (any_has_more(replaying)) {
        repeat_barrier(thread, replaying);
        begin_round(replaying);
        return REPLAYING_GOES_ON;
    }
    uint64_t done_bytes = replaying->done_bytes;
    for (uint32_t log = 0; log < replaying->log_count; log++) {
        done_bytes += aof_replay_place(replaying->replay, log).bytes;
    }
    for (uint32_t i = 0; i < thread->server->shard_count; i++) {
        __atomic_store_n(&replaying->shares[i].bytes, 0, __ATOMIC_RELAXED); /* their threads wait */
    }
    __atomic_store_n(&replaying->done_bytes, done_bytes, __ATOMIC_RELAXED);
    aof_replay_close(replaying->replay);
    replaying->replay = NULL;
    replaying->generation++;
    return open_generation(replaying);
}

static void report(const struct thread *thread, struct replaying *replaying)
{
    if (thread->now_ms - replaying->reported_ms < REPORT_MS) {
        return;
    }
    struct replaying_figures figures;
    replaying->reported_ms = thread->now_ms;
    replaying_figures(replaying, &figures);
    const double seconds = (double)(thread->now_ms - replaying->repeated_ms) / 1000;
    const double done = (double)figures.bytes, total = (double)figures.total_bytes;
    log_write(thread->server->config, LOG_LEVEL_NOTICE, "Loading the log: %" PRIu64 " changes repeated, %.0f a second; %.0f %% of %.1f MB, %.0f s left", figures.records,
              (double)figures.records / seconds, total > 0 ? 100 * done / total : 100, total / 1e6, done > 0 ? seconds * (total - done) / done : 0);
}

enum replaying_status replaying_step(struct thread *thread, struct replaying *replaying)
{
    struct replaying_share *share = &replaying->shares[thread->number];
    const bool is_first = thread->number == 0;
    const uint64_t round = atomic_load_explicit(&replaying->round, memory_order_acquire);
    switch ((enum phase)atomic_load_explicit(&replaying->phase, memory_order_acquire)) {
    case PHASE_WAITING:
        if (!is_first || !loading_is_over(thread->server)) {
            return REPLAYING_WAITS;
        }
        replaying->repeated_ms = replaying->reported_ms = thread->now_ms;
        return open_generation(replaying);
    case PHASE_REPLAYING:
        if (is_first) {
            report(thread, replaying);
        }
        if (share->round == round) {
            return REPLAYING_WAITS;
        }
        if (read_own(thread, replaying)) {
            share->round = round;
            if (atomic_fetch_sub_explicit(&replaying->threads_left, 1, memory_order_acq_rel) == 1) {
                atomic_store_explicit(&replaying->phase, PHASE_STOPPED, memory_order_release);
            }
        }
        return REPLAYING_GOES_ON;
    case PHASE_STOPPED:
        return is_first ? go_on(thread, replaying) : REPLAYING_WAITS;
    case PHASE_OVER:
        break;
    }
    return REPLAYING_WAITS;
}

void replaying_figures(const struct replaying *replaying, struct replaying_figures *out)
{
    *out = (struct replaying_figures){.started_ms = replaying->started_ms, .total_bytes = replaying->total_bytes,
                                      .bytes = __atomic_load_n(&replaying->done_bytes, __ATOMIC_RELAXED)};
    for (uint32_t i = 0; i < replaying->appendonly->server->shard_count; i++) {
        out->records += __atomic_load_n(&replaying->shares[i].records, __ATOMIC_RELAXED);
        out->errors += __atomic_load_n(&replaying->shares[i].errors, __ATOMIC_RELAXED);
        out->bytes += __atomic_load_n(&replaying->shares[i].bytes, __ATOMIC_RELAXED);
    }
}

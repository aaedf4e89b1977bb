/* reloading.c - see reloading.h.  */
#include "appendonly/reloading.h"

#include "appendonly/replaying.h"
#include "appendonly/rewriting.h"
#include "base/clock.h"
#include "exec/waiting.h"
#include "mem/heap.h"
#include "shard/inbox.h"
#include "shard/key_lock.h"
#include "shard/log.h"
#include "shard/pinned.h"
#include "shard/thread.h"
#include "snapshot/loading.h"
#include "snapshot/snapshot.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum phase { PHASE_LOCKING, PHASE_WRITING, PHASE_READY, PHASE_LOADING };

struct reloading {
    struct appendonly *appendonly;
    enum phase phase;
    struct replaying *replaying;             /* from READY on; with LOADING it is the log's */
    uint32_t lock_count;                     /* that are listed */
    struct key_lock locks[SHARD_COUNT_MAX];  /* one a shard, so that each may be lifted by itself */
};

/* --- locks --- */

static void unlock(struct thread *thread, struct reloading *reloading)
{
    for (uint32_t i = 0; i < reloading->lock_count; i++) {
        struct shard *shard = &thread->server->shards[i];
        baton_assert_held(&shard->baton);
        key_lock_unlist(&reloading->locks[i]);
        if (reloading->phase != PHASE_LOCKING) {
            shard->script = SHARD_NO_SCRIPT;
        }
        waiters_call(thread, shard, WAIT_LOCKS, 0);
        if (shard->lock_count == 0 && shard_job_pins(shard) == 0) {
            waiters_call(thread, shard, WAIT_PINS, 0);
        }
    }
    reloading->lock_count = 0;
}

/* False: no memory. */
static bool list_locks(struct reloading *reloading)
{
    struct server *server = reloading->appendonly->server;
    bool is_listed = true;
    for (uint32_t i = 0; i < server->shard_count && is_listed; i++) {
        key_lock_open_all(&reloading->locks[i], KEY_LOCK_EXCLUSIVE);
        is_listed = key_lock_list(&reloading->locks[i], &server->shards[i], 1);
        reloading->lock_count += is_listed;
    }
    return is_listed;
}

/* Nobody has keys in use: from here on calls wait, and so does who asks for a key. False: exec_wait_for was called. */
static bool grant(struct reloading *reloading, struct exec *exec)
{
    struct server *server = exec->server;
    for (uint32_t i = 0; i < server->shard_count; i++) {
        struct shard *shard = &server->shards[i];
        baton_assert_held(&shard->baton);
        if (!key_lock_is_free(&reloading->locks[i], shard)) {
            exec_wait_for(exec, shard, WAIT_LOCKS, 0, WAIT_WITH_READERS);
            return false;
        }
    }
    for (uint32_t i = 0; i < server->shard_count; i++) {
        assert(server->shards[i].script == SHARD_NO_SCRIPT); /* it would have a lock */
        server->shards[i].script = SHARD_HAS_SCRIPT;
        reloading->locks[i].is_granted = true;
        reloading->locks[i].granted_ms = exec->now_ms;
    }
    atomic_fetch_or_explicit(&server->refusals, REFUSE_WHILE_LOADING, memory_order_release);
    return true;
}

static void lift_all(struct reloading *reloading, bool is_lifted)
{
    for (uint32_t i = 0; i < reloading->lock_count; i++) {
        appendonly_lift(reloading->appendonly, i, is_lifted);
    }
}

/* --- up to READY --- */

static bool saves(const struct server *server)
{
    struct snapshot_figures figures;
    snapshots_figures(server->snapshots, &figures);
    return figures.is_running;
}

/* RELOADING_PAUSES with *out: it has begun. */
static enum reloading_status begin(struct exec *exec, struct reloading **out, char error[APPENDONLY_ERROR_MAX])
{
    struct appendonly *appendonly = exec->server->logged.appendonly;
    if (server_is_loading(exec->server) || saves(exec->server) || !rewriting_hold(appendonly->rewriting)) {
        return RELOADING_PAUSES;
    }
    struct reloading *reloading = thread_alloc_zeroed(MEM_SERVER, sizeof *reloading);
    if (reloading == NULL) {
        rewriting_let_go(appendonly->rewriting);
        snprintf(error, APPENDONLY_ERROR_MAX, "out of memory");
        return RELOADING_REFUSED;
    }
    reloading->appendonly = appendonly;
    appendonly->reloading = *out = reloading;
    appendonly->reload_locks = reloading->locks;
    if (!list_locks(reloading)) {
        snprintf(error, APPENDONLY_ERROR_MAX, "out of memory");
        return RELOADING_REFUSED;
    }
    return RELOADING_PAUSES;
}

/* All that was appended is in the files. */
static enum reloading_status write_rest(struct reloading *reloading, struct exec *exec, char error[APPENDONLY_ERROR_MAX])
{
    struct appendonly *appendonly = reloading->appendonly;
    const uint32_t count = exec->server->shard_count;
    bool is_written = shard_logs_flush(exec->thread, appendonly->logs, count, true) != LOGS_BUSY;
    const int failed = appendonly_error(appendonly);
    if (failed != 0) {
        snprintf(error, APPENDONLY_ERROR_MAX, "the log cannot be written: %s", strerror(failed));
        return RELOADING_REFUSED;
    }
    for (uint32_t i = 0; i < count; i++) {
        is_written = is_written && shard_log_is_written(&appendonly->logs[i]);
    }
    return is_written ? RELOADING_READY : RELOADING_PAUSES;
}

static enum reloading_status go_on(struct reloading *reloading, struct exec *exec, char error[APPENDONLY_ERROR_MAX])
{
    if (reloading->phase == PHASE_LOCKING) {
        if (!grant(reloading, exec)) {
            return RELOADING_WAITS;
        }
        reloading->phase = PHASE_WRITING;
    }
    const enum reloading_status written = write_rest(reloading, exec, error);
    if (written != RELOADING_READY || saves(exec->server)) {
        return written == RELOADING_READY ? RELOADING_PAUSES : written;
    }
    if (replaying_open(reloading->appendonly, &reloading->replaying, error) != APPENDONLY_FOUND) {
        return RELOADING_REFUSED;
    }
    reloading->phase = PHASE_READY;
    lift_all(reloading, true); /* for whoever takes the data out */
    return RELOADING_READY;
}

enum reloading_status reloading_prepare(struct exec *exec, struct reloading **out, char error[APPENDONLY_ERROR_MAX])
{
    enum reloading_status status = RELOADING_PAUSES;
    error[0] = 0;
    if (appendonly_state(exec->server->logged.appendonly) == APPENDONLY_OFF) {
        snprintf(error, APPENDONLY_ERROR_MAX, "the log is off: there is nothing to load");
        status = RELOADING_REFUSED;
    } else {
        status = *out == NULL ? begin(exec, out, error) : go_on(*out, exec, error);
    }
    if (status == RELOADING_REFUSED) {
        reloading_give_up(exec->thread, *out);
        *out = NULL;
    }
    return status;
}

void reloading_give_up(struct thread *thread, struct reloading *reloading)
{
    if (reloading == NULL) {
        return;
    }
    assert(reloading->phase != PHASE_LOADING);
    unlock(thread, reloading);
    if (reloading->phase != PHASE_LOCKING) {
        atomic_fetch_and_explicit(&thread->server->refusals, ~(uint32_t)REFUSE_WHILE_LOADING, memory_order_release);
    }
    rewriting_let_go(reloading->appendonly->rewriting);
    reloading->appendonly->reloading = NULL;
    reloading->appendonly->reload_locks = NULL;
    reloading_destroy(reloading);
}

/* --- from READY on --- */

static _Noreturn void end_process(const struct appendonly *appendonly, const char *error)
{
    log_write(appendonly->server->config, LOG_LEVEL_WARNING, "DEBUG LOADAOF has taken the data out, and the log's base cannot be loaded: %s", error);
    _Exit(EXIT_FAILURE);
}

void reloading_load(struct reloading *reloading)
{
    struct appendonly *appendonly = reloading->appendonly;
    struct server *server = appendonly->server;
    const struct aof_manifest *manifest = &replaying_recovery(reloading->replaying)->manifest;
    char path[APPENDONLY_PATH_BYTES], error[LOADING_ERROR_MAX];
    assert(reloading->phase == PHASE_READY);
    if (manifest->base_count > 0) {
        appendonly_path(appendonly, manifest->bases[0].name, path);
        if (loading_open(server, path, error) != LOADING_OPENED) {
            end_process(appendonly, error);
        }
        loading_be_followed(server);
    }
    for (uint32_t i = 0; i < server->shard_count; i++) {
        server->shards[i].owner.is_expiry_off = server->shards[i].is_expiry_off = true; /* what has expired is deleted by records */
    }
    effects_want(&server->effects, appendonly->listener, 0); /* records are not logged again */
    lift_all(reloading, false);
    replaying_take_over(reloading->replaying, appendonly->replaying);
    __atomic_store_n(&appendonly->replaying, reloading->replaying, __ATOMIC_RELEASE);
    reloading->replaying = NULL;
    reloading->phase = PHASE_LOADING;
    atomic_store_explicit(&appendonly->state, APPENDONLY_LOADING, memory_order_release);
}

void reloading_end(struct thread *thread, struct appendonly *appendonly)
{
    struct server *server = thread->server;
    struct reloading *reloading = appendonly->reloading;
    struct replaying_figures figures;
    replaying_figures(appendonly->replaying, &figures);
    shards_take_all(thread);
    for (uint32_t i = 0; i < server->shard_count; i++) {
        server->shards[i].owner.is_expiry_off = server->shards[i].is_expiry_off = false;
        __atomic_store_n(&server->shards[i].changes, 0, __ATOMIC_RELAXED);
    }
    unlock(thread, reloading);
    appendonly->reloading = NULL;
    appendonly->reload_locks = NULL;
    effects_want(&server->effects, appendonly->listener, LISTEN_EFFECTS);
    atomic_store_explicit(&appendonly->state, APPENDONLY_ON, memory_order_release);
    atomic_fetch_and_explicit(&server->refusals, ~(uint32_t)REFUSE_WHILE_LOADING, memory_order_release);
    shards_release_all(thread);
    rewriting_let_go(appendonly->rewriting);
    reloading_destroy(reloading);
    log_write(server->config, LOG_LEVEL_WARNING, "The log was loaded by DEBUG LOADAOF: %llu changes repeated in %.3f seconds, of which %llu could not be",
              (unsigned long long)figures.records, (double)(clock_wall_ms() - figures.started_ms) / 1000, (unsigned long long)figures.errors);
}

void reloading_destroy(struct reloading *reloading)
{
    if (reloading != NULL) {
        replaying_close(reloading->replaying);
        thread_free(MEM_SERVER, reloading, sizeof *reloading);
    }
}

/* ending.c - see ending.h.  */
#include "snapshot/ending.h"

#include "base/clock.h"
#include "mem/heap.h"
#include "shard/inbox.h"
#include "shard/log.h"
#include "shard/server.h"
#include "shard/thread.h"
#include "snapshot/save_points.h"
#include "snapshot/snapshot.h"
#include "snapshot/standstill.h"

#include <pthread.h>

enum {
    IDLE_US = 20000,
    POLL_US = 1000,
    HALF_DONE_US = 1000000, /* commands of many steps may take so long before the log's frames are closed half-way through them */
    TRIES_MAX = 5, /* snapshots after which something had changed all the same; then readers wait, too */
};

enum ending_state { ENDING_NONE, ENDING_ASKED, ENDING_OPENING, ENDING_RUNNING, ENDING_LOGGING };

struct ending {
    struct server *server;
    pthread_mutex_t lock;
    _Atomic int state;         /* under the lock; read relaxed to see whether there is work */
    bool wants_save, is_forced, is_taken_back;
    bool has_begun;            /* clients are paused */
    uint64_t number;           /* of wishes */
    uint64_t failed;           /* the last one that has come to nothing */
    /* the first thread's own */
    uint64_t snapshot;
    uint32_t tries;
    bool is_saved;
    int64_t logging_since_us;  /* monotonic */
    struct standstill standstill;
};

struct ending *ending_create(struct server *server)
{
    struct ending *ending = thread_alloc_zeroed(MEM_SERVER, sizeof *ending);
    if (ending != NULL) {
        ending->server = server;
        pthread_mutex_init(&ending->lock, NULL);
    }
    return ending;
}

void ending_destroy(struct ending *ending)
{
    if (ending != NULL) {
        pthread_mutex_destroy(&ending->lock);
        thread_free(MEM_SERVER, ending, sizeof *ending);
    }
}

bool ending_wants_save(struct config *config)
{
    return save_points_any(config);
}

static enum ending_state state_of(const struct ending *ending)
{
    return (enum ending_state)atomic_load_explicit(&ending->state, memory_order_relaxed);
}

static void enter(struct ending *ending, enum ending_state state)
{
    atomic_store_explicit(&ending->state, (int)state, memory_order_relaxed);
}

bool ending_takes_time(const struct server *server)
{
    const bool is_logged = atomic_load_explicit(&server->logged.counts, memory_order_relaxed);
    return server->ending != NULL && !server_is_loading(server) && (is_logged || ending_wants_save(server->config));
}

bool ending_is_under_way(const struct ending *ending)
{
    return state_of(ending) != ENDING_NONE;
}

uint64_t ending_ask(struct ending *ending, bool wants_save, bool is_forced)
{
    pthread_mutex_lock(&ending->lock);
    if (state_of(ending) == ENDING_NONE) {
        enter(ending, ENDING_ASKED);
        ending->number++;
        ending->is_forced = false;
        ending->is_taken_back = false;
        ending->has_begun = false;
    }
    ending->wants_save = wants_save;
    ending->is_forced = ending->is_forced || is_forced;
    const uint64_t number = ending->number;
    pthread_mutex_unlock(&ending->lock);
    return number;
}

bool ending_take_back(struct ending *ending)
{
    pthread_mutex_lock(&ending->lock);
    const bool is_asked = state_of(ending) != ENDING_NONE;
    ending->is_taken_back = is_asked;
    pthread_mutex_unlock(&ending->lock);
    return is_asked;
}

bool ending_has_failed(struct ending *ending, uint64_t number)
{
    pthread_mutex_lock(&ending->lock);
    const bool has_failed = ending->failed >= number;
    pthread_mutex_unlock(&ending->lock);
    return has_failed;
}

/* --- the first thread --- */

/* False: DEBUG RELOAD goes on; it is waited for. */
static bool begin(struct ending *ending)
{
    struct server *server = ending->server;
    if (!standstill_begin(&ending->standstill, server)) {
        return false;
    }
    ending->tries = 0;
    ending->is_saved = false;
    ending->has_begun = true;
    log_write(server->config, LOG_LEVEL_NOTICE, ending->wants_save ? "Saving the final snapshot before exiting" : "Writing the log to its end before exiting");
    return true;
}

static void give_up(struct ending *ending, const char *why)
{
    struct server *server = ending->server;
    standstill_end(&ending->standstill);
    atomic_store_explicit(&server->logged.syncs_all, false, memory_order_relaxed);
    log_write(server->config, LOG_LEVEL_WARNING, "The server goes on: %s", why);
    ending->failed = ending->number;
    enter(ending, ENDING_NONE);
}

static void fail_for(struct ending *ending, const char *why)
{
    if (ending->is_forced) {
        log_write(ending->server->config, LOG_LEVEL_WARNING, "The server ends by force, though %s", why);
        server_stop(ending->server);
        enter(ending, ENDING_NONE);
    } else {
        give_up(ending, why);
    }
}

static void fail(struct ending *ending)
{
    fail_for(ending, "the final snapshot could not be saved");
}

/* --- the log --- */

static void begin_logging(struct ending *ending)
{
    ending->logging_since_us = clock_monotonic_us();
    atomic_store_explicit(&ending->server->logged.syncs_all, true, memory_order_relaxed);
    enter(ending, ENDING_LOGGING);
}

static void write_log(struct thread *thread, struct ending *ending)
{
    const bool has_waited = clock_monotonic_us() - ending->logging_since_us >= HALF_DONE_US;
    const struct logged *logged = &thread->server->logged;
    switch (logged->write_all == NULL ? LOGGED_ALL : logged->write_all(thread, has_waited)) {
    case LOGGED_WAITS:
        return;
    case LOGGED_REFUSED:
        fail_for(ending, "the log cannot be written to its end");
        return;
    case LOGGED_ALL:
        break;
    }
    if (ending->wants_save && !ending->is_saved) {
        enter(ending, ENDING_ASKED); /* a later wish wants it */
    } else {
        server_stop(ending->server);
    }
}

/* --- the snapshot --- */

static uint64_t changes_of(const struct server *server)
{
    uint64_t changes = 0;
    for (uint32_t i = 0; i < server->shard_count; i++) {
        changes += __atomic_load_n(&server->shards[i].changes, __ATOMIC_RELAXED);
    }
    return changes;
}

/* Another snapshot that runs is given up: what it has is older. */
static void open_file(struct ending *ending)
{
    struct snapshots *snapshots = ending->server->snapshots;
    int error;
    switch (snapshots_open(snapshots, &error)) {
    case SNAPSHOT_BUSY:
        snapshots_cancel_all(snapshots);
        break;
    case SNAPSHOT_FAILED:
        fail(ending);
        break;
    default:
        enter(ending, ENDING_OPENING);
    }
}

static void cut(struct thread *thread, struct ending *ending)
{
    struct snapshots *snapshots = ending->server->snapshots;
    int error;
    const enum snapshot_opened opened = snapshots_opened(snapshots, &error);
    if (opened == SNAPSHOT_FAILED) {
        fail(ending);
        return;
    }
    if (opened != SNAPSHOT_READY) {
        return;
    }
    shards_take_all(thread);
    if (snapshots_may_cut(thread->server)) {
        ending->snapshot = snapshots_cut(thread, snapshots);
        enter(ending, ENDING_RUNNING);
    }
    shards_release_all(thread);
    if (state_of(ending) == ENDING_RUNNING && ending->snapshot == 0) {
        fail(ending);
    }
}

static void see_end(struct ending *ending)
{
    switch (snapshots_outcome(ending->server->snapshots, ending->snapshot)) {
    case SNAPSHOT_GOES_ON:
        return;
    case SNAPSHOT_HAS_FAILED:
        fail(ending);
        return;
    case SNAPSHOT_HAS_SUCCEEDED:
        break;
    }
    /* With all commands paused only expiry may have changed something. */
    if (changes_of(ending->server) == 0 || ending->tries >= TRIES_MAX) {
        ending->is_saved = true;
        begin_logging(ending);
        return;
    }
    ending->tries++;
    if (ending->tries == TRIES_MAX) {
        standstill_widen(&ending->standstill);
    }
    enter(ending, ENDING_ASKED);
}

static void take_back(struct ending *ending)
{
    if (state_of(ending) == ENDING_OPENING) {
        snapshots_abandon(ending->server->snapshots);
    }
    give_up(ending, "the end was taken back");
}

/* A later wish wants no snapshot. */
static void leave_save(struct ending *ending)
{
    if (state_of(ending) == ENDING_OPENING) {
        snapshots_abandon(ending->server->snapshots);
    }
    begin_logging(ending);
}

int64_t ending_work(struct thread *thread)
{
    struct ending *ending = thread->server->ending;
    if (ending == NULL || LIKELY(state_of(ending) == ENDING_NONE)) {
        return IDLE_US;
    }
    pthread_mutex_lock(&ending->lock);
    if (ending->is_taken_back) {
        take_back(ending);
    } else if (!ending->wants_save && (state_of(ending) == ENDING_OPENING || state_of(ending) == ENDING_RUNNING)) {
        leave_save(ending);
    } else {
        switch (state_of(ending)) {
        case ENDING_ASKED:
            if (!ending->has_begun && !begin(ending)) {
                break;
            }
            if (ending->wants_save) {
                open_file(ending);
            } else {
                begin_logging(ending);
            }
            break;
        case ENDING_OPENING:
            cut(thread, ending);
            break;
        case ENDING_RUNNING:
            see_end(ending);
            break;
        case ENDING_LOGGING:
            write_log(thread, ending);
            break;
        case ENDING_NONE:
            break;
        }
    }
    pthread_mutex_unlock(&ending->lock);
    return POLL_US;
}

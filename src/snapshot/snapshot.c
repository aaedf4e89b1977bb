/* snapshot.c - see snapshot.h.  */
#include "snapshot/snapshot.h"

#include "base/clock.h"
#include "mem/heap.h"
#include "persist/rdb_format.h"
#include "persist/rdb_string.h"
#include "shard/inbox.h"
#include "shard/key_lock.h"
#include "shard/log.h"
#include "shard/thread.h"
#include "snapshot/copy_wishes.h"
#include "snapshot/file_head.h"
#include "snapshot/save_points.h"
#include "snapshot/saved_tables.h"
#include "snapshot/saver.h"
#include "snapshot/shard_save.h"
#include "snapshot/snapshot_copy_private.h"
#include "table/catalogue.h"
#include "table/table.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum {
    IDLE_US = 100000,      /* between two looks at save points */
    POLL_US = 1000,
    STEP_US = 100,
    RETRY_MS = 5000,       /* after a failure, until save points try again */
};

enum state { STATE_IDLE, STATE_OPENING, STATE_RUNNING };

struct snapshots {
    struct server *server;
    const struct snapshot_hooks *hooks;
    pthread_mutex_t lock;          /* all but what says otherwise */
    _Atomic int state;             /* written under the lock; relaxed is enough for who only wants to know whether there is work */
    struct saver *saver;
    struct snapshot_copy *copy;    /* what OPENING and RUNNING are for; NULL: a save */
    struct copy_queue copies;      /* that wait */
    struct copy_wishes wishes;     /* with a lock of its own */
    bool is_abandoned;             /* OPENING: nobody goes on with it */
    bool is_own;                   /* OPENING: by the first thread itself, which makes the cut */
    bool is_scheduled;
    uint64_t number;               /* of the last save that was cut */
    uint64_t good_number;          /* of the last one that has succeeded */
    int64_t started_ms, tried_ms;  /* wall */
    bool last_is_good;
    int64_t last_seconds;
    uint64_t saves, last_bytes, most_waiting, last_most_waiting;
    struct saved_tables tables;    /* from the cut on */
    _Atomic uint32_t parts_left;
    struct part {
        struct shard_save *save;   /* under the shard's baton; NULL: there is none, or it is done */
        uint64_t changes;          /* of the shard, at the cut */
        uint64_t keys;             /* the last figures; relaxed */
        uint64_t written_keys;
        int64_t resume_us;         /* rdb-key-save-delay: not before, monotonic; the shard's thread's own */
    } parts[];
};

static size_t snapshots_size(const struct server *server)
{
    return sizeof(struct snapshots) + server->shard_count * sizeof(struct part);
}

struct snapshots *snapshots_create(struct server *server, const struct snapshot_hooks *hooks)
{
    struct snapshots *snapshots = thread_alloc_zeroed(MEM_SERVER, snapshots_size(server));
    if (snapshots != NULL) {
        snapshots->server = server;
        snapshots->hooks = hooks;
        snapshots->last_is_good = true;
        snapshots->last_seconds = -1;
        pthread_mutex_init(&snapshots->lock, NULL);
        copy_wishes_init(&snapshots->wishes);
    }
    return snapshots;
}

const struct snapshot_hooks *snapshots_hooks(const struct snapshots *snapshots)
{
    return snapshots->hooks;
}

struct copy_wishes *snapshots_wishes(struct snapshots *snapshots)
{
    return &snapshots->wishes;
}

static enum state state_of(const struct snapshots *snapshots)
{
    return (enum state)atomic_load_explicit(&snapshots->state, memory_order_acquire);
}

static void enter(struct snapshots *snapshots, enum state state)
{
    atomic_store_explicit(&snapshots->state, (int)state, memory_order_release);
}

/* --- opening --- */

static struct saver *start_saver(const struct snapshots *snapshots)
{
    struct config *config = snapshots->server->config;
    const struct snapshot_copy *copy = snapshots->copy;
    char name[SAVER_NAME_MAX], home[PATH_MAX];
    config_text_copy(config, &config->dbfilename, name, sizeof name);
    config_text_copy(config, &config->dir, home, sizeof home);
    return saver_start(&(struct saver_options){.folder = copy == NULL ? "." : copy->folder,
                                               .home = (copy == NULL || !copy->has_name) && home[0] == '/' ? home : NULL,
                                               .name = copy == NULL ? name : copy->name,
                                               .is_unnamed = copy != NULL && !copy->has_name,
                                               .queue_count = save_queue_count(snapshots->server->shard_count),
                                               .has_checksum = atomic_load_explicit(&config->rdbchecksum, memory_order_relaxed) != 0});
}

/* A failure of a save is remembered; one of a copy is its own. */
static void note_bad(struct snapshots *snapshots)
{
    snapshots->last_is_good = snapshots->last_is_good && snapshots->copy != NULL;
}

static void end_copy(struct snapshots *snapshots, int error)
{
    if (snapshots->copy != NULL) {
        snapshot_copy_end(snapshots->copy, snapshots->saver, error);
        snapshots->copy = NULL;
    }
}

/* For the copy that was taken out of the queue, or a save. */
static enum snapshot_opened open_locked(struct snapshots *snapshots, bool is_own, int *error)
{
    if (state_of(snapshots) != STATE_IDLE) {
        return SNAPSHOT_BUSY;
    }
    if (snapshots->copy == NULL) {
        snapshots->tried_ms = clock_wall_ms();
    }
    snapshots->saver = start_saver(snapshots);
    if (snapshots->saver == NULL) {
        *error = errno;
        note_bad(snapshots);
        end_copy(snapshots, *error);
        return SNAPSHOT_FAILED;
    }
    snapshots->is_abandoned = false;
    snapshots->is_own = is_own;
    enter(snapshots, STATE_OPENING);
    return SNAPSHOT_OPENING;
}

enum snapshot_opened snapshots_open(struct snapshots *snapshots, int *error)
{
    pthread_mutex_lock(&snapshots->lock);
    const enum snapshot_opened opened = open_locked(snapshots, false, error);
    pthread_mutex_unlock(&snapshots->lock);
    return opened;
}

static void say_failed(struct snapshots *snapshots, int *error)
{
    const char *what = saver_failed_at(snapshots->saver, error);
    if (*error == ECANCELED) {
        log_write(snapshots->server->config, LOG_LEVEL_NOTICE, "%s was cancelled", snapshots->copy == NULL ? "Saving the database" : "Making a copy of the database");
        return;
    }
    log_write(snapshots->server->config, LOG_LEVEL_WARNING, "%s has failed (%s): %s",
              snapshots->copy == NULL ? "Saving the database" : "Making a copy of the database", what, strerror(*error));
}

/* The saver has ended. */
static void forget_saver(struct snapshots *snapshots)
{
    end_copy(snapshots, ECANCELED);
    saver_destroy(snapshots->saver);
    snapshots->saver = NULL;
    enter(snapshots, STATE_IDLE);
}

enum snapshot_opened snapshots_opened(struct snapshots *snapshots, int *error)
{
    enum snapshot_opened opened = SNAPSHOT_OPENING;
    pthread_mutex_lock(&snapshots->lock);
    assert(state_of(snapshots) == STATE_OPENING);
    const enum saver_state state = saver_state(snapshots->saver);
    if (state == SAVER_OPEN) {
        opened = SNAPSHOT_READY;
    } else if (state == SAVER_FAILED) {
        opened = SNAPSHOT_FAILED;
        say_failed(snapshots, error);
        note_bad(snapshots);
        forget_saver(snapshots);
    }
    pthread_mutex_unlock(&snapshots->lock);
    return opened;
}

static void abandon_locked(struct snapshots *snapshots)
{
    assert(state_of(snapshots) == STATE_OPENING);
    snapshots->is_abandoned = true;
    saver_cancel(snapshots->saver);
}

void snapshots_abandon(struct snapshots *snapshots)
{
    pthread_mutex_lock(&snapshots->lock);
    abandon_locked(snapshots);
    pthread_mutex_unlock(&snapshots->lock);
}

/* --- the cut --- */

bool snapshots_may_cut(const struct server *server)
{
    if (server_is_loading(server)) {
        return false; /* DEBUG RELOAD: a part of the data is not there */
    }
    for (uint32_t i = 0; i < server->shard_count; i++) {
        const struct shard *shard = &server->shards[i];
        baton_assert_held(&shard->baton);
        if (shard->snapshot != NULL) {
            return false;
        }
    }
    return shards_changes_are_whole(server);
}

static bool write_counts(const struct server *server, struct buffer *out)
{
    const uint32_t databases = (uint32_t)atomic_load_explicit(&server->config->databases, memory_order_relaxed);
    for (uint32_t db = 0; db < databases; db++) {
        uint64_t keys = 0, expiring = 0;
        for (uint32_t i = 0; i < server->shard_count; i++) {
            keys += server->shards[i].databases[db].key_count;
            expiring += server->shards[i].databases[db].expiring_count;
        }
        if (keys > 0 && !(rdb_write_byte(out, RDB_OP_SELECT_DB) && rdb_write_length(out, db) &&
                          rdb_write_byte(out, RDB_OP_RESIZE_DB) && rdb_write_length(out, keys) && rdb_write_length(out, expiring))) {
            return false;
        }
    }
    return true;
}

/* What stands before all keys. */
static bool write_head(struct snapshots *snapshots, struct buffer *out)
{
    struct server *server = snapshots->server;
    const enum rdb_packing packing = atomic_load_explicit(&server->config->rdbcompression, memory_order_relaxed) == 0 ? RDB_PLAIN : RDB_PACKED;
    return file_head_write(server, out) && snapshots->hooks->write_functions(server, out) &&
           saved_tables_begin(&snapshots->tables, atomic_load_explicit(&server->catalogue, memory_order_acquire), packing, out) &&
           write_counts(server, out);
}

static bool begin_parts(struct snapshots *snapshots)
{
    struct server *server = snapshots->server;
    for (uint32_t i = 0; i < server->shard_count; i++) {
        struct part *part = &snapshots->parts[i];
        baton_assert_held(&server->shards[i].baton);
        part->save = shard_save_begin(&server->shards[i], snapshots->saver, &snapshots->tables);
        if (part->save == NULL) {
            return false;
        }
        part->changes = server->shards[i].changes;
        part->resume_us = 0;
        __atomic_store_n(&part->keys, shard_save_keys(part->save), __ATOMIC_RELAXED);
        __atomic_store_n(&part->written_keys, 0, __ATOMIC_RELAXED);
    }
    return true;
}

static void end_parts(struct thread *thread, struct snapshots *snapshots)
{
    for (uint32_t i = 0; i < snapshots->server->shard_count; i++) {
        struct part *part = &snapshots->parts[i];
        if (part->save != NULL) {
            shard_save_end(thread, part->save);
            part->save = NULL;
        }
    }
}

static void begin_copy(struct thread *thread, const struct snapshots *snapshots)
{
    const struct server *server = snapshots->server;
    const struct catalogue *catalogue = atomic_load_explicit(&server->catalogue, memory_order_acquire);
    struct copy_figures figures = {.started_ms = snapshots->started_ms};
    for (uint32_t i = 0; i < server->shard_count; i++) {
        figures.keys += snapshots->parts[i].keys;
    }
    for (uint32_t i = 0; i < catalogue_table_count(catalogue); i++) {
        struct table_memory memory;
        table_memory(catalogue_table_at(catalogue, i), &memory);
        figures.rows += memory.row_count;
    }
    snapshot_copy_begin(thread, snapshots->copy, &figures);
}

static bool cut_locked(struct thread *thread, struct snapshots *snapshots)
{
    struct buffer head = BUFFER_EMPTY(MEM_SNAPSHOT);
    bool is_begun = write_head(snapshots, &head) && begin_parts(snapshots) && saver_push(snapshots->saver, 0, &head, false);
    buffer_release(&head);
    if (!is_begun) {
        end_parts(thread, snapshots);
        saved_tables_release(&snapshots->tables);
        note_bad(snapshots);
        abandon_locked(snapshots);
        return false;
    }
    saver_close(snapshots->saver, 0);
    saver_go(snapshots->saver);
    atomic_store_explicit(&snapshots->parts_left, snapshots->server->shard_count, memory_order_relaxed);
    snapshots->started_ms = clock_wall_ms();
    if (snapshots->copy == NULL) {
        snapshots->number++;
    } else {
        begin_copy(thread, snapshots);
    }
    snapshots->most_waiting = 0;
    enter(snapshots, STATE_RUNNING);
    return true;
}

uint64_t snapshots_cut(struct thread *thread, struct snapshots *snapshots)
{
    pthread_mutex_lock(&snapshots->lock);
    const bool is_copy = snapshots->copy != NULL;
    const uint64_t number = cut_locked(thread, snapshots) ? snapshots->number : 0;
    pthread_mutex_unlock(&snapshots->lock);
    if (number > 0 && !is_copy) {
        log_write(snapshots->server->config, LOG_LEVEL_NOTICE, "Background saving started");
    }
    return number;
}

/* --- the parts --- */

/* By rdb-key-save-delay. The part is there, so the saver is, too. */
static bool is_delayed(const struct part *part, const struct saver *saver, int64_t delay_us)
{
    return delay_us > 0 && clock_monotonic_us() < part->resume_us && saver_state(saver) != SAVER_FAILED;
}

/* A step of the thread's own shard. 0: it wants to go on. */
static int64_t work_on_part(struct thread *thread, struct snapshots *snapshots)
{
    struct shard *shard = thread->shard;
    struct part *part = &snapshots->parts[shard->number];
    const int64_t delay_us = atomic_load_explicit(&thread->server->config->rdb_key_save_delay, memory_order_relaxed);
    if (!baton_try(&shard->baton)) {
        return 0;
    }
    int64_t wait_us = POLL_US; /* no longer: the delay may be taken back, or somebody wait for a value */
    if (part->save != NULL && (!is_delayed(part, snapshots->saver, delay_us) || shard_save_has_values(part->save))) {
        const uint64_t end = clock_ticks() + (uint64_t)(STEP_US * thread->server->ticks_per_us);
        const bool is_over = saver_state(snapshots->saver) == SAVER_FAILED || shard_save_step(thread, part->save, end, delay_us > 0);
        const uint64_t written = shard_save_written_keys(part->save);
        part->resume_us = clock_monotonic_us() + delay_us * (int64_t)(written - part->written_keys);
        __atomic_store_n(&part->written_keys, written, __ATOMIC_RELAXED);
        const bool has_failed = shard_save_has_failed(part->save);
        if (has_failed) {
            saver_cancel(snapshots->saver);
        }
        if (is_over || has_failed) {
            shard_save_end(thread, part->save);
            part->save = NULL;
            atomic_fetch_sub_explicit(&snapshots->parts_left, 1, memory_order_acq_rel);
        } else if (shard_save_may_step(part->save)) {
            wait_us = 0;
        }
    }
    shard_release(thread, shard);
    return wait_us;
}

/* --- the end, by the first thread --- */

/* Not under the lock: whoever makes a cut holds batons when it takes that. */
static void settle_changes(struct thread *thread, struct snapshots *snapshots)
{
    struct server *server = snapshots->server;
    for (uint32_t i = 0; i < server->shard_count; i++) {
        struct shard *shard = &server->shards[i];
        const struct shard_set taken = shard_take_unless_mine(thread, shard);
        __atomic_store_n(&shard->changes, shard->changes - snapshots->parts[i].changes, __ATOMIC_RELAXED);
        shard_give_back(thread, &taken);
    }
    atomic_store_explicit(&server->last_save_ms, clock_wall_ms(), memory_order_relaxed);
}

static void note_success(struct snapshots *snapshots)
{
    snapshots->saves++;
    snapshots->good_number = snapshots->number;
    snapshots->last_bytes = saver_written_bytes(snapshots->saver);
    log_write(snapshots->server->config, LOG_LEVEL_NOTICE, "Background saving terminated with success: %.1f MB in %lld s",
              (double)snapshots->last_bytes / 1e6, (long long)snapshots->last_seconds);
}

static void note_failure(struct snapshots *snapshots)
{
    int error;
    say_failed(snapshots, &error);
    snapshots->last_is_good = snapshots->last_is_good && error == ECANCELED;
}

static bool is_over(struct snapshots *snapshots)
{
    const enum saver_state state = saver_state(snapshots->saver);
    const uint64_t waiting = saver_waiting_bytes(snapshots->saver);
    snapshots->most_waiting = waiting > snapshots->most_waiting ? waiting : snapshots->most_waiting;
    return (state == SAVER_DONE || state == SAVER_FAILED) &&
           atomic_load_explicit(&snapshots->parts_left, memory_order_acquire) == 0;
}

static void end_running_copy(struct snapshots *snapshots, bool is_good)
{
    int error;
    if (!is_good) {
        say_failed(snapshots, &error);
    }
    saved_tables_release(&snapshots->tables);
    forget_saver(snapshots);
}

static void end_running(struct thread *thread, struct snapshots *snapshots)
{
    const bool is_good = saver_state(snapshots->saver) == SAVER_DONE;
    const bool is_copy = snapshots->copy != NULL;
    if (is_good && !is_copy) {
        settle_changes(thread, snapshots);
    }
    pthread_mutex_lock(&snapshots->lock);
    if (is_copy) {
        end_running_copy(snapshots, is_good);
        pthread_mutex_unlock(&snapshots->lock);
        return;
    }
    snapshots->last_seconds = (clock_wall_ms() - snapshots->started_ms + 999) / 1000;
    snapshots->last_most_waiting = snapshots->most_waiting;
    if (is_good) {
        snapshots->last_is_good = true;
        note_success(snapshots);
    } else {
        note_failure(snapshots);
    }
    saved_tables_release(&snapshots->tables);
    forget_saver(snapshots);
    pthread_mutex_unlock(&snapshots->lock);
}

/* The first thread's own snapshot: its cut, when it can be. */
static void cut_own(struct thread *thread, struct snapshots *snapshots)
{
    shards_take_all(thread);
    if (snapshots_may_cut(thread->server)) {
        (void)snapshots_cut(thread, snapshots);
    }
    shards_release_all(thread);
}

static bool is_due(const struct snapshots *snapshots, int64_t now_ms)
{
    if (snapshots->is_scheduled) {
        return true;
    }
    if (!snapshots->last_is_good && now_ms - snapshots->tried_ms < RETRY_MS) {
        return false;
    }
    uint64_t changes = 0;
    for (uint32_t i = 0; i < snapshots->server->shard_count; i++) {
        changes += __atomic_load_n(&snapshots->server->shards[i].changes, __ATOMIC_RELAXED);
    }
    const int64_t last_ms = atomic_load_explicit(&snapshots->server->last_save_ms, memory_order_relaxed);
    return save_points_due(snapshots->server->config, changes, (now_ms - last_ms) / 1000);
}

static int64_t tend_opening(struct thread *thread, struct snapshots *snapshots)
{
    int error = 0;
    if (snapshots->is_abandoned) {
        const enum saver_state state = saver_state(snapshots->saver);
        if (state == SAVER_FAILED || state == SAVER_DONE) {
            forget_saver(snapshots);
        }
    } else if (snapshots->is_own && snapshots_opened(snapshots, &error) == SNAPSHOT_READY) {
        cut_own(thread, snapshots);
    }
    return POLL_US;
}

/* Whoever refuses a write for it asks stop-writes-on-bgsave-error, too. */
static void set_refusal(struct snapshots *snapshots)
{
    struct server *server = snapshots->server;
    const bool is_refused = !snapshots->last_is_good && save_points_any(server->config);
    if (is_refused == ((atomic_load_explicit(&server->refusals, memory_order_relaxed) & REFUSE_WRITES_UNSAVED) != 0)) {
        return;
    }
    if (is_refused) {
        atomic_fetch_or_explicit(&server->refusals, REFUSE_WRITES_UNSAVED, memory_order_release);
    } else {
        atomic_fetch_and_explicit(&server->refusals, ~(uint32_t)REFUSE_WRITES_UNSAVED, memory_order_release);
    }
}

/* What was cancelled since the last look. */
static void tend_copies(struct snapshots *snapshots)
{
    pthread_mutex_lock(&snapshots->lock);
    copy_queue_fail(&snapshots->copies, false);
    if (snapshots->copy != NULL && atomic_load_explicit(&snapshots->copy->is_cancelled, memory_order_relaxed)) {
        if (state_of(snapshots) == STATE_RUNNING) {
            saver_cancel(snapshots->saver);
        } else if (!snapshots->is_abandoned) {
            abandon_locked(snapshots);
        }
    }
    pthread_mutex_unlock(&snapshots->lock);
}

static int64_t tend(struct thread *thread, struct snapshots *snapshots)
{
    int error;
    tend_copies(snapshots);
    switch (state_of(snapshots)) {
    case STATE_OPENING:
        return tend_opening(thread, snapshots);
    case STATE_RUNNING:
        if (is_over(snapshots)) {
            end_running(thread, snapshots);
        }
        return POLL_US;
    case STATE_IDLE:
        break;
    }
    pthread_mutex_lock(&snapshots->lock);
    int64_t wait_us = IDLE_US;
    set_refusal(snapshots);
    if (state_of(snapshots) == STATE_IDLE && !server_is_loading(snapshots->server) && is_due(snapshots, thread->now_ms)) {
        snapshots->is_scheduled = false;
        (void)open_locked(snapshots, true, &error);
        wait_us = POLL_US;
    } else if (state_of(snapshots) == STATE_IDLE && (snapshots->copy = copy_queue_take(&snapshots->copies)) != NULL) {
        (void)open_locked(snapshots, true, &error);
        wait_us = POLL_US;
    }
    pthread_mutex_unlock(&snapshots->lock);
    return wait_us;
}

int64_t snapshots_work(struct thread *thread)
{
    struct snapshots *snapshots = thread->server->snapshots;
    const bool is_first = thread->number == 0;
    if (snapshots == NULL) {
        return IDLE_US; /* a test's server */
    }
    if (state_of(snapshots) == STATE_IDLE && !is_first) {
        return IDLE_US;
    }
    int64_t wait_us = state_of(snapshots) == STATE_RUNNING ? work_on_part(thread, snapshots) : POLL_US;
    if (is_first) {
        const int64_t tend_us = tend(thread, snapshots);
        wait_us = state_of(snapshots) == STATE_IDLE || tend_us < wait_us ? tend_us : wait_us;
    }
    return wait_us;
}

/* --- what others ask --- */

enum snapshot_outcome snapshots_outcome(struct snapshots *snapshots, uint64_t number)
{
    pthread_mutex_lock(&snapshots->lock);
    enum snapshot_outcome outcome = SNAPSHOT_HAS_FAILED;
    if (number <= snapshots->good_number) {
        outcome = SNAPSHOT_HAS_SUCCEEDED;
    } else if (number == snapshots->number && state_of(snapshots) == STATE_RUNNING && snapshots->copy == NULL) {
        outcome = SNAPSHOT_GOES_ON;
    }
    pthread_mutex_unlock(&snapshots->lock);
    return outcome;
}

void snapshots_schedule(struct snapshots *snapshots)
{
    pthread_mutex_lock(&snapshots->lock);
    snapshots->is_scheduled = true;
    pthread_mutex_unlock(&snapshots->lock);
}

bool snapshots_cancel(struct snapshots *snapshots)
{
    pthread_mutex_lock(&snapshots->lock);
    const bool is_running = state_of(snapshots) == STATE_RUNNING && snapshots->copy == NULL;
    const bool is_there = snapshots->is_scheduled || is_running;
    snapshots->is_scheduled = false;
    if (is_running) {
        saver_cancel(snapshots->saver);
    }
    pthread_mutex_unlock(&snapshots->lock);
    return is_there;
}

void snapshots_ask(struct snapshots *snapshots, struct snapshot_copy *copy)
{
    pthread_mutex_lock(&snapshots->lock);
    copy_queue_add(&snapshots->copies, copy);
    pthread_mutex_unlock(&snapshots->lock);
}

void snapshots_cancel_all(struct snapshots *snapshots)
{
    pthread_mutex_lock(&snapshots->lock);
    snapshots->is_scheduled = false;
    copy_queue_fail(&snapshots->copies, true);
    if (snapshots->copy != NULL) {
        snapshot_copy_cancel(snapshots->copy);
    } else if (state_of(snapshots) == STATE_RUNNING) {
        saver_cancel(snapshots->saver);
    }
    pthread_mutex_unlock(&snapshots->lock);
}

void snapshots_figures(struct snapshots *snapshots, struct snapshot_figures *out)
{
    pthread_mutex_lock(&snapshots->lock);
    *out = (struct snapshot_figures){
        .is_running = state_of(snapshots) == STATE_RUNNING,
        .is_scheduled = snapshots->is_scheduled,
        .last_is_good = snapshots->last_is_good,
        .last_seconds = snapshots->last_seconds,
        .current_ms = -1,
        .saves = snapshots->saves,
        .last_bytes = snapshots->last_bytes,
        .last_waiting_bytes = snapshots->last_most_waiting,
    };
    if (out->is_running) {
        out->current_ms = clock_wall_ms() - snapshots->started_ms;
        out->file_bytes = saver_written_bytes(snapshots->saver);
        out->waiting_bytes = saver_waiting_bytes(snapshots->saver);
        for (uint32_t i = 0; i < snapshots->server->shard_count; i++) {
            out->keys += __atomic_load_n(&snapshots->parts[i].keys, __ATOMIC_RELAXED);
            out->written_keys += __atomic_load_n(&snapshots->parts[i].written_keys, __ATOMIC_RELAXED);
        }
    }
    pthread_mutex_unlock(&snapshots->lock);
}

void snapshots_destroy(struct snapshots *snapshots)
{
    if (snapshots == NULL) {
        return;
    }
    struct server *server = snapshots->server;
    for (uint32_t i = 0; i < server->shard_count; i++) {
        struct shard *shard = &server->shards[i];
        if (snapshots->parts[i].save != NULL && baton_try(&shard->baton)) {
            shard_save_end(server->threads[i], snapshots->parts[i].save);
            baton_release(&shard->baton);
        }
    }
    saver_destroy(snapshots->saver);
    snapshots->saver = NULL;
    end_copy(snapshots, ECANCELED); /* its file is not written to any more */
    copy_queue_fail(&snapshots->copies, true);
    saved_tables_release(&snapshots->tables);
    pthread_mutex_destroy(&snapshots->lock);
    copy_wishes_release(&snapshots->wishes);
    thread_free(MEM_SERVER, snapshots, snapshots_size(server));
}

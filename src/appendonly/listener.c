/* listener.c - see listener.h.  */
#include "appendonly/listener.h"

#include "aof/unit.h"
#include "appendonly/log_set.h"
#include "base/clock.h"
#include "shard/thread.h"

#include <assert.h>
#include <errno.h>

static struct shard_log *log_of(const struct server *server, uint32_t shard)
{
    return &server->logged.appendonly->logs[shard];
}

/* The thread looks at the log at the end of its turn. */
static void make_due(struct logged_thread *own, uint32_t shard, uint64_t bytes)
{
    if (own->due_since_us == 0) {
        own->due_since_us = clock_monotonic_us();
        own->due_bytes = 0;
    }
    own->due_bytes += bytes;
    shard_set_add(&own->due, shard);
}

/* The record stands in the open frame, or the log has FAILED: then that frame is never committed, and nobody is told that it is. */
static void leave_mark(struct thread *thread, struct shard_log *log, uint64_t bytes)
{
    struct logged_thread *own = &thread->logged;
    const uint64_t sequence = aof_writer_open_sequence(&log->file->writer);
    atomic_store_explicit(&thread->server->logged.progress[log->shard].appended, sequence, memory_order_release);
    own->mark = log_mark_join(own->mark, (struct log_mark){sequence, log->shard});
    make_due(own, log->shard, bytes);
}

static void append(struct thread *thread, const struct shard *shard, const struct aof_record *record)
{
    struct shard_log *log = log_of(thread->server, shard->number);
    baton_assert_held(&shard->baton);
    if (log->file == NULL) {
        return;
    }
    if (record->unit != 0) {
        thread->logged.unit.open = record->unit;
        shard_set_add(&thread->logged.unit.shards, shard->number);
    }
    const bool is_appended = aof_writer_append(&log->file->writer, record);
    (void)is_appended; /* the writer has FAILED, which is seen when the log is looked at */
    leave_mark(thread, log, aof_record_bytes(record));
}

static void take_effect(void *context, const struct effect *effect)
{
    struct server *server = context;
    struct thread *thread = effect->thread;
    const struct logged_unit *unit = &thread->logged.unit;
    struct aof_record record = {
        .kind = effect->shard == NULL ? AOF_EFFECT_OF_ALL : AOF_EFFECT,
        .unit = unit->open != 0 ? unit->open : unit->next != 0 ? unit->next : effect->unit,
        .db = effect->db,
        .count = effect->count,
        .words = effect->words,
    };
    if (effect->shard != NULL) {
        append(thread, effect->shard, &record);
        return;
    }
    record.unit = record.unit != 0 ? record.unit : effects_new_unit(&server->effects);
    for (uint32_t i = 0; i < server->shard_count; i++) {
        append(thread, &server->shards[i], &record);
    }
}

/* A record of some shard whose baton is held is missing. */
static void lose_effect(void *context, struct thread *thread)
{
    struct server *server = context;
    for (uint32_t i = 0; i < server->shard_count; i++) {
        struct shard_log *log = log_of(server, i);
        if (baton_is_mine(&server->shards[i].baton) && log->file != NULL) {
            aof_writer_fail(&log->file->writer, ENOMEM);
            leave_mark(thread, log, 0);
        }
    }
}

const struct effect_listener appendonly_listener = {.name = "log", .effect = take_effect, .lost = lose_effect};

void appendonly_end_unit(struct thread *thread)
{
    struct logged_unit *unit = &thread->logged.unit;
    struct aof_writer *writers[SHARD_COUNT_MAX];
    uint32_t count = 0;
    for (uint32_t i = shard_set_next(&unit->shards, 0); i != SHARD_NONE; i = shard_set_next(&unit->shards, i + 1)) {
        struct shard_log *log = log_of(thread->server, i);
        baton_assert_held(&thread->server->shards[i].baton);
        if (log->file == NULL) {
            continue; /* turned off while it paused: all are */
        }
        if (UNLIKELY(unit->has_paused)) {
            leave_mark(thread, log, 0);
        }
        writers[count++] = &log->file->writer;
    }
    assert(count > 0 || unit->has_paused);
    const bool is_ended = count == 0 || aof_unit_end(writers, count, unit->open, log_of(thread->server, 0)->cut);
    (void)is_ended; /* the same */
    *unit = (struct logged_unit){0};
}

/* Calls `act` on the logs that have records of the open unit. */
static void act_on_unit(struct thread *thread, void (*act)(struct aof_writer *writer))
{
    const struct logged_unit *unit = &thread->logged.unit;
    for (uint32_t i = shard_set_next(&unit->shards, 0); i != SHARD_NONE; i = shard_set_next(&unit->shards, i + 1)) {
        struct shard_log *log = log_of(thread->server, i);
        baton_assert_held(&thread->server->shards[i].baton);
        if (log->file != NULL) {
            act(&log->file->writer);
        }
    }
}

void appendonly_pause_unit(struct thread *thread)
{
    act_on_unit(thread, aof_writer_set_apart);
    thread->logged.unit.has_paused = true;
}

void appendonly_drop_unit(struct thread *thread)
{
    act_on_unit(thread, aof_writer_drop_unit);
    thread->logged.unit = (struct logged_unit){0};
}

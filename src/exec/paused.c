/* paused.c - see paused.h.  */
#include "exec/paused.h"

#include "base/clock.h"
#include "exec/block_serve.h"
#include "exec/fiber.h"
#include "exec/finish.h"
#include "exec/transaction.h"
#include "exec/waiting.h"
#include "mem/heap.h"
#include "shard/access_clock.h"
#include "shard/inbox.h"
#include "shard/key_lock.h"
#include "shard/pinned.h"

#include <assert.h>

enum { PAUSE_FIRST_US = 2000, PAUSE_STEP_US = 300 };

struct paused {
    struct job job;                  /* first */
    struct fiber *fiber;
    struct exec exec;                /* what the handler sees */
    struct reply reply;
    struct buffer replies;
    struct shard_set set;
    struct logged_unit unit;         /* of the log, while it pauses: what it has changed is one */
    struct key_lock *locks;          /* one a shard of `set`, once it has paused */
    uint32_t lock_count;
    uint64_t started_ticks;
    bool has_paused;                 /* and is not over: its shards are locked */
    bool is_over;                    /* the handler has returned */
    bool is_busy;                    /* it takes so long that others are told */
    bool must_end;                   /* exec_must_end */
};

/* --- one of a thread --- */

struct paused *paused_open(struct thread *thread)
{
    struct paused *paused = thread->executor->spare_paused;
    if (LIKELY(paused != NULL)) {
        thread->executor->spare_paused = NULL;
        return paused;
    }
    paused = thread_alloc_zeroed(MEM_SERVER, sizeof *paused);
    if (paused == NULL) {
        return NULL;
    }
    paused->fiber = fiber_create();
    if (paused->fiber == NULL) {
        thread_free(MEM_SERVER, paused, sizeof *paused);
        return NULL;
    }
    paused->replies = BUFFER_EMPTY(MEM_OUTPUT_BUFFER);
    return paused;
}

static void free_paused(struct paused *paused)
{
    fiber_destroy(paused->fiber);
    buffer_release(&paused->replies);
    thread_free(MEM_SERVER, paused, sizeof *paused);
}

void paused_close(struct thread *thread, struct paused *paused)
{
    assert(!paused->has_paused && paused->reply.own.capacity == 0);
    if (thread->executor->spare_paused != NULL) {
        free_paused(paused);
        return;
    }
    buffer_shrink(&paused->replies, REPLY_OWN_MIN);
    thread->executor->spare_paused = paused;
}

void paused_free_spare(struct thread *thread)
{
    if (thread->executor->spare_paused != NULL) {
        free_paused(thread->executor->spare_paused);
        thread->executor->spare_paused = NULL;
    }
}

/* --- its shards are locked --- */

static void free_locks(struct paused *paused)
{
    if (paused->locks != NULL) {
        thread_free(MEM_CLIENT, paused->locks, paused->lock_count * sizeof *paused->locks);
    }
    paused->locks = NULL;
    paused->lock_count = 0;
}

static void unlock(struct paused *paused, struct thread *thread)
{
    for (uint32_t i = 0; i < paused->lock_count; i++) {
        struct shard *shard = paused->locks[i].shards;
        if (paused->locks[i].shard_count == 0) {
            continue; /* memory was refused before it was listed */
        }
        baton_assert_held(&shard->baton);
        key_lock_unlist(&paused->locks[i]);
        shard->script = SHARD_NO_SCRIPT;
        waiters_call(thread, shard, WAIT_LOCKS, 0);
        if (shard->lock_count == 0 && shard_job_pins(shard) == 0) {
            waiters_call(thread, shard, WAIT_PINS, 0);
        }
    }
    free_locks(paused);
    if (paused->is_busy) {
        paused->is_busy = false;
        atomic_fetch_sub_explicit(&thread->server->busy_scripts, 1, memory_order_relaxed);
    }
    paused->has_paused = false;
    atomic_fetch_sub_explicit(&thread->server->paused_scripts, 1, memory_order_relaxed);
}

/* False: no memory; nothing is locked. */
static bool lock(struct paused *paused, struct thread *thread)
{
    struct shard *shards = thread->server->shards;
    paused->lock_count = 0;
    for (uint32_t i = shard_set_next(&paused->set, 0); i != SHARD_NONE; i = shard_set_next(&paused->set, i + 1)) {
        paused->lock_count++;
    }
    if (paused->lock_count > 0) {
        paused->locks = thread_alloc_zeroed(MEM_CLIENT, paused->lock_count * sizeof *paused->locks);
        if (paused->locks == NULL) {
            return false;
        }
    }
    paused->has_paused = true;
    atomic_fetch_add_explicit(&thread->server->paused_scripts, 1, memory_order_relaxed);
    struct key_lock *next = paused->locks;
    for (uint32_t i = shard_set_next(&paused->set, 0); i != SHARD_NONE; i = shard_set_next(&paused->set, i + 1)) {
        key_lock_open_all(next, KEY_LOCK_EXCLUSIVE);
        if (!key_lock_list(next, &shards[i], 1)) {
            unlock(paused, thread);
            return false;
        }
        next->is_granted = true;
        next->granted_ms = paused->exec.now_ms;
        shards[i].script = SHARD_HAS_SCRIPT;
        next++;
    }
    return true;
}

/* While the handler runs its own lock is none. */
static void lift(struct paused *paused, bool is_lifted)
{
    for (uint32_t i = 0; i < paused->lock_count; i++) {
        paused->locks[i].is_lifted = is_lifted;
    }
}

/* Whoever waits for it is told that this takes long. */
static void tell_busy(struct paused *paused, struct thread *thread)
{
    paused->is_busy = true;
    atomic_fetch_add_explicit(&thread->server->busy_scripts, 1, memory_order_relaxed);
    for (uint32_t i = 0; i < paused->lock_count; i++) {
        struct shard *shard = paused->locks[i].shards;
        baton_assert_held(&shard->baton);
        shard->script = SHARD_SCRIPT_IS_BUSY;
        waiters_call(thread, shard, WAIT_LOCKS, 0);
    }
}

static bool is_busy_due(const struct paused *paused, const struct thread *thread)
{
    const int64_t limit_ms = atomic_load_explicit(&thread->server->config->busy_reply_threshold, memory_order_relaxed);
    const double ran_us = (double)(clock_ticks() - paused->started_ticks) / thread->server->ticks_per_us;
    return limit_ms > 0 && ran_us >= (double)limit_ms * 1000;
}

/* --- on the handler's stack --- */

bool exec_pause_is_due(const struct thread *thread)
{
    return thread->executor->running != NULL && clock_ticks() >= thread->executor->pause_ticks;
}

bool exec_refuse_busy(struct exec *exec)
{
    const bool is_busy = atomic_load_explicit(&exec->server->busy_scripts, memory_order_relaxed) > 0;
    if (is_busy) {
        reply_error(exec->reply, ERROR_BUSY);
    }
    return is_busy;
}

bool exec_must_end(const struct thread *thread)
{
    return thread->executor->running != NULL && thread->executor->running->must_end;
}

bool exec_pause(struct thread *thread)
{
    struct paused *paused = thread->executor->running;
    if (paused == NULL || paused->must_end || (!paused->has_paused && !lock(paused, thread))) {
        return false;
    }
    fiber_pause(paused->fiber);
    return true;
}

static void run_handler(void *arg)
{
    struct paused *paused = arg;
    struct exec *exec = &paused->exec;
    exec->spec->run(exec);
    if (UNLIKELY(exec->effects == EFFECTS_OWED)) {
        exec_report_words(exec);
    }
}

/* --- around it --- */

/* True: the handler has returned. */
static bool enter(struct paused *paused, struct thread *thread, uint64_t limit_us, bool is_first)
{
    struct executor *executor = thread->executor;
    const uint64_t step_ends_ticks = executor->step_ends_ticks;
    assert(executor->running == NULL);
    executor->running = paused;
    executor->pause_ticks = clock_ticks() + (uint64_t)((double)limit_us * thread->server->ticks_per_us);
    thread->logged.unit = paused->unit;
    paused->is_over = is_first ? fiber_run(paused->fiber, run_handler, paused) : fiber_resume(paused->fiber);
    executor->running = NULL;
    executor->step_ends_ticks = step_ends_ticks;
    paused->unit = (struct logged_unit){0};
    if (!paused->is_over) {
        if (UNLIKELY(thread->logged.unit.open != 0)) {
            thread->server->logged.pause_unit(thread);
        }
        paused->unit = thread->logged.unit;
        thread->logged.unit = (struct logged_unit){0};
    }
    return paused->is_over;
}

static void take_set(struct thread *thread, const struct shard_set *set)
{
    shards_take_set(thread, set);
    for (uint32_t i = shard_set_next(set, 0); i != SHARD_NONE; i = shard_set_next(set, i + 1)) {
        struct shard *shard = &thread->server->shards[i];
        baton_assert_held(&shard->baton);
        shard_note_access(thread, shard);
    }
}

void paused_give_reply(struct paused *paused, struct reply *reply)
{
    struct reply *own = &paused->reply;
    const bool is_apart = own->out == &own->own;
    reply_raw(reply, (struct bytes){own->out->data + (is_apart ? 0 : own->start), reply_len(own)});
    reply->is_error = own->is_error;
    reply->is_broken |= own->is_broken;
    buffer_release(&own->own);
    paused->replies.len = 0;
}

static enum job_status paused_step(struct job *job, struct exec *exec)
{
    struct paused *paused = (struct paused *)job;
    struct thread *thread = exec->thread;
    paused->exec.call = exec->call; /* it has moved, and its words with it */
    paused->exec.argv = exec->argv;
    take_set(thread, &paused->set);
    lift(paused, true);
    if (!enter(paused, thread, PAUSE_STEP_US, false)) {
        lift(paused, false);
        if (!paused->is_busy && is_busy_due(paused, thread)) {
            tell_busy(paused, thread);
        }
        shards_release_set(thread, &paused->set);
        return JOB_MORE;
    }
    logged_end_unit(&thread->logged, thread, &thread->server->logged);
    unlock(paused, thread);
    block_serve_set(thread, &paused->set);
    shards_release_set(thread, &paused->set);
    paused_give_reply(paused, exec->reply);
    return JOB_DONE;
}

/* It did not come to its end by itself. When the server ends nobody sees any more what it has done, and the log must not have a part of that. */
static void end_unit_early(struct thread *thread)
{
    struct logged *logged = &thread->server->logged;
    if (thread->logged.unit.open != 0 && atomic_load_explicit(&thread->server->is_stopping, memory_order_relaxed) != 0) {
        logged->drop_unit(thread);
    }
    logged_end_unit(&thread->logged, thread, logged);
}

/* Ended in its middle, under all batons, it goes to its end first: exec_must_end. */
static void paused_destroy(struct job *job, struct exec *exec)
{
    struct paused *paused = (struct paused *)job;
    struct thread *thread = exec->thread;
    paused->must_end = true;
    if (!paused->is_over) {
        lift(paused, true);
        while (!enter(paused, thread, PAUSE_STEP_US, false)) {
        }
        end_unit_early(thread);
        unlock(paused, thread);
    }
    buffer_release(&paused->reply.own);
    paused->replies.len = 0;
    paused_close(thread, paused);
}

bool call_may_pause(const struct call *call)
{
    if (LIKELY(call->spec->scope != SCOPE_SCRIPT && call->transaction == NULL)) {
        return false;
    }
    const struct transaction *transaction = call->transaction;
    bool is_script = call->spec->scope == SCOPE_SCRIPT;
    for (uint32_t i = 0; transaction != NULL && i < transaction->count && !is_script; i++) {
        is_script = transaction->commands[i].spec->scope == SCOPE_SCRIPT;
    }
    return is_script;
}

struct exec *paused_prepare(struct paused *paused, struct thread *thread, struct call *call)
{
    reply_begin(&paused->reply, &paused->replies, call->protocol);
    exec_prepare(&paused->exec, thread, call, &paused->reply);
    return &paused->exec;
}

bool paused_run(struct paused *paused, struct thread *thread, const struct shard_set *set, struct call *call)
{
    paused->set = *set;
    paused->is_busy = paused->must_end = false;
    paused->started_ticks = clock_ticks();
    if (LIKELY(enter(paused, thread, PAUSE_FIRST_US, true))) {
        if (UNLIKELY(paused->has_paused)) {
            unlock(paused, thread);
        }
        return true;
    }
    paused->job = (struct job){.step = paused_step, .destroy = paused_destroy, .shard = JOB_OWN_SHARDS};
    call->job = &paused->job;
    return false;
}

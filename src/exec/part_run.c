/* part_run.c - see part_run.h, and part.h for exec_start_parts.  */
#include "exec/part_run.h"

#include "base/clock.h"
#include "exec/exec.h"
#include "exec/executor.h"
#include "mem/heap.h"
#include "shard/access_clock.h"
#include "shard/inbox.h"
#include "shard/message.h"

#include <assert.h>
#include <sched.h>

enum {
    PARTS_LOOK_US = 100, /* home looks again in each turn for so long, before it waits for those who run parts */
    BUSY_PAUSE_MS = 1,   /* whoever was offered a part that home works on leaves it alone for so long */
};

enum part_state { PART_IDLE, PART_RUNNING, PART_IS_DONE, PART_CLOSED };

struct part_run {
    _Atomic uint32_t state;  /* enum part_state */
    struct part *part;
    struct parts *parts;
    uint64_t ticks;          /* of its steps; whoever has claimed it */
    struct message message;  /* out: an offer; back: it is home again */
    struct stepper stepper;  /* of the thread that it was offered to */
};

struct parts {
    struct thread *home;
    struct stepper *stepper; /* home's: of the job; NULL: it has not taken a step yet, or given the parts up */
    bool are_given_up;       /* home's */
    uint32_t count;
    uint32_t first;          /* home's: looked at first */
    uint32_t abroad_count;   /* home's: offers that are not back */
    bool are_offered;        /* home's */
    uint64_t alone_ticks;    /* home's: of its steps before the offer */
    uint64_t idle_since;     /* home's: since when it has found nothing to do, in ticks; 0: it has */
    struct message told;     /* home waits no more */
    /* any thread; sequentially consistent, as the states are */
    _Atomic uint32_t left;   /* parts that are not DONE */
    _Atomic bool has_failed;
    _Atomic bool is_home_waiting;
    struct part_run runs[];
};

/* --- one step --- */

enum baton_is { BATON_TO_BE_TAKEN, BATON_HELD };

static bool claim(struct part_run *run)
{
    uint32_t idle = PART_IDLE;
    return atomic_load_explicit(&run->state, memory_order_relaxed) == PART_IDLE &&
           atomic_compare_exchange_strong(&run->state, &idle, PART_RUNNING);
}

static enum part_state state_of(struct part_run *run)
{
    return (enum part_state)atomic_load(&run->state);
}

static enum part_status step_timed(struct thread *thread, struct part_run *run)
{
    const uint64_t before = clock_ticks();
    const enum part_status status = run->part->step(run->part, thread);
    run->ticks += clock_ticks() - before;
    return status;
}

/* The run is claimed: one step, under its baton if it takes one and that is not held already. */
static enum part_status step_part(struct thread *thread, struct part_run *run, enum baton_is baton)
{
    struct shard *shard = &thread->server->shards[run->part->shard];
    assert(state_of(run) == PART_RUNNING);
    if (!run->part->takes_baton || baton == BATON_HELD) {
        return step_timed(thread, run);
    }
    baton_take(&shard->baton);
    shard_note_access(thread, shard);
    const enum part_status status = step_timed(thread, run);
    shard_release(thread, shard);
    return status;
}

/* One step of a claimed part, which is given up then. */
static void take_step(struct thread *thread, struct part_run *run, enum baton_is baton)
{
    struct parts *parts = run->parts;
    const enum part_status status = step_part(thread, run, baton);
    if (status == PART_FAILED) {
        atomic_store(&parts->has_failed, true);
    }
    if (status == PART_DONE) {
        atomic_fetch_sub(&parts->left, 1);
    }
    atomic_store(&run->state, status == PART_DONE ? PART_IS_DONE : PART_IDLE);
}

static bool are_over(struct parts *parts)
{
    return atomic_load(&parts->left) == 0 || atomic_load(&parts->has_failed);
}

/* --- abroad --- */

static void come_home(struct thread *thread, struct message *message);

static void send_home(struct thread *thread, struct part_run *run)
{
    run->message.deliver = come_home;
    message_send(thread, run->parts->home, &run->message);
}

static void leave(struct thread *thread, struct stepper *stepper)
{
    struct part_run *run = (struct part_run *)((char *)stepper - offsetof(struct part_run, stepper));
    stepper_remove(thread->executor, stepper);
    send_home(thread, run);
}

/* Nothing is left to do for those who were offered it. */
static bool is_over(struct part_run *run)
{
    const enum part_state state = state_of(run);
    return state == PART_IS_DONE || state == PART_CLOSED || atomic_load(&run->parts->has_failed);
}

static enum step_status step_abroad(struct thread *thread, struct stepper *stepper)
{
    struct part_run *run = (struct part_run *)((char *)stepper - offsetof(struct part_run, stepper));
    struct parts *parts = run->parts;
    if (is_over(run)) {
        leave(thread, stepper);
        return STEP_ENDED;
    }
    if (!claim(run)) {
        stepper->resume_ms = thread->now_ms + BUSY_PAUSE_MS;
        return STEP_PAUSE;
    }
    thread->executor->step_ends_ticks = clock_ticks() + (uint64_t)(JOB_STEP_US * thread->server->ticks_per_us);
    take_step(thread, run, BATON_TO_BE_TAKEN);
    stat_add(&thread->stats.part_steps, 1);
    if (atomic_load(&parts->is_home_waiting) && atomic_exchange(&parts->is_home_waiting, false)) {
        message_send(thread, parts->home, &parts->told);
    }
    if (is_over(run)) {
        leave(thread, stepper);
        return STEP_ENDED;
    }
    return STEP_MORE;
}

static void arrive(struct thread *thread, struct message *message)
{
    struct part_run *run = (struct part_run *)((char *)message - offsetof(struct part_run, message));
    if (is_over(run)) {
        send_home(thread, run);
        return;
    }
    run->stepper = (struct stepper){.step = step_abroad, .leave = leave};
    stepper_add(thread->executor, &run->stepper);
}

/* --- home --- */

static size_t parts_bytes(uint32_t count)
{
    return sizeof(struct parts) + count * sizeof(struct part_run);
}

static void free_if_unused(struct parts *parts)
{
    /* Whoever tells home does so before its offer comes back: then `told` is not under way either. */
    if (parts->are_given_up && parts->abroad_count == 0) {
        thread_free(MEM_CLIENT, parts, parts_bytes(parts->count));
    }
}

static void come_home(struct thread *thread, struct message *message)
{
    struct part_run *run = (struct part_run *)((char *)message - offsetof(struct part_run, message));
    struct parts *parts = run->parts;
    assert(thread == parts->home && parts->abroad_count > 0 && thread->executor->abroad_count > 0);
    parts->abroad_count--;
    thread->executor->abroad_count--;
    free_if_unused(parts);
}

static void be_told(struct thread *thread, struct message *message)
{
    (void)thread;
    struct parts *parts = (struct parts *)((char *)message - offsetof(struct parts, told));
    if (parts->stepper != NULL) {
        stepper_go_on(parts->stepper);
    }
}

/* Each part that is not done, and not of the home thread's own shard, goes to the thread of its shard, unless it is the last one. */
static void offer(struct thread *thread, struct parts *parts)
{
    parts->are_offered = true;
    if (atomic_load(&parts->left) < 2) {
        return; /* home works on it */
    }
    for (uint32_t i = 0; i < parts->count; i++) {
        struct part_run *run = &parts->runs[i];
        struct thread *owner = server_thread(thread->server, run->part->shard);
        if (owner != thread && state_of(run) != PART_IS_DONE) {
            run->message.deliver = arrive;
            parts->abroad_count++;
            thread->executor->abroad_count++;
            message_send(thread, owner, &run->message);
        }
    }
}

/* A part that nobody works on, claimed; NULL: there is none. */
static struct part_run *claim_any(struct parts *parts)
{
    for (uint32_t i = 0; i < parts->count; i++) {
        struct part_run *run = &parts->runs[(parts->first + i) % parts->count];
        if (claim(run)) {
            return run;
        }
    }
    return NULL;
}

/* Others run all the parts that are left. For a while it is cheaper to look again than to be woken. */
static enum step_status wait_for_others(struct parts *parts, uint64_t now, double ticks_per_us)
{
    if (parts->idle_since == 0) {
        parts->idle_since = now;
    }
    if (now - parts->idle_since < (uint64_t)(PARTS_LOOK_US * ticks_per_us)) {
        return STEP_MORE;
    }
    parts->idle_since = 0;
    atomic_store(&parts->is_home_waiting, true);
    for (uint32_t i = 0; i < parts->count; i++) {
        if (state_of(&parts->runs[i]) == PART_IDLE || are_over(parts)) {
            return atomic_exchange(&parts->is_home_waiting, false) ? STEP_MORE : STEP_WAIT; /* or `told` is under way */
        }
    }
    return STEP_WAIT;
}

enum step_status parts_step(struct thread *thread, struct parts *parts, struct stepper *stepper)
{
    const double ticks_per_us = thread->server->ticks_per_us;
    const uint64_t begin = clock_ticks();
    const uint64_t end = begin + (uint64_t)(JOB_STEP_US * ticks_per_us);
    struct part_run *run;
    uint64_t now = begin;
    bool has_worked = false;
    parts->stepper = stepper;
    thread->executor->step_ends_ticks = end;
    while (now < end && !are_over(parts) && (run = claim_any(parts)) != NULL) {
        take_step(thread, run, BATON_TO_BE_TAKEN);
        has_worked = true;
        now = clock_ticks();
    }
    if (are_over(parts)) {
        return STEP_ENDED;
    }
    if (!has_worked) {
        return wait_for_others(parts, now, ticks_per_us);
    }
    parts->idle_since = 0;
    parts->alone_ticks += now - begin;
    if (!parts->are_offered && parts->alone_ticks >= (uint64_t)(PARTS_ALONE_US * ticks_per_us)) {
        offer(thread, parts);
    }
    return STEP_MORE;
}

static bool are_batons_held(const struct server *server, const struct parts *parts)
{
    for (uint32_t i = 0; i < parts->count; i++) {
        const struct part *part = parts->runs[i].part;
        if (part->takes_baton && !baton_is_mine(&server->shards[part->shard].baton)) {
            return false;
        }
    }
    return true;
}

bool parts_run_inside(struct thread *thread, struct parts *parts)
{
    if (!are_batons_held(thread->server, parts)) {
        return false;
    }
    for (uint32_t i = 0; i < parts->count; i++) {
        struct part_run *run = &parts->runs[i];
        while (!are_over(parts) && claim(run)) {
            take_step(thread, run, BATON_HELD);
        }
    }
    return true;
}

/* A step that another thread has begun ends soon, as that of a baton's holder does. */
static void close_run(struct part_run *run)
{
    for (;;) {
        uint32_t state = PART_IDLE;
        if (atomic_compare_exchange_strong(&run->state, &state, PART_CLOSED) || state != PART_RUNNING) {
            return;
        }
        sched_yield();
    }
}

uint64_t parts_end(struct thread *thread, struct parts *parts)
{
    uint64_t ticks = 0;
    assert(thread == parts->home);
    atomic_store(&parts->is_home_waiting, false);
    for (uint32_t i = 0; i < parts->count; i++) {
        close_run(&parts->runs[i]);
        ticks += parts->runs[i].ticks;
    }
    parts->stepper = NULL;
    parts->are_given_up = true;
    free_if_unused(parts);
    return ticks;
}

/* --- the start --- */

bool exec_start_parts(struct exec *exec, struct part *first, uint32_t count, size_t stride, enum parts_length length)
{
    assert(count > 0 && exec->job != NULL && exec->parts == NULL);
    struct parts *parts = thread_alloc_zeroed(MEM_CLIENT, parts_bytes(count));
    if (parts == NULL) {
        return false;
    }
    parts->home = exec->thread;
    parts->count = count;
    parts->told.deliver = be_told;
    atomic_init(&parts->left, count);
    for (uint32_t i = 0; i < count; i++) {
        struct part *part = (struct part *)((char *)first + i * stride);
        assert(part->shard < exec->server->shard_count);
        parts->runs[i].part = part;
        parts->runs[i].parts = parts;
        if (part->shard == exec->thread->number) {
            parts->first = i;
        }
    }
    exec->parts = parts;
    if (length == PARTS_LONG && exec->depth == 0) {
        offer(exec->thread, parts);
    }
    return true;
}

bool part_step_is_over(const struct thread *thread)
{
    return clock_ticks() >= thread->executor->step_ends_ticks;
}

/* job.c - commands that take many steps; see job.h.  */
#include "exec/job.h"

#include "base/clock.h"
#include "exec/block.h"
#include "exec/block_serve.h"
#include "exec/errand.h"
#include "exec/finish.h"
#include "exec/part_run.h"
#include "exec/paused.h"
#include "exec/scratch.h"
#include "exec/stepper.h"
#include "exec/tracked.h"
#include "exec/waiting.h"
#include "shard/access_clock.h"
#include "mem/heap.h"
#include "shard/inbox.h"

#include <assert.h>

enum { PAUSE_MS = 1 }; /* unless the step says otherwise */

/* A job under way: its command as the steps see it. */
struct job_run {
    struct call_link at;             /* first: the call points to it */
    struct exec exec;
    struct reply reply;
    struct buffer buffer;
    struct stepper stepper;          /* of its thread */
    struct ticket *ticket;           /* waiting.h */
};

/* The job goes on without its parts, or ends. Without a baton. */
static void end_parts(struct thread *thread, struct exec *exec)
{
    exec->call->ticks += parts_end(thread, exec->parts);
    exec->parts = NULL;
}

/* With all batons; `exec` has no session then. */
static void destroy_job(struct thread *thread, struct job *job, struct exec *exec)
{
    if (exec->parts != NULL) {
        end_parts(thread, exec);
    }
    exec->session = NULL;
    exec->shard = NULL;
    shards_take_all(thread);
    logged_begin(&thread->logged);
    job->destroy(job, exec);
    logged_end_unit(&thread->logged, thread, &thread->server->logged);
    shards_release_all(thread);
}

/* A job that was never taken up: no step was made, so nothing was changed or replied. */
static void destroy_started(struct thread *thread, struct call *call)
{
    struct exec exec;
    struct reply unused = {0};
    assert(call->state == CALL_STARTED);
    exec_prepare(&exec, thread, call, &unused);
    destroy_job(thread, call->job, &exec);
}

static struct job_run *run_of(struct stepper *stepper)
{
    return (struct job_run *)((char *)stepper - offsetof(struct job_run, stepper));
}

static enum step_status job_run_step(struct thread *thread, struct stepper *stepper);
static void job_run_leave(struct thread *thread, struct stepper *stepper);

bool job_begin(struct thread *thread, struct call *call)
{
    struct job *job = call->job;
    struct job_run *run = thread_alloc_zeroed(MEM_CLIENT, sizeof *run);
    assert(call == window_first_call(call->window) && call->window->state == WINDOW_PARKED);
    if (run == NULL) {
        destroy_started(thread, call); /* now: the call counts as answered, and nobody would look at its job again */
        call_enter(call, CALL_DONE);
        call->is_broken = true;
        return false;
    }
    run->buffer = BUFFER_EMPTY(MEM_OUTPUT_BUFFER);
    run->at.call = call;
    reply_begin(&run->reply, &run->buffer, call->protocol);
    exec_prepare(&run->exec, thread, call, &run->reply);
    run->exec.session = call->window->session;
    run->exec.job = job;
    run->exec.must_finish = job->shard == JOB_OWN_SHARDS;
    call_enter(call, CALL_JOB);
    call->elsewhere = &run->at;
    run->stepper.step = job_run_step;
    run->stepper.leave = job_run_leave;
    stepper_add(thread->executor, &run->stepper);
    return true;
}

static void free_run(struct job_run *run)
{
    buffer_release(&run->reply.own);
    buffer_release(&run->buffer);
    thread_free(MEM_CLIENT, run, sizeof *run);
}

static void note_access(struct thread *thread, struct shard *shard)
{
    baton_assert_held(&shard->baton);
    shard_note_access(thread, shard);
}

static void take_for(struct thread *thread, int32_t shard)
{
    const struct server *server = thread->server;
    assert(shard >= JOB_OWN_SHARDS && shard < (int32_t)server->shard_count);
    if (shard == JOB_ALL_SHARDS) {
        shards_take_all(thread);
        for (uint32_t i = 0; i < server->shard_count; i++) {
            note_access(thread, &server->shards[i]);
        }
    } else if (shard >= 0) {
        baton_take_one_of_several(&server->shards[shard].baton);
        note_access(thread, &server->shards[shard]);
    }
}

static void release_for(struct thread *thread, int32_t shard)
{
    if (shard == JOB_ALL_SHARDS) {
        const struct shard_set all = shard_set_of_first(thread->server->shard_count);
        block_serve_set(thread, &all);
        shards_release_all(thread);
    } else if (shard >= 0) {
        struct shard *own = &thread->server->shards[shard];
        baton_assert_held(&own->baton);
        block_serve(thread, own);
        shard_release(thread, own);
    }
}

/* The reply leaves the run and belongs to the call. */
static void run_finish(struct thread *thread, struct job_run *run)
{
    struct call *call = run->at.call;
    call_finish_own(thread, call, &run->reply, &run->buffer, 0);
    run->reply.own = run->buffer = BUFFER_EMPTY(MEM_OUTPUT_BUFFER);
    struct job *job = run->exec.job;
    if (run->reply.is_broken) {
        destroy_job(thread, job, &run->exec); /* it may have been ended in the middle, with locks to be given up */
    } else {
        int32_t shard = job->shard;
        take_for(thread, shard);
        logged_begin(&thread->logged);
        job->destroy(job, &run->exec);
        call_take_mark(thread, call);
        release_for(thread, shard);
    }
    stepper_remove(thread->executor, &run->stepper);
    free_run(run);
    thread->executor->window_is_back(thread, call->window);
}

static void run_is_told(struct thread *thread, void *owner)
{
    (void)thread;
    stepper_go_on(&((struct job_run *)owner)->stepper);
}

/* The step has returned, and its batons are still held. Gives the status, with a pause for a wait for which there is no memory. */
static enum job_status settle_queue(struct job_run *run, struct thread *thread, enum job_status status)
{
    if (LIKELY(status != JOB_WAIT)) {
        if (UNLIKELY(run->ticket != NULL)) {
            ticket_leave(run->ticket, thread);
            run->ticket = NULL;
        }
        return status;
    }
    assert(run->exec.must_wait); /* the step has said for what */
    run->ticket = ticket_wait(&run->exec, run->ticket, thread, run_is_told, run);
    return run->ticket != NULL ? JOB_WAIT : JOB_PAUSE;
}

/* It changes nothing, and would wait for a script that has run long: it is refused, as Redis does with all that comes then. */
static bool waits_for_busy(const struct job_run *run, enum job_status status)
{
    const struct exec_wait *wait = &run->exec.wait;
    return status == JOB_WAIT && wait->kind == WAIT_LOCKS && wait->shard->script == SHARD_SCRIPT_IS_BUSY &&
           (run->exec.spec->flags & (COMMAND_WRITE | COMMAND_ALLOW_BUSY)) == 0;
}

static enum job_status run_step(struct thread *thread, struct job_run *run)
{
    struct job *job = run->exec.job;
    int32_t shard = job->shard;
    run->exec.now_ms = thread->now_ms;
    run->exec.shard = shard >= 0 ? &thread->server->shards[shard] : NULL;
    run->exec.ticket = run->ticket;
    run->exec.must_wait = false;
    run->exec.pause_ms = PAUSE_MS;
    take_for(thread, shard);
    uint64_t before = clock_ticks();
    thread->executor->step_ends_ticks = before + (uint64_t)(JOB_STEP_US * thread->server->ticks_per_us);
    const bool is_tracked = run->at.call->tracked != 0;
    logged_begin(&thread->logged);
    if (is_tracked) {
        tracked_begin(&run->exec, run->at.call);
    }
    enum job_status status = job->step(job, &run->exec);
    if (UNLIKELY(waits_for_busy(run, status))) {
        reply_rewind(&run->reply);
        reply_error(&run->reply, ERROR_BUSY);
        status = JOB_DONE;
    }
    if (is_tracked) {
        tracked_break_off(&run->exec);
    }
    if (UNLIKELY(run->exec.effects == EFFECTS_OWED)) {
        exec_report_words(&run->exec);
    }
    status = settle_queue(run, thread, run->reply.is_broken ? JOB_DONE : status);
    run->at.call->ticks += clock_ticks() - before;
    call_take_mark(thread, run->at.call);
    release_for(thread, shard);
    scratch_reset(thread->executor);
    return status;
}

/* A step of the job's parts, in place of its own. */
static enum step_status run_parts(struct thread *thread, struct job_run *run)
{
    const enum step_status status = parts_step(thread, run->exec.parts, &run->stepper);
    if (status != STEP_ENDED) {
        return status;
    }
    end_parts(thread, &run->exec);
    return STEP_MORE;
}

/* The errand goes, now that no baton is held. */
static enum step_status send_errand(struct thread *thread, struct job_run *run)
{
    return errand_go(thread, run->exec.errand, &run->stepper) ? STEP_WAIT : STEP_MORE;
}

/* The server stops: what the job waits for is to come back soon. */
static void job_run_leave(struct thread *thread, struct stepper *stepper)
{
    const struct job_run *run = run_of(stepper);
    (void)thread;
    if (run->exec.errand != NULL) {
        errand_cancel(run->exec.errand);
    }
}

static enum step_status job_run_step(struct thread *thread, struct stepper *stepper)
{
    struct job_run *run = run_of(stepper);
    run->exec.errand = NULL; /* it is back */
    if (run->exec.parts != NULL) {
        return run_parts(thread, run);
    }
    switch (run_step(thread, run)) {
    case JOB_MORE:
    case JOB_PARTS:
        break;
    case JOB_WAIT:
        return STEP_WAIT;
    case JOB_AWAY:
        return send_errand(thread, run);
    case JOB_PAUSE:
        stepper->resume_ms = thread->now_ms + run->exec.pause_ms;
        return STEP_PAUSE;
    case JOB_DONE:
        run_finish(thread, run);
        return STEP_ENDED;
    }
    return STEP_MORE;
}

bool window_must_finish(const struct thread *thread, const struct window *window)
{
    const struct call *first = window_first_call(window);
    return first->state == CALL_JOB && ((const struct job_run *)first->elsewhere)->exec.must_finish &&
           atomic_load_explicit(&thread->server->is_stopping, memory_order_relaxed) == 0;
}

void jobs_withdraw(struct thread *thread, struct window *window)
{
    assert(window->state == WINDOW_PARKED);
    for (uint32_t i = window->flushed + 1; i < window->count; i++) {
        struct call *call = &window->calls[i];
        if (call->state == CALL_STARTED) {
            destroy_started(thread, call);
            call_enter(call, CALL_DEFERRED);
        }
    }
    if (window_first_call(window)->state == CALL_JOB || window_first_call(window)->state == CALL_BLOCKED) {
        window_leave_queues(thread, window, window->flushed + 1);
    }
}

void jobs_abandon(struct thread *thread, struct window *window)
{
    assert(window->state == WINDOW_PARKED || window->queued == 0);
    for (uint32_t i = window->flushed; i < window->count; i++) {
        struct call *call = &window->calls[i];
        if (call->ticket != NULL) {
            ticket_give_up(call->ticket, thread);
            call->ticket = NULL;
        }
        if (call->state == CALL_STARTED) {
            destroy_started(thread, call);
        } else if (call->state == CALL_BLOCKED) {
            block_abandon(thread, call);
        } else if (call->state == CALL_JOB) {
            struct job_run *run = (struct job_run *)call->elsewhere;
            if (run->ticket != NULL) {
                ticket_give_up(run->ticket, thread);
            }
            destroy_job(thread, run->exec.job, &run->exec);
            stepper_remove(thread->executor, &run->stepper);
            free_run(run);
        } else {
            continue;
        }
        call_enter(call, CALL_DONE);
        call->is_broken = true;
    }
}

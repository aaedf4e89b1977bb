/* job.c - commands that take many steps: jobs in slices, and visits of all threads.
 *
 * Threads    A job runs on its connection's thread. A visit travels as mail: thread 0 .. N-1, then home.
 * Invariant  A connection has at most one job under way: that of the first unanswered call of its (parked) window.  */
#include "base/clock.h"
#include "mem/heap.h"
#include "shard/thread_private.h"

#include <assert.h>

/* --- jobs --- */

static void append_run(struct thread *thread, struct job_run *run)
{
    run->previous = thread->jobs_last;
    run->next = NULL;
    if (thread->jobs_last == NULL) {
        thread->jobs = run;
    } else {
        thread->jobs_last->next = run;
    }
    thread->jobs_last = run;
}

static void unlink_run(struct thread *thread, struct job_run *run)
{
    if (run->previous == NULL) {
        thread->jobs = run->next;
    } else {
        run->previous->next = run->next;
    }
    if (run->next == NULL) {
        thread->jobs_last = run->previous;
    } else {
        run->next->previous = run->previous;
    }
}

static void destroy_job(struct thread *thread, struct job *job, struct exec *exec) NO_THREAD_SAFETY_ANALYSIS
{
    exec->session = NULL;
    exec->shard = NULL;
    shards_take_set(thread, shards_all(thread->server));
    job->destroy(job, exec);
    shards_release_set(thread, shards_all(thread->server));
}

bool job_begin(struct thread *thread, struct call *call, struct job *job)
{
    struct connection *connection = call->window->connection;
    assert(connection->job == NULL);
    struct job_run *run = thread_alloc_zeroed(MEM_CLIENT, sizeof *run);
    if (run == NULL) {
        struct exec exec;
        struct reply unused = {0};
        exec_prepare(&exec, thread, call, &unused);
        destroy_job(thread, job, &exec); /* now: the call counts as answered, and nobody would look at its job again */
        connection_close(connection);
        call->state = CALL_DONE;
        call->is_broken = true;
        return false;
    }
    run->buffer = BUFFER_EMPTY(MEM_OUTPUT_BUFFER);
    run->call = call;
    run->connection = connection;
    reply_begin(&run->reply, &run->buffer, call->protocol);
    exec_prepare(&run->exec, thread, call, &run->reply);
    run->exec.session = &connection->session;
    run->exec.job = job;
    connection->job = run;
    append_run(thread, run);
    return true;
}

static void free_run(struct job_run *run)
{
    buffer_release(&run->reply.own);
    buffer_release(&run->buffer);
    thread_free(MEM_CLIENT, run, sizeof *run);
}

static void take_for(struct thread *thread, int32_t shard) NO_THREAD_SAFETY_ANALYSIS
{
    assert(shard >= JOB_ALL_SHARDS && shard < (int32_t)thread->server->shard_count);
    if (shard == JOB_ALL_SHARDS) {
        shards_take_set(thread, shards_all(thread->server));
    } else if (shard >= 0) {
        baton_take(&thread->server->shards[shard].baton);
    }
}

static void release_for(struct thread *thread, int32_t shard) NO_THREAD_SAFETY_ANALYSIS
{
    if (shard == JOB_ALL_SHARDS) {
        shards_release_set(thread, shards_all(thread->server));
    } else if (shard >= 0) {
        shard_release(thread, &thread->server->shards[shard]);
    }
}

/* The reply leaves the run and belongs to the call. */
static void run_finish(struct thread *thread, struct job_run *run) NO_THREAD_SAFETY_ANALYSIS
{
    struct call *call = run->call;
    call_finish(thread, call, &run->reply, 0);
    call->must_close = run->exec.must_close;
    if (run->reply.out == &run->reply.own) {
        run->reply.own = BUFFER_EMPTY(MEM_OUTPUT_BUFFER);
    } else {
        call->own = run->buffer;
        call->replies = &call->own;
        run->buffer = BUFFER_EMPTY(MEM_OUTPUT_BUFFER);
    }
    struct job *job = run->exec.job;
    if (run->reply.is_broken) {
        destroy_job(thread, job, &run->exec); /* it may have been ended in the middle, with locks to be given up */
    } else {
        int32_t shard = job->shard;
        take_for(thread, shard);
        job->destroy(job, &run->exec);
        release_for(thread, shard);
    }
    run->connection->job = NULL;
    unlink_run(thread, run);
    free_run(run);
    window_flush(thread, call->window);
}

static enum job_status run_step(struct thread *thread, struct job_run *run) NO_THREAD_SAFETY_ANALYSIS
{
    struct job *job = run->exec.job;
    int32_t shard = job->shard;
    run->exec.now_ms = thread->now_ms;
    run->exec.shard = shard >= 0 ? &thread->server->shards[shard] : NULL;
    take_for(thread, shard);
    uint64_t before = clock_ticks();
    thread->step_ends_ticks = before + (uint64_t)(JOB_STEP_US * thread->server->ticks_per_us);
    enum job_status status = job->step(job, &run->exec);
    if (UNLIKELY(run->exec.effects == EFFECTS_OWED)) {
        exec_report_words(&run->exec);
    }
    run->call->ticks += clock_ticks() - before;
    release_for(thread, shard);
    scratch_reset(thread);
    return run->reply.is_broken ? JOB_DONE : status;
}

bool jobs_step(struct thread *thread)
{
    if (LIKELY(thread->jobs == NULL)) {
        return false;
    }
    const uint64_t end = clock_ticks() + (uint64_t)(TURN_JOBS_US * thread->server->ticks_per_us);
    const bool is_retry = thread->is_retrying;
    const struct job_run *last = thread->jobs_last; /* those behind it have had their step */
    bool some_want_more = false;
    bool is_last = false;
    struct job_run *next;
    for (struct job_run *run = thread->jobs; run != NULL && !is_last; run = next) {
        next = run->next;
        is_last = run == last;
        if (run->is_waiting && !is_retry) {
            continue;
        }
        if (clock_ticks() >= end) {
            return true;
        }
        enum job_status status = run_step(thread, run);
        run->is_waiting = status == JOB_WAIT;
        some_want_more = some_want_more || status == JOB_MORE;
        if (status == JOB_DONE) {
            run_finish(thread, run);
        } else {
            unlink_run(thread, run);
            append_run(thread, run);
        }
    }
    return some_want_more;
}

void job_abandon(struct thread *thread, struct connection *connection)
{
    struct job_run *run = connection->job;
    if (run != NULL) {
        destroy_job(thread, run->exec.job, &run->exec);
        connection->job = NULL;
        unlink_run(thread, run);
        free_run(run);
    }
    struct window *window = connection->window;
    for (uint32_t i = window == NULL ? 0 : window->flushed; window != NULL && i < window->count; i++) {
        struct call *call = &window->calls[i];
        if (call->job != NULL) {
            struct exec exec;
            struct reply unused = {0};
            exec_prepare(&exec, thread, call, &unused);
            destroy_job(thread, call->job, &exec);
            call->job = NULL;
        }
    }
}

/* --- visits --- */

struct visit {
    struct mail mail;
    thread_visit_fn *visit;
    thread_finish_fn *finish;
    void *arg;
    struct thread *home;
    struct connection *connection;
    uint32_t next_thread;
};

static void visit_answer(struct thread *thread, struct call *call, struct exec *exec, struct buffer *text, uint64_t ticks)
{
    call_finish(thread, call, exec->reply, ticks);
    if (exec->reply->out == text) {
        call->own = *text;
        call->replies = &call->own;
    } else {
        buffer_release(text);
    }
    call->must_close = exec->must_close;
}

static void visit_end(struct thread *thread, struct visit *visit)
{
    struct connection *connection = visit->connection;
    struct window *window = connection->window;
    struct call *call = &window->calls[window->flushed];
    struct exec exec;
    struct reply reply;
    assert(call->state == CALL_BUSY);
    struct buffer text = BUFFER_EMPTY(MEM_OUTPUT_BUFFER);
    reply_begin(&reply, &text, call->protocol);
    exec_prepare(&exec, thread, call, &reply);
    exec.session = connection->is_closing ? NULL : &connection->session;
    uint64_t before = clock_ticks();
    visit->finish(&exec, visit->arg);
    if (exec.job != NULL) {
        call->job = exec.job; /* goes on as a job: begun by window_flush */
        buffer_release(&reply.own);
        buffer_release(&text);
    } else {
        visit_answer(thread, call, &exec, &text, clock_ticks() - before);
        call->must_close |= connection->session.must_close;
    }
    connection->visits--;
    thread_free(MEM_SERVER, visit, sizeof *visit);
    window_flush(thread, window);
    connection_list_add(connection, LIST_DIRTY);
}

static void visit_deliver(struct thread *thread, struct mail *mail)
{
    struct visit *visit = (struct visit *)((char *)mail - offsetof(struct visit, mail));
    struct server *server = thread->server;
    if (visit->next_thread == server->shard_count) {
        visit_end(thread, visit);
        return;
    }
    assert(visit->next_thread == thread->number);
    visit->visit(thread, visit->arg);
    visit->next_thread++;
    bool is_last = visit->next_thread == server->shard_count;
    mail_send(thread, is_last ? visit->home : server_thread(server, visit->next_thread), &visit->mail);
}

void exec_visit_threads(struct exec *exec, thread_visit_fn *visit_fn, thread_finish_fn *finish, void *arg)
{
    struct thread *thread = exec->thread;
    assert(exec->session != NULL && exec->visit == NULL);
    struct visit *visit = thread_alloc(MEM_SERVER, sizeof *visit);
    if (visit == NULL) {
        struct session *session = exec->session;
        exec->session = NULL;
        finish(exec, arg);
        exec->session = session;
        reply_error(exec->reply, "ERR out of memory");
        return;
    }
    *visit = (struct visit){.mail = {.deliver = visit_deliver},
                            .visit = visit_fn,
                            .finish = finish,
                            .arg = arg,
                            .home = thread,
                            .connection = (struct connection *)exec->session};
    visit->connection->visits++;
    exec->visit = visit;
    mail_send(thread, server_thread(exec->server, 0), &visit->mail);
}

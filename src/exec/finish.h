/* finish.h - a call before its handler runs, and when its reply is complete.
 *
 * Threads    Whoever runs the call.  */
#ifndef EXEC_FINISH_H
#define EXEC_FINISH_H

#include "exec/exec.h"
#include "exec/executor.h"
#include "exec/window.h"
#include "net/output.h"
#include "shard/server.h"
#include "shard/thread.h"

/* What the handler of `call` sees: no shard, no session yet. */
static inline void exec_prepare(struct exec *exec, struct thread *thread, struct call *call, struct reply *reply)
{
    exec->server = thread->server;
    exec->thread = thread;
    exec->shard = NULL;
    exec->session = NULL;
    exec->spec = call->spec;
    exec->argv = call->argv;
    exec->argc = call->argc;
    exec->db = call->db;
    exec->first_key_hash = call->first_key_hash;
    exec->routed = call->routed;
    exec->routed_number = call->routed_number;
    exec->routed_of = call->routed_of;
    exec->reply = reply;
    exec->now_ms = thread->now_ms;
    exec->call = call;
    exec->job = NULL;
    exec->parts = NULL;
    exec->elsewhere = NULL;
    exec->must_wait = false;
    exec->ticket = call->ticket;
    exec->must_finish = false;
    exec->is_no_touch = call->is_no_touch;
    exec->is_spread = call->is_exclusive && call->spec->scope == SCOPE_KEYS;
    exec->depth = 0;
    exec->block_state = BLOCK_NONE;
    exec->effects = EFFECTS_NONE;
    exec->unit = 0;
}

/* Counts the error that begins the reply. */
void call_count_error(struct thread *thread, const struct reply *reply);
/* The call is done with what stands in `reply` without being run; nothing is counted. */
void call_finish_unrun(struct call *call, struct reply *reply);
/* The same with an error: refused. */
void call_finish_refused(struct thread *thread, struct call *call, struct reply *reply);

/* All of its runs and steps together. */
static inline void call_count(struct thread *thread, const struct call *call)
{
    struct command_stats *stats = &thread->command_stats[call->spec->index];
    stat_add(&stats->calls, 1);
    stat_add(&stats->ticks, call->ticks);
    uint32_t *bucket =
        &stats->latency[command_latency_bucket((uint64_t)((double)call->ticks * thread->executor->ns_per_tick))];
    __atomic_store_n(bucket, __atomic_load_n(bucket, __ATOMIC_RELAXED) + 1, __ATOMIC_RELAXED);
    stat_add(&thread->stats.commands_processed, 1);
    if (UNLIKELY(call->is_error)) {
        stat_add(&stats->failed, 1);
    }
}

/* The reply is complete: the call is DONE. `ticks`: of the last run. */
static inline void call_finish(struct thread *thread, struct call *call, struct reply *reply, uint64_t ticks)
{
    if (LIKELY(reply->out != &reply->own)) {
        call->replies = reply->out;
        call->reply_start = reply->start;
        call->reply_len = reply->out->len - reply->start;
    } else {
        call->own = reply->own;
        call->reply_len = call->own.len;
    }
    assert(call->ticket == NULL);
    call->is_broken = reply->is_broken;
    call->is_error = reply->is_error != REPLY_FINE;
    call->ticks += ticks;
    call_enter(call, CALL_DONE);
    if (UNLIKELY(call->reply_len >= CHUNK_SMALL_BYTES)) {
        atomic_fetch_add_explicit(&call->window->reply_bytes, call->reply_len, memory_order_relaxed);
    }
    if (UNLIKELY(reply->is_error)) {
        call_count_error(thread, reply);
    }
    call_count(thread, call);
}

/* The same where the reply was begun in a buffer of its own, which becomes the call's. At home. */
static inline void call_finish_own(struct thread *thread, struct call *call, struct reply *reply, struct buffer *text, uint64_t ticks)
{
    call_finish(thread, call, reply, ticks);
    if (reply->out == text) {
        call->own = *text;
        call->replies = &call->own;
    } else {
        buffer_release(text);
    }
}

/* The call, or a step of it, has reported all its changes on this thread, and its batons are still held: what belongs together ends, and the call
 * takes along what its reply must wait for.  */
static inline void call_take_mark(struct thread *thread, struct call *call)
{
    struct logged_thread *own = &thread->logged;
    if (UNLIKELY(own->mark.sequence != 0)) {
        logged_end_unit(own, thread, &thread->server->logged);
        call->logged = log_mark_join(call->logged, own->mark);
        logged_begin(own);
    }
}

/* Which calls are reported to the observer, by slowlog-log-slower-than, latency-monitor-threshold, commandlog-request-larger-than and
 * commandlog-reply-larger-than: once a turn.  */
void costly_calls_update(struct thread *thread);
/* Tells the observer. `session`: its connection's, NULL when that is gone. On the connection's thread. */
void call_report_costly(struct thread *thread, const struct call *call, const struct session *session);
static inline bool call_is_costly(const struct thread *thread, const struct call *call)
{
    const struct executor *limits = thread->executor;
    return UNLIKELY(call->ticks > limits->slow_ticks || call->request_bytes >= limits->large_request_bytes ||
                    call->reply_len >= limits->large_reply_bytes);
}

#endif

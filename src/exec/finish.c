/* finish.c - see finish.h.  */
#include "exec/finish.h"

#include "shard/observer.h"

void call_count_error(struct thread *thread, const struct reply *reply)
{
    if (reply->is_error == REPLY_ERROR_COUNTED) {
        return;
    }
    bool is_own = reply->out == &reply->own;
    const char *text = reply->out->data + (is_own ? 0 : reply->start);
    stat_add(&thread->stats.error_replies, 1);
    error_stats_note(&thread->error_stats, (struct bytes){text, reply_len(reply)});
}

void call_finish_unrun(struct call *call, struct reply *reply)
{
    call_enter(call, CALL_DONE);
    call->replies = reply->out;
    call->reply_start = reply->start;
    call->reply_len = reply_len(reply);
    call->is_broken = reply->is_broken;
}

void call_finish_refused(struct thread *thread, struct call *call, struct reply *reply)
{
    call_finish_unrun(call, reply);
    stat_add(&thread->stats.error_replies, 1);
    error_stats_note(&thread->error_stats, (struct bytes){reply->out->data + reply->start, call->reply_len});
}

/* A threshold as the least number that reaches it: negative, none does. */
static uint64_t least_bytes(const _Atomic int64_t *threshold)
{
    const int64_t bytes = atomic_load_explicit(threshold, memory_order_relaxed);
    return bytes >= 0 ? (uint64_t)bytes : UINT64_MAX;
}

void costly_calls_update(struct thread *thread)
{
    const struct server *server = thread->server;
    struct executor *limits = thread->executor;
    int64_t slowlog_us = atomic_load_explicit(&server->config->slowlog_log_slower_than, memory_order_relaxed);
    int64_t latency_ms = atomic_load_explicit(&server->config->latency_monitor_threshold, memory_order_relaxed);
    double limit_us = slowlog_us >= 0 ? (double)slowlog_us : 1e15;
    if (latency_ms > 0 && (double)latency_ms * 1000 < limit_us) {
        limit_us = (double)latency_ms * 1000;
    }
    limits->slow_ticks = (uint64_t)(limit_us * server->ticks_per_us);
    limits->large_request_bytes = least_bytes(&server->config->commandlog_request_larger_than);
    limits->large_reply_bytes = least_bytes(&server->config->commandlog_reply_larger_than);
}

void call_report_costly(struct thread *thread, const struct call *call, const struct session *session)
{
    const struct command_observer *observer = thread->server->observer;
    if (observer == NULL || call->spec == NULL || call->ticks == 0) {
        return; /* refused, or queued for EXEC: it has not run */
    }
    const struct costly_command what = {
        .spec = call->spec,
        .argv = call->argv,
        .argc = call->argc,
        .duration_us = (uint64_t)((double)call->ticks / thread->server->ticks_per_us),
        .request_bytes = call->request_bytes,
        .reply_bytes = call->is_silent || call->is_broken ? 0 : call->reply_len,
        .now_ms = thread->now_ms,
        .session = session,
    };
    observer->costly_command(thread->server, &what);
}

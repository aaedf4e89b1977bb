/* start.c - see start.h.  */
#include "exec/start.h"

#include "exec/paused.h"
#include "exec/round.h"
#include "exec/scratch.h"
#include "shard/server.h"
#include "shard/thread.h"

bool executor_open(struct thread *thread, window_is_back_fn *window_is_back, ticket_told_fn *session_is_due)
{
    struct executor *executor = thread->executor;
    executor->window_is_back = window_is_back;
    executor->session_is_due = session_is_due;
    executor->resume_ms = INT64_MAX;
    executor->ns_per_tick = 1000.0 / thread->server->ticks_per_us;
    return scratch_open(executor) && rounds_open(thread);
}

void executor_close(struct thread *thread)
{
    paused_free_spare(thread);
    rounds_close(thread);
    scratch_close(thread->executor);
}

/* waiting.c - see waiting.h.  */
#include "exec/waiting.h"

#include "exec/exec.h"
#include "exec/executor.h"
#include "shard/message.h"
#include "shard/server.h"
#include "shard/thread.h"

void exec_wake_waiters(struct exec *exec)
{
    for (uint32_t i = 0; i < exec->server->shard_count; i++) {
        struct thread *thread = server_thread(exec->server, i);
        atomic_store_explicit(&thread->executor->must_retry, true, memory_order_seq_cst);
        thread_wake(exec->thread, thread);
    }
}

bool waiting_begin_turn(struct thread *thread)
{
    struct executor *executor = thread->executor;
    const bool was_asked = atomic_exchange_explicit(&executor->must_retry, false, memory_order_seq_cst);
    executor->is_retrying = was_asked || thread->now_ms - executor->retried_ms >= WAITING_MS;
    if (executor->is_retrying) {
        executor->retried_ms = thread->now_ms;
    }
    return executor->is_retrying;
}

bool waiting_are_woken(const struct thread *thread)
{
    return atomic_load_explicit(&thread->executor->must_retry, memory_order_relaxed);
}

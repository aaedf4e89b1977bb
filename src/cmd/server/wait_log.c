/* wait_log.c - WAITAOF for the log of this server: waits until all that any log has now is committed. For what other clients have written it may wait
 * a little longer than it had to, and never less.  */
#include "cmd/server/wait_log.h"

#include "mem/heap.h"
#include "shard/server.h"

struct wait_log {
    struct job job;
    bool waits_for_replicas;    /* which there are none of: until the time is over */
    int64_t deadline_ms;        /* wall; 0: none */
    uint32_t count;
    uint64_t sequences[];       /* a frame of each shard */
};

static size_t wait_log_bytes(uint32_t count)
{
    return sizeof(struct wait_log) + count * sizeof(uint64_t);
}

static bool is_committed(const struct wait_log *wait, const struct server *server)
{
    uint32_t i = 0;
    if (!atomic_load_explicit(&server->logged.counts, memory_order_acquire)) {
        return false; /* the log's base is not there yet */
    }
    while (i < wait->count && atomic_load_explicit(&server->logged.progress[i].committed, memory_order_acquire) >= wait->sequences[i]) {
        i++;
    }
    return i == wait->count;
}

static enum job_status step(struct job *job, struct exec *exec)
{
    const struct wait_log *wait = (const struct wait_log *)job;
    const bool is_done = is_committed(wait, exec->server);
    const bool is_over = wait->deadline_ms != 0 && exec->now_ms >= wait->deadline_ms;
    if ((!is_done || wait->waits_for_replicas) && !is_over) {
        return JOB_PAUSE;
    }
    reply_array(exec->reply, 2);
    reply_integer(exec->reply, is_done);
    reply_integer(exec->reply, 0);
    return JOB_DONE;
}

static void destroy(struct job *job, struct exec *exec)
{
    (void)exec;
    thread_free(MEM_SERVER, job, wait_log_bytes(((struct wait_log *)job)->count));
}

bool wait_log_start(struct exec *exec, bool waits_for_replicas, int64_t timeout_ms)
{
    const struct server *server = exec->server;
    struct wait_log *wait = thread_alloc_zeroed(MEM_SERVER, wait_log_bytes(server->shard_count));
    if (wait == NULL) {
        return false;
    }
    wait->job = (struct job){.step = step, .destroy = destroy, .shard = JOB_NO_SHARD};
    wait->waits_for_replicas = waits_for_replicas;
    wait->deadline_ms = timeout_ms == 0 ? 0 : exec->now_ms + timeout_ms;
    wait->count = server->shard_count;
    for (uint32_t i = 0; i < wait->count; i++) {
        wait->sequences[i] = atomic_load_explicit(&server->logged.progress[i].appended, memory_order_acquire);
    }
    exec_start_job(exec, &wait->job);
    return true;
}

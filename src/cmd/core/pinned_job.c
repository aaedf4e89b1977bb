/* pinned_job.c - see pinned_job.h.  */
#include "cmd/core/pinned_job.h"

#include "cmd/core/answers.h"
#include "exec/exec.h"
#include "mem/heap.h"
#include "shard/server.h"

#include <assert.h>

void pinned_job_destroy(struct job *job, struct exec *exec)
{
    struct pinned_job *pinned = (struct pinned_job *)job;
    exec_unpin(exec, &pinned->pin);
    thread_free(MEM_CLIENT, pinned, pinned->bytes);
}

void *pinned_job_create(struct exec *exec, struct key key, struct entry *entry, job_step_fn *step, size_t bytes)
{
    struct pinned_job *pinned = thread_alloc_zeroed(MEM_CLIENT, bytes);
    if (pinned == NULL) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return NULL;
    }
    if (entry != NULL && !exec_pin(exec, key, entry, &pinned->pin)) {
        thread_free(MEM_CLIENT, pinned, bytes);
        return NULL;
    }
    pinned->job = (struct job){step, pinned_job_destroy, (int32_t)exec->shard->number};
    pinned->bytes = bytes;
    return pinned;
}

void pinned_job_leave_shard(struct pinned_job *pinned)
{
    assert(pinned->pin.raw != NULL);
    pinned->job.shard = JOB_NO_SHARD;
}

void pinned_job_return(struct pinned_job *pinned)
{
    pinned->job.shard = (int32_t)pinned->pin.shard->number;
}

/* pinned_job.h - jobs that read one collection or long string in steps, with its key pinned meanwhile.
 *
 * Threads    The holder of the key's baton.
 * Memory     A job is the connection thread's own block.
 * Read on    exec/exec.h, "jobs".  */
#ifndef CMD_PINNED_JOB_H
#define CMD_PINNED_JOB_H

#include "exec/exec.h"

#include <stddef.h>

/* The first member of such a job's own structure. */
struct pinned_job {
    struct job job;
    struct pin pin;
    size_t bytes; /* of the whole structure */
};

typedef enum job_status job_step_fn(struct job *job, struct exec *exec);

/* In the handler of a command on one shard: a job of `bytes`, all 0 behind the struct pinned_job that it begins with. The caller
 * fills it in and starts it; a destroy function of its own ends with pinned_job_destroy.
 *
 * entry    the collection or long string at `key`; NULL: nothing is pinned (the job reads a copy)
 * Returns  NULL: memory was refused, which was replied, or the command has to wait: the handler returns  */
MUST_USE void *pinned_job_create(struct exec *exec, struct key key, struct entry *entry, job_step_fn *step, size_t bytes);
void pinned_job_destroy(struct job *job, struct exec *exec);
/* From a step on the job reads nothing but its long string, so that others may have the baton; its last step, before JOB_DONE, takes
 * it back: to unpin the key.  */
void pinned_job_leave_shard(struct pinned_job *pinned);
void pinned_job_return(struct pinned_job *pinned);

#endif

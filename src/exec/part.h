/* part.h - a job that works on many shards at once: scatter and gather.
 *
 * A job divides a phase into *parts*, one a shard, each with a result of its own. They are run in steps by the job's own thread and by
 * the threads of their shards, one step of a part at a time; when all are done the job goes on, and puts the results together.
 *
 *   the job's step: exec_start_parts, JOB_PARTS --> steps of the parts --> all done, or one failed --> the job's step again
 *
 * At first the job's thread works alone. Only when that took PARTS_ALONE_US the other parts are offered to the threads of their shards, so
 * what is small costs no more than without parts; a job that knows that it is long has them offered at once. Whoever is about to take a step claims the part for that step; the job's thread claims
 * any part that nobody works on at the moment, its own shard's first. So a thread that is busy delays nobody.
 *
 * Threads    `step`: any shard thread, never two at once for one part; each step sees what the one before has written. It gets the
 *            baton of `shard` if takes_baton. The job's own step, and destroy: the job's thread, when no part is being run any more.
 * Memory     Parts are embedded in the job's structures, and lent from exec_start_parts until the job's next step or destroy. A step
 *            may read what does not change meanwhile: the command's words, a locked slice. Results come from thread_alloc, which
 *            any thread may grow and free.
 * Limits     PARTS_MAX parts; PARTS_ALONE_US; a step takes about JOB_STEP_US.
 * Read on    part_run.h  */
#ifndef EXEC_PART_H
#define EXEC_PART_H

#include "base/attributes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct exec;
struct thread;

enum { PARTS_ALONE_US = 50 };

enum part_status {
    PART_MORE,   /* step again */
    PART_DONE,
    PART_FAILED, /* memory was refused: no part needs to go on */
};

struct part {
    enum part_status (*step)(struct part *part, struct thread *thread);
    uint32_t shard;
    bool takes_baton;
};

enum parts_length {
    PARTS_MAY_BE_SHORT,
    PARTS_LONG, /* they take more than PARTS_ALONE_US, several times */
};

/* In a step of a job, which then returns JOB_PARTS: its next step comes when all parts are done, or one has failed. The `count` parts
 * stand `stride` bytes apart; no two have the same shard. False: no memory, nothing was begun.  */
MUST_USE bool exec_start_parts(struct exec *exec, struct part *first, uint32_t count, size_t stride, enum parts_length length);

/* As exec_step_is_over, in a step of a part. */
bool part_step_is_over(const struct thread *thread);

#endif

/* save_job.h - the steps by which a command makes a snapshot: opens the file, waits for the moment of the cut, and, if it wants, for the end.
 *
 * Threads    Those of a job.  */
#ifndef CMD_SAVE_JOB_H
#define CMD_SAVE_JOB_H

#include "exec/exec.h"

/* What happens at the end, once: `error` NULL: the file is there (or, if the job does not wait for that, the cut was made). It replies, and returns
 * JOB_DONE; or it gives the job another step, and returns JOB_MORE.  */
typedef enum job_status save_end_fn(struct job *job, struct exec *exec, const char *error);

/* Starts a job: from a SCOPE_SESSION handler, which returns at once. */
void save_start(struct exec *exec, bool waits_for_end, save_end_fn *end);

#endif

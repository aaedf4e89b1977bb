/* save_job.h - the steps by which a command makes a snapshot: opens the file, waits for the moment of the cut, and, if it wants, for the end.
 *
 * Threads    Those of a job.  */
#ifndef CMD_SAVE_JOB_H
#define CMD_SAVE_JOB_H

#include "exec/exec.h"

/* What happens at the end, once: `error` NULL: the file is there (or, if the job does not wait for that, the cut was made). It replies, and returns
 * JOB_DONE; or it gives the job another step, and returns JOB_MORE.  */
typedef enum job_status save_end_fn(struct job *job, struct exec *exec, const char *error);

enum {
    SAVE_WAITS_FOR_END = 1,    /* `end` comes when the file is there; else when the cut is made */
    SAVE_WAITS_FOR_OTHERS = 2, /* a snapshot that is under way is waited for; else that is an error */
    SAVE_STOPS_WRITERS = 4,    /* from before the cut until save_lets_go, or the end of the job */
    SAVE_NOTHING = 8,          /* no snapshot is made; the rest is the same */
};
/* Starts a job: from a SCOPE_SESSION handler, which returns at once. */
void save_start(struct exec *exec, uint32_t flags, save_end_fn *end);

/* For the later steps of a job that stops writers. Commands that read wait, too. */
void save_stops_readers(struct job *job);
void save_lets_go(struct job *job);
/* Makes the snapshot once more, and calls `end` again; the step returns JOB_MORE. False: that has been tried often enough. */
MUST_USE bool save_again(struct job *job);

#endif

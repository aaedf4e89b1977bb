/* inside.h - what inside.c has for whoever runs a command under batons that are held already, without waiting.
 *
 * Threads    The holder of the batons.  */
#ifndef EXEC_INSIDE_H
#define EXEC_INSIDE_H

#include "base/attributes.h"
#include "exec/exec.h"

struct call;

enum inside_outcome {
    INSIDE_RAN,
    INSIDE_NOT_HELD,   /* it needs a shard that is not held */
    INSIDE_WOULD_WAIT, /* for a job that has pinned or locked what it needs, or for a table */
};

/* Runs the handler of a call that has been chosen and routed, and the steps of its job. When it was not run, nothing is replied: a job that would
 * have had to wait was ended.  */
MUST_USE enum inside_outcome inside_run(struct exec *exec, const struct call *call);

#endif

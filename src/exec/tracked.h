/* tracked.h - commands of connections that keep a cache: what a command reads is remembered, and whose command it is, is known while it runs.
 *
 * Threads    Whoever runs the call, under its batons.
 * Invariant  A key is remembered behind the read of it and before the baton is given up. A job's keys are remembered when its handler has
 *            left it, before the first step: what changes then is told, and the client hears of it once more behind the reply (client/caching.h).
 * Read on    tracking/tracking.h.  */
#ifndef EXEC_TRACKED_H
#define EXEC_TRACKED_H

#include "exec/exec.h"

/* Around the handler, or a step, of a call whose `tracked` is not 0. */
void tracked_begin(struct exec *exec, const struct call *call);
void tracked_end(struct exec *exec);
/* The end of a step; or the call does not run now: nothing is remembered. */
void tracked_break_off(struct exec *exec);
/* A command inside another has run. */
void tracked_inside(struct exec *exec);

#endif

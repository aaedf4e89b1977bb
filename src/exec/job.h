/* job.h - commands that take many steps: struct job of exec.h, driven by the thread of their connection.
 *
 * Threads    The connection's. Each step has the baton that the job asked for.
 * Invariant  J1 a window has at most one job under way: that of its first unanswered call, and the window is parked; J2 a job is
 *            destroyed exactly once, whether it ends, its connection dies, or there is no memory to begin it; J3 a call of a window keeps
 *            nothing from other connections that it cannot use before an earlier call is answered: jobs_withdraw.
 * Limits     A step of about JOB_STEP_US in a turn: stepper.h.  */
#ifndef EXEC_JOB_H
#define EXEC_JOB_H

#include "base/attributes.h"

#include <stdbool.h>
#include <stdint.h>

struct call;
struct thread;
struct window;

/* Takes up the job that the handler of the call (the first of its parked window) has STARTED. False: no memory; the call is DONE, and its
 * connection must end.  */
MUST_USE bool job_begin(struct thread *thread, struct call *call);
/* A job of the window goes on when its connection has gone (exec->must_finish): the window must stay until it is back. */
bool window_must_finish(const struct thread *thread, const struct window *window);
/* The parked window goes on later. Under `pipeline-order relaxed` a call may have started a job, which has pinned its keys, behind one that
 * is not answered; or stand in a queue behind one whose job is under way, or which is blocked, so that it cannot try when it is told. Whoever waits for these
 * pins, or behind it in the queue, may be the one that the earlier call waits for. So both give up what they have, and are run again as
 * DEFERRED. Without any baton.  */
void jobs_withdraw(struct thread *thread, struct window *window);
/* Gives up the jobs of the window's calls, and those that are blocked, which count as answered then, and what its calls wait for. The connection ends. */
void jobs_abandon(struct thread *thread, struct window *window);

#endif

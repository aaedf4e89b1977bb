/* paused.h - a call that goes on in steps from the middle of its handler: a script that runs long, or a transaction with one.
 *
 *   RUNNING --exec_pause--> PAUSED <-----------.           the handler has a stack of its own: fiber.h
 *      |                      | a step         | exec_pause
 *      | returns              '--> RESUMED ----'
 *      v                              | returns
 *   answered at once                  '--> answered as a job
 *
 * While it is PAUSED its batons are free, so that nobody spins for them, but each of its shards is locked: whoever would touch the shard's
 * data waits (or is answered BUSY when that takes long), keys neither expire nor are evicted. So nobody sees a part of what it does.
 *
 * Threads    The connection's, under the batons of `set` while it is RUNNING or RESUMED.
 * Invariant  P1 from the first pause to the end the shards of `set` have the lock in their lists; it is lifted while the handler runs.
 * Limits     PAUSE_FIRST_US before the first pause, PAUSE_STEP_US a step.  */
#ifndef EXEC_PAUSED_H
#define EXEC_PAUSED_H

#include "base/attributes.h"
#include "shard/shard_set.h"

#include <stdbool.h>

struct buffer;
struct call;
struct exec;
struct paused;
struct reply;
struct thread;

#define ERROR_BUSY "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE."

/* Could the handler of this call pause? */
bool call_may_pause(const struct call *call);
/* NULL: no memory; then it is run without. */
struct paused *paused_open(struct thread *thread) MUST_USE;
void paused_close(struct thread *thread, struct paused *paused);
/* For the call, with `exec` prepared in it; the reply goes to a buffer of its own. */
struct exec *paused_prepare(struct paused *paused, struct thread *thread, struct call *call);
/* Runs the handler under the batons of `set`. True: it has returned. False: it has paused; call->job is set, and its shards are locked. */
MUST_USE bool paused_run(struct paused *paused, struct thread *thread, const struct shard_set *set, struct call *call);
/* The complete reply moves into `reply`, which was begun and is empty. */
void paused_give_reply(struct paused *paused, struct reply *reply);

/* What the spare one of the thread takes is freed. */
void paused_free_spare(struct thread *thread);

#endif

/* run.h - commands run here, under the baton of their shard.
 *
 * A batch whose shard is free and has nothing in its inbox runs at once, on the thread that made it. Otherwise it is handed over
 * (shard/inbox.h) and runs on whoever holds the shard.
 *
 * Threads    Any shard thread, for any shard.
 * Invariant  Batches of one thread run in the order of their pushes.
 * Read on    docs/ARCHITECTURE.md, "The baton".  */
#ifndef EXEC_RUN_H
#define EXEC_RUN_H

#include "base/attributes.h"

#include <stdbool.h>

struct batch;
struct buffer;
struct call;
struct thread;

/* Runs the batch (a chain: all its positions) now, or leaves it to whoever holds the shard. True: it has run. False: it comes home as a
 * message.  */
MUST_USE bool batch_submit(struct thread *thread, struct batch *batch);
/* Runs a call that is exclusive (or instant) on this thread, with the batons that its scope promises; its reply goes to `replies`. */
void call_run_exclusive(struct thread *thread, struct call *call, struct buffer *replies);

#endif

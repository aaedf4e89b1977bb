/* pending.h - unsent replies: beyond which a connection runs no commands.
 *
 * A connection may have OUTPUT_SOFT bytes of them; while all clients' buffers together are over clients-pending-limit (or over their
 * part of maxmemory), OUTPUT_SOFT_SHORT.
 *
 * Threads    A shard thread, for itself; it reads the figures of all.
 * Read on    docs/ARCHITECTURE.md, "Backpressure".  */
#ifndef EXEC_PENDING_H
#define EXEC_PENDING_H

#include "exec/executor.h"
#include "shard/thread.h"

enum {
    OUTPUT_SOFT = 1 << 20,
    OUTPUT_SOFT_SHORT = 1 << 16,
    OUTPUT_SOFT_UNAUTHENTICATED = 1024,  /* the same before AUTH */
    OUTPUT_WRITES_MAX = 1 << 24,         /* the same for commands that write: their replies are short, their requests are not */
};

/* A new look at clients-pending-limit: executor->is_pending_too_much. */
void pending_update(struct thread *thread);

/* Are so many unsent replies too many to run a command that does not write? `thread`: the one that asks. */
static inline bool pending_is_full(struct thread *thread, size_t unsent)
{
    if (LIKELY(unsent <= OUTPUT_SOFT_SHORT) || unsent > OUTPUT_SOFT) {
        return unsent > OUTPUT_SOFT;
    }
    pending_update(thread);
    return thread->executor->is_pending_too_much;
}

#endif

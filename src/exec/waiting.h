/* waiting.h - calls and jobs that wait for something in a shard: from the moment they cannot go on until they are served, or given up.
 *
 * Each has a *ticket*, its place in a queue of the shard (shard/waits.h). When what it waits for may have come, the ticket is *called*:
 * a message tells its home thread, which lets the call or job try again. Nobody looks in between.
 *
 * Threads    Where it says "under the baton": that of the ticket's shard, on any thread. The rest: the home thread.
 * Memory     A ticket is a block of its own, freed when it leaves its queue, or with the message that is under way to its home.
 * Invariant  W1 whoever has a ticket is in its queue; W2 a call or job has one ticket at most; W3 it is tried again only when it
 *            was told.  */
#ifndef EXEC_WAITING_H
#define EXEC_WAITING_H

#include "base/attributes.h"
#include "exec/exec.h"
#include "exec/executor.h"
#include "shard/message.h"
#include "shard/server.h"
#include "shard/waits.h"

#include <stdatomic.h>
#include <stdbool.h>

struct call;
struct thread;
struct window;

struct ticket {
    struct waiter waiter;      /* first; under the baton */
    struct message message;    /* to the home thread, when it is called */
    struct thread *home;
    struct shard *shard;
    ticket_told_fn *told;
    void *owner;
    _Atomic bool is_told;      /* the message was delivered: set at home, taken back under the baton when it must wait on */
    bool is_given_up;          /* home's: nobody waits any more, the message frees it */
};

/* Under the baton: waits for what `exec` says (exec_wait_for), with the ticket that it has, or a new one. NULL: no memory. */
MUST_USE struct ticket *ticket_wait(const struct exec *exec, struct ticket *ticket, struct thread *home, ticket_told_fn *told,
                                    void *owner);
/* Under the baton: it was told, and has been served, or loses its place. */
void ticket_leave(struct ticket *ticket, struct thread *thread);
/* At home, without any baton: nobody waits any more. Takes the baton. */
void ticket_give_up(struct ticket *ticket, struct thread *thread);

static inline bool ticket_is_told(const struct ticket *ticket)
{
    return atomic_load_explicit(&ticket->is_told, memory_order_acquire);
}

/* At home: has a call of the window been told, so that the window goes on? It need not be the first one (`pipeline-order relaxed`): whoever
 * is told keeps others from what it waits for until it has tried. */
bool window_has_told_call(const struct window *window);
/* At home, without any baton: calls[from] and those behind it cannot try before an earlier one has ended, so they give up their places. */
void window_leave_queues(struct thread *thread, struct window *window, uint32_t from);

/* Under the baton: what `kind` and `number` name may have become free; those who are next are told. */
static inline void waiters_call(struct thread *thread, struct shard *shard, enum wait_kind kind, uint64_t number)
    REQUIRES(shard->baton)
{
    if (UNLIKELY(waits_any(&shard->waits))) {
        waits_call(&shard->waits, (struct wait_subject){number, kind}, thread);
    }
}

#endif

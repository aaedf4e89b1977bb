/* hold.h - replies that are not sent yet, since the log of changes has not committed what they answer (`appendfsync always`).
 *
 *     output:   [ free to go | held by the first mark | held by the second one ]
 *
 * Two are enough: while the first waits, what comes later joins the second, which takes its place. So however long a pipeline is, a reply waits
 * for its own frame and at most for one that was written together with a later one.
 *
 * Threads    The connection's.
 * Memory     A number a shard for a mark of several, MEM_CLIENT.
 * Invariant  A connection is in clients->held while its first hold has a mark.  */
#ifndef CLIENT_HOLD_H
#define CLIENT_HOLD_H

#include "client/connection.h"
#include "client/hold_state.h"

/* Replies behind the first `from` bytes of the output wait for the mark. Nothing if replies do not wait. */
void connection_hold(struct connection *connection, struct log_mark mark, size_t from);
/* The connection ends. */
void connection_drop_holds(struct connection *connection);
/* How many bytes of the output may be sent. */
static inline size_t connection_sendable(const struct connection *connection)
{
    return LIKELY(connection->holds[0].mark.sequence == 0) ? connection->output.bytes : connection->holds[0].from;
}
/* So many have been sent. */
static inline void holds_sent(struct connection *connection, size_t sent)
{
    for (int i = 0; UNLIKELY(i < HOLDS && connection->holds[i].mark.sequence != 0); i++) {
        connection->holds[i].from -= sent;
    }
}
/* Something was committed since the thread looked last, and it has connections that wait for that. */
bool holds_are_due(const struct thread *thread);
/* Replies that may go now are sent at the end of the turn. */
void holds_release(struct thread *thread);

#endif

/* hold.h - replies that are not sent yet, since the log of changes has not committed what they answer (`appendfsync always`).
 *
 *     output:   [ free to go | held by the first mark | held by the second one ]
 *
 * Two are enough: while the first waits, what comes later joins the second, which takes its place. So however long a pipeline is, a reply waits
 * for its own frame and at most for one that was written together with a later one.
 *
 * Threads    The connection's.
 * Memory     A block a connection from its first hold on, and a number a shard for a mark of several; MEM_CLIENT.
 * Invariant  A connection is in clients->held while its first hold has a mark.  */
#ifndef CLIENT_HOLD_H
#define CLIENT_HOLD_H

#include "client/connection.h"

enum { HOLDS = 2 };

struct hold {
    struct log_mark mark; /* sequence 0: none */
    uint64_t *sequences;  /* of a mark of several: a frame of each shard; NULL: no memory, so whatever the logs have when it is looked at */
    size_t from;          /* bytes of the output that do not wait for it */
};

struct holds {
    struct hold of[HOLDS];              /* the first one first */
    struct connection *previous, *next; /* of its thread's that wait */
};

/* Replies behind the first `from` bytes of the output wait for the mark. Nothing if replies do not wait. Without memory the connection is closed. */
void connection_hold(struct connection *connection, struct log_mark mark, size_t from);
/* The connection ends. */
void connection_drop_holds(struct connection *connection);
/* How many bytes of the output may be sent. */
static inline size_t connection_sendable(const struct connection *connection)
{
    return LIKELY(connection->holds == NULL) || connection->holds->of[0].mark.sequence == 0 ? connection->output.bytes : connection->holds->of[0].from;
}
/* So many have been sent. */
static inline void holds_sent(struct connection *connection, size_t sent)
{
    for (int i = 0; UNLIKELY(connection->holds != NULL) && i < HOLDS && connection->holds->of[i].mark.sequence != 0; i++) {
        connection->holds->of[i].from -= sent;
    }
}
/* Something was committed since the thread looked last, and it has connections that wait for that. */
bool holds_are_due(const struct thread *thread);
/* Replies that may go now are sent at the end of the turn. */
void holds_release(struct thread *thread);

#endif

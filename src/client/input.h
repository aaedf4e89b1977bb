/* input.h - what a client has sent and no call has taken yet.
 *
 *   receive buffer (held) --parsed in place--> calls
 *        |  a command's rest, or more than one buffer
 *        v
 *   query buffer  <-- backlog (what came while calls point into the input)
 *
 * Threads    The connection's.
 * Invariant  C1 input is in `held` or in `query`, never in both; C2 while there is a window that is not parked, nothing is added to
 *            either; C4 while `query` is lent to the kernel, it neither moves nor changes.
 * Read on    receive.h: how fast it is taken.  */
#ifndef CLIENT_INPUT_H
#define CLIENT_INPUT_H

#include "client/connection.h"

enum {
    INPUT_AHEAD_BYTES = 49152,     /* with the 16 KiB that may come at once: 64 KiB */
    INPUT_AHEAD_NEAR_BYTES = 32768, /* the same when maxmemory is near; room beyond it is kept short then */
};

/* Unparsed input ... */
static inline struct bytes connection_input(const struct connection *connection)
{
    debug_assert(connection->held < 0 || connection->query.len == 0); /* C1 */
    if (connection->held >= 0) {
        const char *data = ring_buffer(&connection->thread->ring, (uint16_t)connection->held);
        return (struct bytes){data + connection->held_at, connection->held_len - connection->held_at};
    }
    return (struct bytes){buffer_at(&connection->query, connection->query_at), connection->query.len - connection->query_at};
}

/* ... and how to move past what was parsed. */
static inline void connection_consume(struct connection *connection, size_t count)
{
    if (connection->held >= 0) {
        connection->held_at += (uint32_t)count;
        assert(connection->held_at <= connection->held_len);
    } else {
        connection->query_at += count;
        assert(connection->query_at <= connection->query.len);
    }
}

/* Makes room for so many bytes behind what one of its buffers has. False: no memory; the connection has been closed. */
MUST_USE bool connection_make_room(struct connection *connection, struct buffer *buffer, size_t len);
/* Adds to one of its buffers. False: no memory; the connection has been closed. */
MUST_USE bool connection_keep_input(struct connection *connection, struct buffer *buffer, struct bytes text);
/* What could not be parsed leaves the receive buffer, so that the kernel gets it back; what calls point to must be gone. */
void connection_keep_rest(struct connection *connection);
/* The same, unless it is run soon: the thread has few receive buffers, and who waits may wait for ever. */
void connection_release_held(struct connection *connection);
/* What could not be parsed leaves the receive buffer, and the backlog is input now. */
void connection_join_backlog(struct connection *connection);
/* Gives the query buffer away, with what was parsed in it, which stays where it is; the rest is copied to a new one. False: it is not
 * worth while (words are in a receive buffer, or the rest is long), or no memory; then nothing has changed.  */
MUST_USE bool connection_give_query(struct connection *connection, struct buffer *out);
/* The query buffer goes; the kernel has given it back. */
void connection_drop_query(struct connection *connection);
/* What waits is not wanted any more. No window may be left. */
void connection_drop_input(struct connection *connection);

#endif

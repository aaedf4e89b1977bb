/* receive.h - bytes in, and how fast they are taken.
 *
 * Input is taken as fast as it is run: while INPUT_AHEAD_BYTES wait behind the command that is next, nothing more is
 * read. The exception is a connection whose commands wait for the client to take its replies: many clients write a whole
 * pipeline before they read, so it is read on, up to client-query-buffer-limit, and while all clients' buffers together are within
 * clients-pending-limit. docs/ARCHITECTURE.md, "Backpressure", has both.
 *
 * A multishot receive delivers what the socket has, up to 512 KiB at once. What is too much of it waits in its receive buffers in a
 * queue of the thread (deferred); the connection is then paced: received 16 KiB at a time, until its socket is empty.
 *
 * The rest of a long command is received into the query buffer itself, up to 128 KiB at once: it is not copied, and one turn takes no more of it,
 * so that others are served meanwhile. (A multishot receive brings all that 128 receive buffers hold, in front of all that comes later.)
 *
 * Threads    The connection's.
 * Invariant  C3 the bytes of a connection are taken in the order of their completions: while it has a deferred buffer, what
 *            comes is deferred, too.
 * Limits     INPUT_AHEAD_BYTES, UNAUTHENTICATED_INPUT_MAX, DEFERRED_WAITING_MAX, LENT_BYTES, TURN_LENT_BYTES; client-query-buffer-limit,
 *            clients-pending-limit.  */
#ifndef CLIENT_RECEIVE_H
#define CLIENT_RECEIVE_H

#include "client/connection.h"

/* Reads on, or stops reading, as the rules above say. */
void connection_adjust_receiving(struct connection *connection);
void connection_start_receiving(struct connection *connection);
void connection_stop_receiving(struct connection *connection);
/* REQUEST_RECEIVE and REQUEST_CANCEL have ended, or brought something. */
void connection_received(struct connection *connection, const struct ring_event *event);
void connection_was_cancelled(struct connection *connection);
/* Takes the text of what connection->tls was fed; the handshake is over. */
void connection_take_fed(struct connection *connection);
/* Takes the buffers that wait, where there is room now. */
void deferred_input_take(struct thread *thread);

#endif

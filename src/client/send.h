/* send.h - replies out.
 *
 * Threads    The connection's.
 * Invariant  A connection has one send under way at most.
 * Limits     TURN_BULK_BYTES given to sends of long outputs in a turn, and one send more.  */
#ifndef CLIENT_SEND_H
#define CLIENT_SEND_H

#include "client/connection.h"

enum { BULK_OUTPUT_BYTES = 1 << 15 }; /* an output is long from here on */

/* Sends what waits. None is under way. */
void connection_start_sending(struct connection *connection);
/* Sends on long outputs, one connection after the other. */
void connections_send_bulk(struct thread *thread);
/* REQUEST_SEND has ended. */
void connection_was_sent(struct connection *connection, const struct ring_event *event);

#endif

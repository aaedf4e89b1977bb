/* lifetime.h - connections from their first byte to their last.
 *
 * Threads    The connection's.
 * Limits     ENDINGS_MAX at once and TURN_CLOSING_US in a turn; hardly any while completions come in crowds.  */
#ifndef CLIENT_LIFETIME_H
#define CLIENT_LIFETIME_H

#include "client/connection.h"

/* A connection that was accepted; receives from now on. NULL: no memory. Counted by whoever handed it to the thread. */
struct connection *connection_create(struct thread *thread, int fd);
/* What is sent and received is TLS: from its first byte on, with what server->tls has. Without memory the connection is closed. */
void connection_use_tls(struct connection *connection);
/* One that is closing: asks its requests to end, or frees it when nothing is under way any more. */
void connection_end(struct connection *connection);
/* Ends connections of LIST_CLOSING. `turn_events`: completions of this turn. */
void connections_end(struct thread *thread, uint32_t turn_events);

#endif

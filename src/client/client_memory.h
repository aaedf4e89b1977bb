/* client_memory.h - maxmemory-clients: when all connections together need more, the largest are closed.
 *
 * Threads    A connection's own; the token by which one closes goes from thread to thread.  */
#ifndef CLIENT_CLIENT_MEMORY_H
#define CLIENT_CLIENT_MEMORY_H

#include "client/connection.h"

/* The connection's memory has changed; only counted while maxmemory-clients is set. */
void client_memory_note(struct connection *connection);
/* It is gone. */
void client_memory_forget(struct connection *connection);
/* Once a turn: closes the largest connections while all together are over maxmemory-clients. */
void client_memory_check(struct thread *thread);
/* client_memory_check has something to do: not to be slept over. */
MUST_USE bool client_memory_has_token(const struct thread *thread);

#endif

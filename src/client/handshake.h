/* handshake.h - how TLS connections begin: steps of their handshakes, some in a turn, so that no crowd of them holds up other connections.
 *
 * Whoever has sent something that a step waits for stands in LIST_HANDSHAKE, and has a step when its turn comes, first come first served. A
 * step is 1 us (the rest of a message is missing) to some milliseconds (a signature with an RSA key of 4096 bits).
 *
 * Threads    The connection's.
 * Limits     HANDSHAKE_TURN_US in a turn, and one step more; tls-handshake-timeout for a handshake.  */
#ifndef CLIENT_HANDSHAKE_H
#define CLIENT_HANDSHAKE_H

#include "client/connection.h"

/* Steps of those of LIST_HANDSHAKE. Commands that came with the last message of a handshake are ready to run then. */
void connections_shake_hands(struct thread *thread);
/* True: the handshake has taken too long, and the connection is closed. */
bool connection_handshake_is_late(struct connection *connection);

#endif

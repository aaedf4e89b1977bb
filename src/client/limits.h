/* limits.h - what is looked at `hz` times a second, and after what was added: idle clients, those that take no replies.
 *
 * Threads    The connections'.
 * Limits     client-output-buffer-limit, clients-pending-limit, timeout, LINGER_MS.  */
#ifndef CLIENT_LIMITS_H
#define CLIENT_LIMITS_H

#include "client/connection.h"

enum { OUTPUT_CHECK_BYTES = 16384 }; /* fewer unsent bytes are not held against a limit at every turn */

/* client-output-buffer-limit: closes it when it is over. */
void connection_check_output(struct connection *connection);
/* All connections of the thread, `hz` times a second. Counts those that are sent to unasked: clients->fed. */
void clients_check(struct thread *thread);

#endif

/* start.h - a thread's connections, from its start to its end.
 *
 * Threads    The thread itself.  */
#ifndef CLIENT_START_H
#define CLIENT_START_H

#include "base/attributes.h"

#include <stdbool.h>

struct thread;

/* False: no memory. */
MUST_USE bool clients_open(struct thread *thread);
/* Asks all connections to end; they are gone when clients->connections is NULL, some turns later. */
void clients_close_all(struct thread *thread);
/* All connections are gone. */
void clients_close(struct thread *thread);

#endif

/* threads.h - shard threads as coroutines: the real turns and batons, with a ring that only wakes.
 *
 * What turn.c calls of the client room, world.c has.  */
#ifndef SCHEDULES_THREADS_H
#define SCHEDULES_THREADS_H

#include "shard/server.h"

/* The server whose threads are opened, closed, or run in the next schedule. */
void threads_begin(struct server *server);
/* On the thread itself. */
void threads_open(unsigned thread);
void threads_close(unsigned thread);
/* For struct schedule. */
void threads_body(unsigned thread);
void threads_switched(unsigned thread);

#endif

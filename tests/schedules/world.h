/* world.h - clients and commands of the schedules, and what must hold for them.
 *
 * Each thread has clients with a pipeline of commands each: writes and reads of a key, jobs that pin one, commands over all or several
 * shards, jobs that lock all keys, jobs that wait for all pins to be gone. A client takes as many of them into a window as the seed says, as
 * client/dispatch.c does, and answers them as client/answer.c does.
 *
 * Invariant  Each command runs once to its end, on its connection's order and shard alone; replies come in order; at the end no baton is held,
 *            nothing is in an inbox, mailbox or queue, pinned or locked, and everybody sleeps.  */
#ifndef SCHEDULES_WORLD_H
#define SCHEDULES_WORLD_H

#include "shard/server.h"

#include <stdint.h>

/* A server of so many shards, with its threads. Ends the process when there is no memory. */
struct server *world_open(uint32_t shards);
void world_close(struct server *server);
/* One schedule. Returns how many points it had; what is wrong ends the process. */
uint32_t world_run(struct server *server, uint64_t seed);

#endif

/* route.h - which shards a call needs.
 *
 * Threads    A shard thread's own. Route functions read the catalogue inside an epoch section of this thread.  */
#ifndef EXEC_ROUTE_H
#define EXEC_ROUTE_H

#include "shard/shard_set.h"

struct call;
struct server;
struct thread;

/* Sets call->shard, or is_exclusive when the call needs several shards, or none of its own (by its row's scope); the hash of its
 * first key; and what a route function leaves.  */
void call_route(struct thread *thread, struct call *call);
/* The shards of the keys that its row names. Any thread. */
struct shard_set call_key_shards(const struct server *server, const struct call *call);

#endif

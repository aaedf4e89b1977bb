/* shard.h - a shard's parts from the start to the end: heap, keyspaces, biggest keys, what waits to be freed.
 *
 * Threads    The main thread, while no shard thread runs.  */
#ifndef SHARD_SHARD_H
#define SHARD_SHARD_H

#include "shard/server.h"

/* Makes server->shards[number]. False: no memory. */
MUST_USE bool shard_open(struct server *server, uint32_t number);
/* What waits to be freed of any shard must be gone (lazy_free_destroy), and the tables. */
void shard_close(struct shard *shard);

#endif

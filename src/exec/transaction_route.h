/* transaction_route.h - which shards EXEC needs: those of the queued commands, and of the keys that are watched.
 *
 * Threads    The connection's; transaction_shards: whoever runs the call, too.  */
#ifndef EXEC_TRANSACTION_ROUTE_H
#define EXEC_TRANSACTION_ROUTE_H

#include "shard/shard_set.h"

struct call;
struct server;
struct transaction;

/* EXEC's shard, when it needs one and no session; otherwise the call is exclusive. */
void transaction_route(const struct server *server, struct call *call);
/* All shards that EXEC needs. None: there is nothing to run. */
struct shard_set transaction_shards(const struct server *server, const struct transaction *transaction);

#endif

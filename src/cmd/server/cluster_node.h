/* cluster_node.h - shards as nodes of a cluster, for the subcommands of CLUSTER.
 *
 * Threads    Any.  */
#ifndef CMD_CLUSTER_NODE_H
#define CMD_CLUSTER_NODE_H

#include "exec/exec.h"

/* True with shard-ports; otherwise replies what Redis without cluster mode does. */
bool cluster_check_enabled(struct exec *exec);
/* The first slot of shard 0 .. shard_count; what is behind the last shard begins at SLOT_COUNT. */
uint32_t cluster_first_slot(const struct server *server, uint32_t shard);

#endif

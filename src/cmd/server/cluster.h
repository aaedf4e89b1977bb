/* cluster.h - what the subcommands of CLUSTER share.
 *
 * Threads    Any.  */
#ifndef CMD_CLUSTER_H
#define CMD_CLUSTER_H

#include "exec/exec.h"

/* True with shard-ports; otherwise replies what Redis without cluster mode does. */
bool cluster_check_enabled(struct exec *exec);
/* The first slot of shard 0 .. shard_count; what is behind the last shard begins at SLOT_COUNT. */
uint32_t cluster_first_slot(const struct server *server, uint32_t shard);

command_fn command_cluster_slot_stats; /* cluster_slot_stats.c */

#endif

/* cluster_slot_stats.h - CLUSTER SLOT-STATS.  */
#ifndef CMD_CLUSTER_SLOT_STATS_H
#define CMD_CLUSTER_SLOT_STATS_H

#include "exec/exec.h"

command_fn command_cluster_slot_stats;

#endif

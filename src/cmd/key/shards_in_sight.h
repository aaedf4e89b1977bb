/* shards_in_sight.h - the shards whose keys a connection may list: all; on a shard's own port that one, since cluster clients add up all
 * nodes.
 *
 * Threads    The connection's.  */
#ifndef CMD_KEY_SHARDS_IN_SIGHT_H
#define CMD_KEY_SHARDS_IN_SIGHT_H

#include "client/session.h"
#include "exec/exec.h"
#include "shard/server.h"
#include "shard/thread_stats.h"

struct shards_in_sight {
    uint32_t first, end;
};

static inline struct shards_in_sight shards_in_sight(const struct exec *exec)
{
    const uint32_t own = thread_number(exec->thread);
    return exec->session->is_shard_port ? (struct shards_in_sight){own, own + 1}
                                        : (struct shards_in_sight){0, exec->server->shard_count};
}

#endif

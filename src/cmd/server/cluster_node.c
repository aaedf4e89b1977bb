/* cluster_node.c - see cluster_node.h.  */
#include "cmd/server/cluster_node.h"

#include "base/slot.h"
#include "shard/server.h"

bool cluster_check_enabled(struct exec *exec)
{
    if (atomic_load_explicit(&exec->server->config->shard_ports, memory_order_relaxed)) {
        return true;
    }
    reply_error(exec->reply, "ERR This instance has cluster support disabled");
    return false;
}

uint32_t cluster_first_slot(const struct server *server, uint32_t shard)
{
    return (shard * SLOT_COUNT + server->shard_count - 1) / server->shard_count;
}

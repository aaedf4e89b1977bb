/* pending.c - see pending.h.  */
#include "exec/pending.h"

#include "mem/heap.h"
#include "shard/server.h"

enum { PENDING_MAXMEMORY_PARTS = 2 }; /* the part of maxmemory that clients-pending-limit may be */

/* Of all connections. */
static int64_t clients_pending_bytes(const struct server *server)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < server->shard_count; i++) {
        const struct mem_counters *counters = __atomic_load_n(&server_thread(server, i)->counters, __ATOMIC_ACQUIRE);
        if (counters == NULL) {
            continue; /* it is starting */
        }
        sum += __atomic_load_n(&counters->class_bytes[MEM_QUERY_BUFFER], __ATOMIC_RELAXED);
        sum += __atomic_load_n(&counters->class_bytes[MEM_OUTPUT_BUFFER], __ATOMIC_RELAXED);
    }
    return sum;
}

void pending_update(struct thread *thread)
{
    const struct config *config = thread->server->config;
    int64_t limit = atomic_load_explicit(&config->clients_pending_limit, memory_order_relaxed);
    const int64_t maxmemory = atomic_load_explicit(&config->maxmemory, memory_order_relaxed);
    if (maxmemory > 0 && (limit == 0 || maxmemory / PENDING_MAXMEMORY_PARTS < limit)) {
        limit = maxmemory / PENDING_MAXMEMORY_PARTS;
    }
    thread->executor->is_pending_too_much = limit > 0 && clients_pending_bytes(thread->server) > limit;
}

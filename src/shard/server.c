/* server.c - see server.h.  */
#include "shard/server.h"

#include "base/slot.h"

#include <assert.h>
#include <unistd.h>

struct shard *server_shard_of_key(const struct server *server, struct bytes key)
{
    if (server->shard_count == 1) {
        return &server->shards[0];
    }
    return &server->shards[slot_to_shard(slot_of_key(key), server->shard_count)];
}

struct thread *server_thread(const struct server *server, uint32_t number)
{
    assert(number < server->shard_count);
    return server->threads[number];
}

int64_t server_used_bytes(struct server *server)
{
    int64_t used = thread_heaps_bytes();
    for (uint32_t i = 0; i < server->shard_count; i++) {
        used += mem_counters_total(heap_counters(server->shards[i].heap));
    }
    int64_t peak = atomic_load_explicit(&server->used_bytes_peak, memory_order_relaxed);
    while (used > peak && !atomic_compare_exchange_weak_explicit(&server->used_bytes_peak, &peak, used,
                                                                 memory_order_relaxed, memory_order_relaxed)) {
    }
    return used;
}

void server_stop(struct server *server)
{
    atomic_store(&server->is_stopping, 1);
    uint64_t one = 1;
    ssize_t written = write(server->stop_fd, &one, sizeof one);
    (void)written; /* the acceptor also looks once a second */
}

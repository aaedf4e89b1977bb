/* shard.c - see shard.h.  */
#include "shard/shard.h"

#include "data/key_top.h"
#include "encoding/collection.h"
#include "shard/blocked.h"
#include "shard/key_lock.h"
#include "shard/lazy_free.h"
#include "shard/pinned.h"
#include "shard/report.h"
#include "shard/watch.h"

static size_t database_count(const struct server *server)
{
    return (size_t)atomic_load_explicit(&server->config->databases, memory_order_relaxed);
}

static bool free_collection(void *thing, size_t limit)
{
    struct collection *collection = thing;
    return collection->type->free_step(collection, &limit);
}

static void lazy_free_collection(void *context, struct collection *collection)
{
    struct shard *shard = context;
    baton_assert_held(&shard->baton);
    lazy_free_add(shard, free_collection, collection, collection->bytes);
}

static bool keep_locked(void *context, uint64_t hash, int64_t expiry_ms)
{
    const struct shard *shard = context;
    baton_assert_held(&shard->baton);
    return shard_key_lock_keeps(shard, hash, expiry_ms);
}

bool shard_open(struct server *server, uint32_t number)
{
    struct shard *shard = &server->shards[number];
    const size_t databases = database_count(server);
    shard->number = number;
    shard->server = server;
    shard->heap = heap_create();
    shard->databases = thread_alloc_zeroed(MEM_SERVER, databases * sizeof *shard->databases);
    shard->lazy_free = lazy_free_create();
    shard->evict.random = (uint64_t)server->started_ms + number;
    shard->evict.pool.sampler.random = ~shard->evict.random;
    if (shard->heap == NULL || shard->databases == NULL || shard->lazy_free == NULL) {
        return false;
    }
    shard->owner = (struct keyspace_owner){.context = shard, .lazy_free = lazy_free_collection, .expired = shard_key_expired,
                                           .fields_expired = shard_fields_expired,
                                           .joined = shard_key_joined, .keeps = keep_locked};
    shard->slice_owner = (struct slice_owner){.context = shard, .changed = server->row_changed, .wants = &server->effects.wants};
    for (size_t i = 0; i < databases; i++) {
        keyspace_init(&shard->databases[i], shard->heap, &server->secret);
        shard->databases[i].owner = &shard->owner;
    }
    shard->top = key_top_create(shard->heap, shard->databases, (uint32_t)databases);
    return shard->top != NULL;
}

void shard_close(struct shard *shard)
{
    const size_t databases = database_count(shard->server);
    shard->owner.lazy_free = NULL;
    for (size_t i = 0; i < databases; i++) {
        keyspace_clear(&shard->databases[i]);
    }
    thread_free(MEM_SERVER, shard->databases, databases * sizeof *shard->databases);
    if (shard->pinned != NULL) {
        thread_free(MEM_SERVER, shard->pinned, shard->pinned_capacity * sizeof *shard->pinned);
    }
    waits_close(&shard->waits);
    watches_close(&shard->watches);
    blocked_keys_close(&shard->blocked);
    key_locks_free(shard);
    key_top_destroy(shard->top);
    heap_destroy(shard->heap);
}

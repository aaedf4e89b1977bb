/* limits.h - the limits of small encodings, as the configuration has them at this moment.
 *
 * Threads    Any: relaxed loads.  */
#ifndef SHARD_LIMITS_H
#define SHARD_LIMITS_H

#include "config/config.h"
#include "encoding/collection.h"
#include "shard/server.h"

static inline int64_t limit_load(const _Atomic int64_t *limit)
{
    return atomic_load_explicit(limit, memory_order_relaxed);
}

static inline struct encoding_limits server_limits(const struct server *server)
{
    const struct config *config = server->config;
    return (struct encoding_limits){
        .hash_max_listpack_entries = limit_load(&config->hash_max_listpack_entries),
        .hash_max_listpack_value = limit_load(&config->hash_max_listpack_value),
        .set_max_intset_entries = limit_load(&config->set_max_intset_entries),
        .zset_max_listpack_entries = limit_load(&config->zset_max_listpack_entries),
        .zset_max_listpack_value = limit_load(&config->zset_max_listpack_value),
        .list_max_listpack_size = limit_load(&config->list_max_listpack_size),
        .list_compress_depth = limit_load(&config->list_compress_depth),
        .stream_node_max_bytes = limit_load(&config->stream_node_max_bytes),
        .stream_node_max_entries = limit_load(&config->stream_node_max_entries),
        .texts_stay_plain = limit_load(&config->rdbcompression) == 0,
    };
}

#endif

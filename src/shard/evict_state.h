/* evict_state.h - what a shard knows about maxmemory; a part of struct shard. What works with it: evict.h.
 *
 * Threads    Each field says who may touch it.  */
#ifndef SHARD_EVICT_STATE_H
#define SHARD_EVICT_STATE_H

#include "data/keyspace_evict.h"

#include <stdbool.h>
#include <stdint.h>

struct evict {
    /* under the baton */
    int64_t allowed_bytes;     /* of the shard's heap: no look at the sum until then */
    int64_t limit_bytes;       /* the maxmemory that it was given under */
    struct evict_pool pool;    /* of `pool_order` and `pool_is_volatile` */
    uint8_t pool_order;
    bool pool_is_volatile;
    uint64_t random;
    uint32_t db_end;           /* no database from here on had keys when that was last looked at */
    uint32_t picks_until_look;
    uint64_t evicted_keys;     /* since start; read relaxed by any thread */
    _Atomic int64_t owed_bytes; /* the shard's part of what is too much, for its own thread to free */
    /* the shard's own thread only, with or without the baton */
    int64_t buffers_bytes;     /* the thread's buffers when keys last went for them, or less */
    int64_t buffers_limit;     /* the maxmemory that this was noted under */
    uint64_t ticks_max;        /* the thread's longest eviction since it was last reported */
    int64_t wake_ms;           /* when it last woke the others to evict */
    int64_t peak_ms;           /* when thread 0 last let the threads' peak decay */
};

#endif

/* pinned.h - the keys of a shard that jobs read in steps: not to be written or evicted meanwhile. Who pins them: exec/pin.c.
 *
 * Threads    Under the shard's baton.  */
#ifndef SHARD_PINNED_H
#define SHARD_PINNED_H

#include "shard/server.h"

struct pinned {
    uint64_t hash;
    const void *value; /* the collection or raw string; NULL: the key only */
};

/* How many keys jobs have pinned. */
static inline uint32_t shard_job_pins(const struct shard *shard) REQUIRES(shard->baton)
{
    return shard->pinned_count - shard->guarded_pins;
}

/* True when a job, or the saving, has pinned a key with this hash. */
static inline bool shard_has_pin(const struct shard *shard, uint64_t hash) REQUIRES(shard->baton)
{
    for (uint32_t i = 0; i < shard->pinned_count; i++) {
        if (shard->pinned[i].hash == hash) {
            return true;
        }
    }
    return false;
}

#endif

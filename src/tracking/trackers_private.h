/* trackers_private.h - what the files of this room share.  */
#ifndef TRACKING_TRACKERS_PRIVATE_H
#define TRACKING_TRACKERS_PRIVATE_H

#include "shard/message.h"
#include "tracking/key_table.h"
#include "tracking/trackers.h"

#include <pthread.h>

/* A prefix of which changes are broadcast, and to whom. Lives while it has trackers. */
struct prefix {
    uint64_t number;          /* never the same again */
    struct tracker **trackers;
    uint32_t count, capacity;
    uint32_t len;
    char text[];
};

static inline struct bytes prefix_text(const struct prefix *prefix)
{
    return (struct bytes){prefix->text, prefix->len};
}

/* What belongs to a thread. */
struct tracking_thread {
    struct tracker *actor;    /* its own: whose command it runs; NULL: nobody's who tracks */
    unsigned tracked;         /* the same: enum tracked_call */
    struct message void_message; /* tells it that a tracker of its is void */
    _Atomic bool is_told;     /* that message is under way */
};

struct tracking_shard {
    struct key_table keys;    /* under the shard's baton */
    uint64_t random;          /* the same */
};

struct tracking {
    uint32_t thread_count;
    const struct effect_listener *listener;
    tracker_deliver_fn *deliver;
    tracker_of_fn *tracker_of;
    pthread_mutex_t lock;
    /* under the lock; the counts are read relaxed by any thread */
    struct tracker **trackers; /* of all connections that have one */
    uint32_t tracker_count, tracker_capacity;
    uint32_t on_count;
    struct prefix **prefixes;
    uint32_t prefix_count, prefix_capacity;
    uint64_t prefix_numbers;
    /* any thread */
    _Atomic uint64_t key_count, item_count;
    struct tracking_shard *shards;
    struct tracking_thread threads[];
};

static inline uint32_t count_read(const uint32_t *count)
{
    return __atomic_load_n(count, __ATOMIC_RELAXED);
}

static inline void count_set(uint32_t *count, uint32_t value)
{
    __atomic_store_n(count, value, __ATOMIC_RELAXED);
}

#endif

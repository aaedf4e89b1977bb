/* keyspace_evict.h - which key should go when memory is short: samples, and a pool of the best of them.
 *
 * For LRU and LFU each eviction looks at a few keys at random and keeps the best candidates of all samples so far in a pool
 * of 16, as Redis does; the best one in the pool goes if nothing has used it since. With 10 samples that is close to true LRU.
 * Which goes earliest is known exactly: the expiry index has them in order.
 *
 * Threads    Under the baton of the shard.
 * Memory     A candidate's address is never followed before it was found again in the table.  */
#ifndef DATA_KEYSPACE_EVICT_H
#define DATA_KEYSPACE_EVICT_H

#include "data/keyspace.h"

#include <stdbool.h>
#include <stdint.h>

enum evict_order { EVICT_LEAST_RECENT, EVICT_LEAST_FREQUENT, EVICT_RANDOM, EVICT_EARLIEST };

enum { EVICT_POOL_MAX = 16, EVICT_SAMPLES_MAX = 1024 };

/* By which keys are chosen. */
struct evict_rule {
    uint8_t order;          /* enum evict_order */
    bool is_volatile;       /* only keys that have an expiry; EVICT_EARLIEST always is */
    uint32_t samples;       /* maxmemory-samples: at least so many are looked at, twice as many if they are near, at most
                               EVICT_SAMPLES_MAX */
    uint32_t now_seconds;   /* access_seconds, access_minutes */
    uint32_t now_minutes;
    uint32_t decay_minutes; /* lfu-decay-time */
};

struct evict_candidate {
    const void *address; /* of the entry when it was seen */
    uint64_t hash;
    uint32_t db;
    uint32_t access;     /* when it was seen */
    uint32_t score;      /* the higher, the rather it goes */
};

/* Sorted: the best candidate is the last. All 0: empty. */
struct evict_pool {
    struct evict_candidate best[EVICT_POOL_MAX];
    uint32_t count;
    struct dict_sampler sampler;
};

/* How many keys could go. O(1). */
uint64_t keyspace_evictable_count(const struct keyspace *ks, const struct evict_rule *rule);

/* EVICT_LEAST_RECENT and EVICT_LEAST_FREQUENT: looks at some keys of database `db` and adds the better ones to the pool. */
void keyspace_evict_sample(struct keyspace *ks, uint32_t db, const struct evict_rule *rule, struct evict_pool *pool);
/* The candidate's entry if it is still there, unused since; otherwise NULL. */
struct entry *keyspace_evict_candidate(struct keyspace *ks, const struct evict_candidate *candidate,
                                       const struct evict_rule *rule);
/* EVICT_RANDOM and EVICT_EARLIEST: the key that should go, among those that no job has pinned; NULL when none was found. */
struct entry *keyspace_evict_pick(struct keyspace *ks, const struct evict_rule *rule, uint64_t *random_state);
/* True when a job has pinned its collection: it cannot go now. */
bool keyspace_entry_is_pinned(const struct entry *entry);
/* Takes the entry out; a large collection is freed lazily. */
void keyspace_evict(struct keyspace *ks, uint64_t hash, struct entry *entry);
uint64_t keyspace_entry_hash(const struct keyspace *ks, const struct entry *entry);

#endif

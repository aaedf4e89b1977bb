/* keyspace_evict.c - see keyspace_evict.h.  */
#include "data/keyspace_evict.h"

#include "data/access.h"
#include "data/keyspace_private.h"

#include <assert.h>

enum {
    SAMPLE_BATCH = 32,      /* keys looked at together, their memory asked for ahead */
    NEAR_KEYS_FACTOR = 2,   /* the keys of a bucket come at the price of one: twice maxmemory-samples */
    LEAF_SAMPLES = 3,       /* keys that expire together were often set together: few of a leaf */
    VOLATILE_SHARE = 4,     /* one key in so many has an expiry: samples of the table find enough of them */
    PICKS_MAX = 64,
};

uint64_t keyspace_evictable_count(const struct keyspace *ks, const struct evict_rule *rule)
{
    return __atomic_load_n(rule->is_volatile ? &ks->expiring_count : &ks->key_count, __ATOMIC_RELAXED);
}

uint64_t keyspace_entry_hash(const struct keyspace *ks, const struct entry *entry)
{
    return keyspace_hash_of(ks, entry);
}

bool keyspace_entry_is_pinned(const struct entry *entry)
{
    return entry_is_pinned(entry);
}

void keyspace_evict(struct keyspace *ks, uint64_t hash, struct entry *entry)
{
    keyspace_remove(ks, hash, entry);
}

/* --- the pool --- */

static uint32_t score_of(const struct entry *entry, const struct evict_rule *rule)
{
    const uint32_t access = entry_access(entry);
    if (rule->order == EVICT_LEAST_RECENT) {
        return access_idle_seconds(access, rule->now_seconds);
    }
    return ACCESS_COUNTER_MAX - access_counter(access, rule->now_minutes, rule->decay_minutes);
}

static bool pool_has(const struct evict_pool *pool, const struct entry *entry)
{
    for (uint32_t i = 0; i < pool->count; i++) {
        if (pool->best[i].address == entry) {
            return true;
        }
    }
    return false;
}

/* Keeps the pool sorted; a full one loses its worst candidate. Of equals the one that waited longest goes first: had it been used
 * meanwhile, it would not go at all.  */
static void pool_add(struct evict_pool *pool, const struct evict_candidate *candidate)
{
    uint32_t at = pool->count;
    while (at > 0 && pool->best[at - 1].score >= candidate->score) {
        at--;
    }
    if (pool->count < EVICT_POOL_MAX) {
        memmove(&pool->best[at + 1], &pool->best[at], (pool->count - at) * sizeof pool->best[0]);
        pool->count++;
    } else {
        at--;
        memmove(&pool->best[0], &pool->best[1], at * sizeof pool->best[0]);
    }
    pool->best[at] = *candidate;
}

static void consider(struct keyspace *ks, uint32_t db, const struct evict_rule *rule, struct evict_pool *pool,
                     const struct entry *entry)
{
    if (rule->is_volatile && !entry_has_expiry(entry)) {
        return;
    }
    const uint32_t score = score_of(entry, rule);
    if ((pool->count == EVICT_POOL_MAX && score <= pool->best[0].score) || pool_has(pool, entry) || entry_is_pinned(entry)) {
        return;
    }
    const struct evict_candidate candidate = {entry, keyspace_hash_of(ks, entry), db, entry_access(entry), score};
    pool_add(pool, &candidate);
}

/* --- samples --- */

static bool is_sampled_from_index(const struct keyspace *ks, const struct evict_rule *rule)
{
    return rule->is_volatile && ks->expiring_count < ks->key_count / VOLATILE_SHARE;
}

/* About `limit` keys, DICT_BUCKET_SLOTS - 1 more at most, some of which may not be volatile. */
static size_t sample(struct keyspace *ks, const struct evict_rule *rule, void **out, size_t limit, struct dict_sampler *sampler)
{
    if (!is_sampled_from_index(ks, rule)) {
        return dict_sample(&ks->dict, sampler, out, limit);
    }
    size_t count = 0;
    while (count < limit) {
        const size_t room = limit - count < LEAF_SAMPLES ? limit - count : LEAF_SAMPLES;
        const size_t found = expiry_sample(&ks->expiry, &sampler->random, (struct entry **)out + count, room);
        count += found;
        if (found == 0) {
            break;
        }
    }
    return count;
}

void keyspace_evict_sample(struct keyspace *ks, uint32_t db, const struct evict_rule *rule, struct evict_pool *pool)
{
    const size_t wanted = rule->samples < EVICT_SAMPLES_MAX / NEAR_KEYS_FACTOR ? rule->samples * NEAR_KEYS_FACTOR
                                                                                : EVICT_SAMPLES_MAX;
    void *found[SAMPLE_BATCH + DICT_BUCKET_SLOTS - 1];
    size_t seen = 0;
    while (seen < wanted && keyspace_evictable_count(ks, rule) > 0) {
        const size_t room = wanted - seen < SAMPLE_BATCH ? wanted - seen : SAMPLE_BATCH;
        const size_t count = sample(ks, rule, found, room, &pool->sampler);
        for (size_t i = 0; i < count; i++) {
            __builtin_prefetch(found[i]);
        }
        for (size_t i = 0; i < count; i++) {
            consider(ks, db, rule, pool, found[i]);
        }
        seen += count > 0 ? count : wanted;
    }
}

static bool is_same_entry(const void *element, const void *key)
{
    return element == key;
}

struct entry *keyspace_evict_candidate(struct keyspace *ks, const struct evict_candidate *candidate,
                                       const struct evict_rule *rule)
{
    struct entry *entry = dict_find(&ks->dict, candidate->hash, is_same_entry, candidate->address);
    const bool is_right = entry != NULL && entry_access(entry) == candidate->access && !entry_is_pinned(entry) &&
                          (!rule->is_volatile || entry_has_expiry(entry));
    return is_right ? entry : NULL;
}

/* --- no need of a pool --- */

static struct entry *pick_earliest(struct keyspace *ks)
{
    struct entry *entries[EXPIRY_LEAF_MAX];
    const size_t count = expiry_first(&ks->expiry, entries);
    for (size_t i = 0; i < count; i++) {
        __builtin_prefetch(entries[i]);
    }
    struct entry *earliest = NULL;
    int64_t earliest_ms = INT64_MAX;
    for (size_t i = 0; i < count; i++) {
        const int64_t expiry_ms = keyspace_expiry_ms(ks, entries[i]);
        if (expiry_ms < earliest_ms && !entry_is_pinned(entries[i])) {
            earliest = entries[i];
            earliest_ms = expiry_ms;
        }
    }
    return earliest;
}

static struct entry *pick_random(struct keyspace *ks, const struct evict_rule *rule, uint64_t *random_state)
{
    const bool is_from_index = is_sampled_from_index(ks, rule);
    for (unsigned i = 0; i < PICKS_MAX && keyspace_evictable_count(ks, rule) > 0; i++) {
        struct entry *entry = NULL;
        if (is_from_index) {
            (void)!expiry_sample(&ks->expiry, random_state, &entry, 1);
        } else {
            entry = dict_random(&ks->dict, random_state);
        }
        if (entry != NULL && !entry_is_pinned(entry) && (!rule->is_volatile || entry_has_expiry(entry))) {
            return entry;
        }
    }
    return NULL;
}

struct entry *keyspace_evict_pick(struct keyspace *ks, const struct evict_rule *rule, uint64_t *random_state)
{
    struct entry *entry = rule->order == EVICT_EARLIEST ? pick_earliest(ks) : NULL;
    /* When everything in the first leaf is pinned, any other does. */
    return entry != NULL ? entry : pick_random(ks, rule, random_state);
}

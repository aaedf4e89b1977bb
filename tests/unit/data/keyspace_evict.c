/* keyspace_evict.c - samples are fair, pools find the right keys, volatile rules touch only keys that expire; access fields
 * against a model.  */
#include "data/keyspace_evict.h"

#include "data/access.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

enum { KEYS = 3000, NOW_SECONDS = 1700000000 };

static const int64_t now_ms = INT64_C(1000) * NOW_SECONDS;

struct fixture {
    struct heap *heap;
    struct hash_secret secret;
    struct keyspace ks;
    uint64_t random;
    struct dict_sampler sampler;
    char name[32];
};

static struct key key_of(struct fixture *f, unsigned number)
{
    const int len = snprintf(f->name, sizeof f->name, "key:%08u", number);
    const struct bytes name = {f->name, (size_t)len};
    return (struct key){name, hash_bytes(&f->secret, name)};
}

static unsigned number_of(const struct entry *entry)
{
    char text[32];
    const struct bytes name = entry_key(entry);
    snprintf(text, sizeof text, "%.*s", (int)name.len, name.data);
    return (unsigned)strtoul(text + 4, NULL, 10);
}

/* Every `expiring`th key has a TTL, the earlier the greater its number; 0: none. */
static void open_with_keys(struct fixture *f, unsigned count, unsigned expiring)
{
    *f = (struct fixture){.heap = heap_create(), .random = 42};
    cr_assert(f->heap != NULL && hash_secret_draw(&f->secret));
    keyspace_init(&f->ks, f->heap, &f->secret);
    for (unsigned i = 0; i < count; i++) {
        const bool has_ttl = expiring != 0 && i % expiring == 0;
        f->ks.initial_access = access_seconds(now_ms - (int64_t)i * 1000);
        cr_assert_eq(keyspace_put_string(&f->ks, key_of(f, i), NULL, BYTES("value"), has_ttl ? EXPIRY_SET : EXPIRY_CLEAR,
                                         now_ms + 1000000 - i), RESULT_OK);
    }
}

static void close_all(struct fixture *f)
{
    struct keyspace_tally seen = {0};
    char finding[200];
    cr_assert(keyspace_audit(&f->ks, &seen, finding), "%s", finding);
    keyspace_clear(&f->ks);
    cr_assert_eq(mem_counters_total(heap_counters(f->heap)), 0);
    heap_destroy(f->heap);
}

static struct evict_rule rule_of(enum evict_order order, bool is_volatile, uint32_t samples)
{
    return (struct evict_rule){.order = (uint8_t)order, .is_volatile = is_volatile, .samples = samples,
                               .now_seconds = access_seconds(now_ms), .now_minutes = access_minutes(now_ms), .decay_minutes = 1};
}

/* Evicts by the pool, as a shard does. NULL: nothing. */
static struct entry *next_of_pool(struct fixture *f, const struct evict_rule *rule, struct evict_pool *pool)
{
    keyspace_evict_sample(&f->ks, 0, rule, pool);
    while (pool->count > 0) {
        struct entry *entry = keyspace_evict_candidate(&f->ks, &pool->best[--pool->count], rule);
        if (entry != NULL) {
            return entry;
        }
    }
    return NULL;
}

Test(keyspace_evict, a_sample_takes_every_key_about_as_often)
{
    struct fixture f;
    open_with_keys(&f, KEYS, 0);
    static unsigned seen[KEYS];
    void *out[16 + DICT_BUCKET_SLOTS - 1];
    unsigned total = 0;
    for (unsigned i = 0; i < 100000; i++) {
        const size_t count = dict_sample(&f.ks.dict, &f.sampler, out, 16);
        cr_assert(count >= 16 && count < 16 + DICT_BUCKET_SLOTS);
        for (size_t k = 0; k < count; k++) {
            seen[number_of(out[k])]++;
        }
        total += (unsigned)count;
    }
    const double mean = (double)total / KEYS;
    for (unsigned i = 0; i < KEYS; i++) {
        cr_expect(seen[i] > mean * 0.5 && seen[i] < mean * 2, "key %u: %u times, mean %.0f", i, seen[i], mean);
    }
    close_all(&f);
}

Test(keyspace_evict, small_tables_are_sampled_too)
{
    for (unsigned count = 0; count < 20; count++) {
        struct fixture f;
        open_with_keys(&f, count, 2);
        void *out[10 + DICT_BUCKET_SLOTS - 1];
        struct entry *expiring[10];
        cr_expect_eq(dict_sample(&f.ks.dict, &f.sampler, out, 10) == 0, count == 0);
        cr_expect_eq(expiry_sample(&f.ks.expiry, &f.random, expiring, 10) == 0, count == 0);
        close_all(&f);
    }
}

Test(keyspace_evict, samples_of_the_expiry_index_reach_all_of_it)
{
    struct fixture f;
    open_with_keys(&f, 20 * KEYS, 20);
    static unsigned seen[20 * KEYS];
    for (unsigned i = 0; i < 200000; i++) {
        struct entry *entry;
        cr_assert_eq(expiry_sample(&f.ks.expiry, &f.random, &entry, 1), 1);
        seen[number_of(entry)]++;
    }
    unsigned missing = 0;
    for (unsigned i = 0; i < 20 * KEYS; i++) {
        cr_assert(i % 20 == 0 || seen[i] == 0);
        missing += i % 20 == 0 && seen[i] == 0;
    }
    cr_expect_eq(missing, 0);
    close_all(&f);
}

/* Keys 0, 1, 2 ... were used 0, 1, 2 ... seconds ago. */
Test(keyspace_evict, the_pool_comes_close_to_true_lru)
{
    static const unsigned expiring_of[] = {0, 1, 2, 20};
    for (size_t r = 0; r < sizeof expiring_of / sizeof expiring_of[0]; r++) {
        const unsigned expiring = expiring_of[r];
        struct fixture f;
        open_with_keys(&f, 4 * KEYS, expiring);
        const struct evict_rule rule = rule_of(EVICT_LEAST_RECENT, expiring != 0, 5);
        const uint64_t evictable = keyspace_evictable_count(&f.ks, &rule);
        struct evict_pool pool = {.count = 0};
        const unsigned goal = (unsigned)evictable / 4;
        unsigned wrong = 0;
        for (unsigned i = 0; i < goal; i++) {
            struct entry *entry = next_of_pool(&f, &rule, &pool);
            cr_assert(entry != NULL);
            cr_assert(expiring == 0 || number_of(entry) % expiring == 0);
            wrong += number_of(entry) < 4 * KEYS * 6 / 10;
            keyspace_evict(&f.ks, keyspace_entry_hash(&f.ks, entry), entry);
        }
        cr_expect(wrong * 50 <= goal, "expiring %u: %u of %u were used lately", expiring, wrong, goal);
        cr_expect_eq(keyspace_evictable_count(&f.ks, &rule), evictable - goal);
        close_all(&f);
    }
}

Test(keyspace_evict, what_was_used_or_deleted_since_is_no_candidate)
{
    struct fixture f;
    open_with_keys(&f, 100, 0);
    const struct evict_rule rule = rule_of(EVICT_LEAST_RECENT, false, 50);
    struct evict_pool pool = {.count = 0};
    keyspace_evict_sample(&f.ks, 0, &rule, &pool);
    cr_assert_eq(pool.count, EVICT_POOL_MAX);
    for (uint32_t i = 1; i < pool.count; i++) {
        cr_assert(pool.best[i - 1].score <= pool.best[i].score);
    }
    struct entry *used = keyspace_evict_candidate(&f.ks, &pool.best[3], &rule);
    cr_assert(used != NULL);
    entry_set_access(used, access_seconds(now_ms));
    cr_expect_null(keyspace_evict_candidate(&f.ks, &pool.best[3], &rule));
    struct entry *gone = keyspace_evict_candidate(&f.ks, &pool.best[5], &rule);
    keyspace_evict(&f.ks, keyspace_entry_hash(&f.ks, gone), gone);
    cr_expect_null(keyspace_evict_candidate(&f.ks, &pool.best[5], &rule));
    cr_expect_not_null(keyspace_evict_candidate(&f.ks, &pool.best[7], &rule));
    close_all(&f);
}

Test(keyspace_evict, of_equals_the_one_that_waited_longest_goes_first)
{
    struct fixture f;
    open_with_keys(&f, KEYS, 0);
    for (unsigned i = 0; i < KEYS; i++) {
        entry_set_access(keyspace_find(&f.ks, key_of(&f, i), now_ms), access_make_lfu(access_minutes(now_ms), 5));
    }
    const struct evict_rule rule = rule_of(EVICT_LEAST_FREQUENT, false, 2);
    struct evict_pool pool = {.count = 0};
    keyspace_evict_sample(&f.ks, 0, &rule, &pool);
    const uint32_t first_count = pool.count;
    cr_assert(first_count > 0 && first_count < EVICT_POOL_MAX);
    const void *longest = pool.best[pool.count - 1].address;
    for (unsigned i = 0; i < KEYS && pool.count < EVICT_POOL_MAX; i++) {
        keyspace_evict_sample(&f.ks, 0, &rule, &pool);
    }
    cr_assert_eq(pool.count, EVICT_POOL_MAX);
    cr_expect_eq(pool.best[EVICT_POOL_MAX - 1].address, longest);
    close_all(&f);
}

Test(keyspace_evict, the_least_frequent_go_first)
{
    struct fixture f;
    open_with_keys(&f, KEYS, 0);
    for (unsigned i = 0; i < KEYS; i++) {
        const uint32_t counter = i % 5 == 0 ? 5 : 20;
        entry_set_access(keyspace_find(&f.ks, key_of(&f, i), now_ms), access_make_lfu(access_minutes(now_ms), counter));
    }
    const struct evict_rule rule = rule_of(EVICT_LEAST_FREQUENT, false, 10);
    struct evict_pool pool = {.count = 0};
    unsigned wrong = 0;
    for (unsigned i = 0; i < KEYS / 10; i++) {
        struct entry *entry = next_of_pool(&f, &rule, &pool);
        wrong += number_of(entry) % 5 != 0;
        keyspace_evict(&f.ks, keyspace_entry_hash(&f.ks, entry), entry);
    }
    cr_expect(wrong <= KEYS / 10 / 20, "%u", wrong);
    close_all(&f);
}

Test(keyspace_evict, the_earliest_expiry_is_exact)
{
    struct fixture f;
    open_with_keys(&f, KEYS, 3);
    const struct evict_rule rule = rule_of(EVICT_EARLIEST, true, 5);
    for (unsigned i = KEYS; i-- > 0;) {
        if (i % 3 == 0) {
            struct entry *entry = keyspace_evict_pick(&f.ks, &rule, &f.random);
            cr_assert_eq(number_of(entry), i);
            keyspace_evict(&f.ks, keyspace_entry_hash(&f.ks, entry), entry);
        }
    }
    cr_expect_null(keyspace_evict_pick(&f.ks, &rule, &f.random));
    close_all(&f);
}

Test(keyspace_evict, random_picks_empty_the_keyspace)
{
    for (unsigned expiring = 0; expiring < 30; expiring += 10) {
        struct fixture f;
        open_with_keys(&f, KEYS, expiring);
        const struct evict_rule rule = rule_of(EVICT_RANDOM, expiring != 0, 5);
        uint64_t left = keyspace_evictable_count(&f.ks, &rule);
        cr_assert_eq(left, expiring == 0 ? KEYS : KEYS / expiring);
        for (; left > 0; left--) {
            struct entry *entry = keyspace_evict_pick(&f.ks, &rule, &f.random);
            cr_assert(entry != NULL && (expiring == 0 || number_of(entry) % expiring == 0));
            keyspace_evict(&f.ks, keyspace_entry_hash(&f.ks, entry), entry);
        }
        cr_expect_null(keyspace_evict_pick(&f.ks, &rule, &f.random));
        close_all(&f);
    }
}

/* --- access fields --- */

Test(access, idle_time_survives_the_turn_of_the_clock)
{
    const int64_t turned_ms = (INT64_C(102) << 24) * 1000;
    cr_expect_eq(access_idle_seconds(access_seconds(turned_ms - 7000), access_seconds(turned_ms + 999)), 7);
    cr_expect_eq(access_idle_seconds(access_seconds(now_ms), access_seconds(now_ms)), 0);
}

static const struct {
    uint32_t counter, minutes_ago, decay_minutes, now;
} decays[] = {
    {5, 0, 1, 5},     {5, 3, 1, 2},    {5, 5, 1, 0},   {255, 300, 1, 0}, {255, 100, 1, 155},
    {255, 100, 0, 255}, {100, 99, 10, 91}, {100, 9, 10, 100}, {0, 1000, 1, 0}, {200, 65535, 1000, 135},
};

Test(access, the_counter_falls_with_time)
{
    for (size_t i = 0; i < sizeof decays / sizeof decays[0]; i++) {
        for (uint32_t now = 0; now < 131072; now += 4681) {
            const uint32_t minutes = now & ACCESS_MINUTES_MASK;
            const uint32_t then = (minutes - decays[i].minutes_ago) & ACCESS_MINUTES_MASK;
            const uint32_t access = access_make_lfu(then, decays[i].counter);
            const uint32_t counter = access_counter(access, minutes, decays[i].decay_minutes);
            cr_expect_eq(counter, decays[i].now, "row %zu, minute %u", i, minutes);
        }
    }
}

/* The mean number of uses from counter c to c + 1 is (c - 5) * factor + 1. */
Test(access, the_counter_rises_as_the_model_says)
{
    enum { TRIES = 4000 };
    uint64_t random = 7;
    for (uint32_t factor = 0; factor <= 20; factor += 10) {
        for (uint32_t counter = 0; counter < ACCESS_COUNTER_MAX; counter += 17) {
            const double mean = 1.0 + (counter > ACCESS_COUNTER_NEW ? counter - ACCESS_COUNTER_NEW : 0) * (double)factor;
            const unsigned uses = (unsigned)(TRIES * mean);
            unsigned raised = 0;
            for (unsigned i = 0; i < uses; i++) {
                raised += access_counter_raised(counter, factor, &random) - counter;
            }
            cr_expect(raised > TRIES * 0.9 && raised < TRIES * 1.1, "factor %u, counter %u: %u of %u", factor, counter, raised,
                      uses);
        }
    }
    cr_expect_eq(access_counter_raised(ACCESS_COUNTER_MAX, 0, &random), ACCESS_COUNTER_MAX);
}

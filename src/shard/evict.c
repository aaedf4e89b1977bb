/* evict.c - see evict.h.
 *
 * Invariant  V1 what is granted in advance over all shards is at most limit / GRANT_PARTS; V2 a command never makes the sum grow
 *            while it is above the limit: it frees first what its shard has grown beyond its allowance.  */
#include "shard/evict.h"

#include "base/clock.h"
#include "data/access.h"
#include "shard/inbox.h"
#include "shard/key_lock.h"
#include "shard/lazy_free.h"
#include "shard/message.h"
#include "shard/observer.h"
#include "shard/report.h"
#include "shard/thread.h"

#include <assert.h>

enum {
    GRANT_PARTS = 400,      /* a 400th of the limit, over all shards: 0.25 % */
    RESERVE_PARTS = 128,    /* kept free for what threads take between two looks: rounds, buffers */
    RESERVE_BYTES_MAX = 4 << 20,
    PEAK_DECAY_PARTS = 128, /* what they needed of late is forgotten by so much ... */
    PEAK_FAST_PARTS = 16,   /* ... or so much, when it is a large part of the limit ... */
    PEAK_LARGE_PARTS = 32,
    PEAK_DECAY_MS = 100,    /* ... in that time */
    NEAR_PARTS = 16,        /* closer to the limit than this buffers are cut back */
    NOEVICTION_PARTS = 16,  /* at most so much is kept free without eviction */
    WHOLE_PARTS = 32,       /* less than that part of the limit too much: one command frees all of it if there is time */
    MARGIN_PARTS = 512,     /* the background keeps so much more of the limit free */
    SLACK_BYTES = 2048,     /* freed more than needed, so that not each command has to look */
    CALL_BYTES = 128,       /* what a command takes beyond its words: heads, tables */
    REQUEST_PARTS = 64,     /* words longer than that part of the limit are not made room for ahead */
    LAZY_FREE_LIMIT = 8,
    EVICT_TRIES = 32,       /* keys in a row that a job has pinned */
    STEP_US = 50,          /* in the background */
    BUFFERS_STEP = 65536,   /* by so much, or a grant if that is less, buffers grow without a look at the sum */
    LOOK_PICKS = 1024,      /* evictions between two looks which databases have keys */
    FULL_TENACITY = 100,
};

/* Memory that is to be freed for somebody. */
struct effort {
    struct thread *thread;
    struct server *server;
    struct evict_rule rule;
    int64_t goal, freed;    /* bytes */
    uint64_t end_ticks;
    bool is_out_of_time;
    bool was_busy;          /* a baton was not free */
};

static int64_t shard_bytes(const struct shard *shard)
{
    return mem_counters_total(heap_counters(shard->heap));
}

static int64_t setting(const _Atomic int64_t *number)
{
    return atomic_load_explicit(number, memory_order_relaxed);
}

/* What is already on its way out. */
static int64_t lazyfree_bytes(const struct shard *shard)
{
    return (int64_t)__atomic_load_n(&shard->lazyfree_bytes, __ATOMIC_RELAXED);
}

static int64_t all_lazyfree_bytes(const struct server *server)
{
    int64_t bytes = 0;
    for (uint32_t i = 0; i < server->shard_count; i++) {
        bytes += lazyfree_bytes(&server->shards[i]);
    }
    return bytes;
}

/* --- which key --- */

/* False: noeviction. */
static bool read_rule(const struct thread *thread, struct evict_rule *out)
{
    static const struct {
        uint8_t order;
        bool is_volatile;
    } rules[] = {
        [POLICY_ALLKEYS_LRU] = {EVICT_LEAST_RECENT, false},      [POLICY_VOLATILE_LRU] = {EVICT_LEAST_RECENT, true},
        [POLICY_ALLKEYS_LFU] = {EVICT_LEAST_FREQUENT, false},    [POLICY_VOLATILE_LFU] = {EVICT_LEAST_FREQUENT, true},
        [POLICY_ALLKEYS_RANDOM] = {EVICT_RANDOM, false},         [POLICY_VOLATILE_RANDOM] = {EVICT_RANDOM, true},
        [POLICY_VOLATILE_TTL] = {EVICT_EARLIEST, true},
    };
    const struct config *config = thread->server->config;
    const int64_t policy = setting(&config->maxmemory_policy);
    if (policy == POLICY_NOEVICTION) {
        return false;
    }
    *out = (struct evict_rule){
        .order = rules[policy].order,
        .is_volatile = rules[policy].is_volatile,
        .samples = (uint32_t)setting(&config->maxmemory_samples),
        .now_seconds = access_seconds(thread->now_ms),
        .now_minutes = access_minutes(thread->now_ms),
        .decay_minutes = (uint32_t)setting(&config->lfu_decay_time),
    };
    return true;
}

/* Databases behind the last one that has keys are passed over until the next look. */
static uint64_t count_evictable(struct shard *shard, const struct evict_rule *rule)
{
    struct evict *evict = &shard->evict;
    uint64_t total = 0;
    for (uint32_t i = 0; i < evict->db_end; i++) {
        total += keyspace_evictable_count(&shard->databases[i], rule);
    }
    if (LIKELY(total > 0 && evict->picks_until_look > 0)) {
        evict->picks_until_look--;
        return total;
    }
    const uint32_t databases = (uint32_t)setting(&shard->server->config->databases);
    total = 0;
    evict->db_end = 0;
    evict->picks_until_look = LOOK_PICKS;
    for (uint32_t i = 0; i < databases; i++) {
        const uint64_t count = keyspace_evictable_count(&shard->databases[i], rule);
        total += count;
        evict->db_end = count > 0 ? i + 1 : evict->db_end;
    }
    return total;
}

static uint32_t database_of_earliest(const struct shard *shard)
{
    uint32_t earliest = 0;
    for (uint32_t i = 1; i < shard->evict.db_end; i++) {
        if (keyspace_next_expiry_ms(&shard->databases[i]) < keyspace_next_expiry_ms(&shard->databases[earliest])) {
            earliest = i;
        }
    }
    return earliest;
}

/* Each key of the shard has the same chance that its database is looked at. */
static uint32_t pick_database(struct shard *shard, const struct evict_rule *rule, uint64_t total)
{
    if (rule->order == EVICT_EARLIEST) {
        return database_of_earliest(shard);
    }
    uint64_t at = random_below(&shard->evict.random, total);
    uint32_t db = 0;
    for (;;) {
        const uint64_t count = keyspace_evictable_count(&shard->databases[db], rule);
        if (at < count) {
            return db;
        }
        at -= count;
        db++;
        assert(db < shard->evict.db_end);
    }
}

/* A key on its way out. */
struct victim {
    struct keyspace *ks;
    struct entry *entry;
    uint64_t hash;
    uint32_t db;
};

static bool take_from_pool(struct shard *shard, const struct evict_rule *rule, struct victim *out) REQUIRES(shard->baton)
{
    struct evict_pool *pool = &shard->evict.pool;
    while (pool->count > 0) {
        const struct evict_candidate *candidate = &pool->best[--pool->count];
        struct keyspace *ks = &shard->databases[candidate->db];
        struct entry *entry = keyspace_evict_candidate(ks, candidate, rule);
        if (entry != NULL && !shard_key_is_in_use(shard, candidate->hash)) {
            *out = (struct victim){ks, entry, candidate->hash, candidate->db};
            return true;
        }
    }
    return false;
}

/* A pool filled under another policy is worth nothing. */
static void match_pool(struct evict *evict, const struct evict_rule *rule)
{
    if (evict->pool_order != rule->order || evict->pool_is_volatile != rule->is_volatile) {
        evict->pool.count = 0;
        evict->pool_order = rule->order;
        evict->pool_is_volatile = rule->is_volatile;
    }
}

static bool find_victim(struct shard *shard, const struct evict_rule *rule, struct victim *out) REQUIRES(shard->baton)
{
    match_pool(&shard->evict, rule);
    for (unsigned i = 0; i < EVICT_TRIES; i++) {
        const uint64_t total = count_evictable(shard, rule);
        if (total == 0) {
            return false;
        }
        const uint32_t db = pick_database(shard, rule, total);
        struct keyspace *ks = &shard->databases[db];
        if (rule->order == EVICT_LEAST_RECENT || rule->order == EVICT_LEAST_FREQUENT) {
            keyspace_evict_sample(ks, db, rule, &shard->evict.pool);
            if (take_from_pool(shard, rule, out)) {
                return true;
            }
            continue;
        }
        struct entry *entry = keyspace_evict_pick(ks, rule, &shard->evict.random);
        const uint64_t hash = entry == NULL ? 0 : keyspace_entry_hash(ks, entry);
        if (entry != NULL && !shard_key_is_in_use(shard, hash)) {
            *out = (struct victim){ks, entry, hash, db};
            return true;
        }
    }
    return false;
}

/* One key goes. False: none can. */
static bool evict_one(struct shard *shard, const struct evict_rule *rule) REQUIRES(shard->baton)
{
    struct victim victim;
    if (!find_victim(shard, rule, &victim)) {
        return false;
    }
    shard_report_loss(shard, victim.ks, (struct key){entry_key(victim.entry), victim.hash}, EVENT_EVICTED);
    keyspace_evict(victim.ks, victim.hash, victim.entry);
    stat_add(&shard->evict.evicted_keys, 1);
    return true;
}

/* --- freeing --- */

/* From where memory comes. */
enum source { SOURCE_LAZY_FREE, SOURCE_ALL };

/* What was taken out before and is freed in steps comes first: while an oversized value is being freed, no other key has to go. */
static void free_from_shard(struct effort *effort, struct shard *shard, enum source source)
{
    baton_assert_held(&shard->baton);
    const int64_t start = shard_bytes(shard);
    const int64_t freed_before = effort->freed;
    bool is_more = true;
    while (is_more && effort->freed < effort->goal) {
        if (!lazy_free_is_empty(shard)) {
            lazy_free_step(shard, LAZY_FREE_LIMIT);
        } else {
            is_more = source == SOURCE_ALL && evict_one(shard, &effort->rule);
        }
        effort->freed = freed_before + start - shard_bytes(shard);
        /* Not when nothing is left: that is an answer, however late. */
        if (is_more && effort->freed < effort->goal && clock_ticks() >= effort->end_ticks) {
            effort->is_out_of_time = true;
            break;
        }
    }
}

static bool has_evictable(const struct shard *shard, const struct evict_rule *rule)
{
    const uint32_t databases = (uint32_t)setting(&shard->server->config->databases);
    for (uint32_t i = 0; i < databases; i++) {
        if (keyspace_evictable_count(&shard->databases[i], rule) > 0) {
            return true;
        }
    }
    return false;
}

static bool has_something(const struct shard *shard, const struct evict_rule *rule, enum source source)
{
    return !lazy_free_is_empty_hint(shard) || (source == SOURCE_ALL && has_evictable(shard, rule));
}

/* A baton taken only to free: what others left in the inbox meanwhile is the own thread's. */
static void free_from_other(struct effort *effort, struct shard *shard, enum source source)
{
    if (!baton_try(&shard->baton)) {
        effort->was_busy = true;
        return;
    }
    free_from_shard(effort, shard, source);
    baton_release(&shard->baton);
    if (!inbox_is_empty(shard)) {
        thread_wake(effort->thread, server_thread(effort->server, shard->number));
    }
}

static bool is_done(const struct effort *effort)
{
    return effort->freed >= effort->goal || effort->is_out_of_time;
}

static void free_from(struct effort *effort, enum source source)
{
    struct server *server = effort->server;
    for (uint32_t i = 0; i < server->shard_count && !is_done(effort); i++) {
        if (baton_is_mine(&server->shards[i].baton)) {
            free_from_shard(effort, &server->shards[i], source);
        }
    }
    for (uint32_t i = 0; i < server->shard_count && !is_done(effort); i++) {
        struct shard *shard = &server->shards[(effort->thread->number + i) % server->shard_count];
        if (!baton_is_mine(&shard->baton) && has_something(shard, &effort->rule, source)) {
            free_from_other(effort, shard, source);
        }
    }
}

/* A key goes only when what waits for lazy free in all shards is not enough. */
static void free_from_all(struct effort *effort)
{
    free_from(effort, SOURCE_LAZY_FREE);
    free_from(effort, SOURCE_ALL);
}

/* maxmemory-eviction-tenacity in microseconds, as Redis reads it: 50 for each of the first ten, then 15 % more each. */
static double patience_us(int64_t tenacity)
{
    if (tenacity >= FULL_TENACITY) {
        return 1e12;
    }
    double us = (double)(tenacity < 10 ? tenacity : 10) * 50;
    for (int64_t i = 10; i < tenacity; i++) {
        us *= 1.15;
    }
    return us;
}

/* --- before a command --- */

/* What a call will take, as far as its words tell. */
static int64_t request_bytes(const struct bytes *argv, uint32_t argc, int64_t limit)
{
    uint64_t bytes = CALL_BYTES;
    for (uint32_t i = 1; i < argc; i++) {
        bytes += argv[i].len;
    }
    const int64_t longest = limit / REQUEST_PARTS + CALL_BYTES;
    return bytes < (uint64_t)longest ? (int64_t)bytes : longest;
}

static int64_t grant_max(const struct server *server, int64_t limit)
{
    return limit / GRANT_PARTS / server->shard_count;
}

/* The other threads look after their own shards, at the latest a millisecond from now. */
static void wake_others(struct thread *thread)
{
    struct evict *own = &thread->shard->evict;
    if (own->wake_ms == thread->now_ms) {
        return;
    }
    own->wake_ms = thread->now_ms;
    for (uint32_t i = 0; i < thread->server->shard_count; i++) {
        thread_wake(thread, server_thread(thread->server, i));
    }
}

/* What must be freed at least for the call, and so is its share: never more than what is too much. */
static int64_t debt_of(const struct shard *only, int64_t request)
{
    const int64_t grown = only == NULL ? 0 : shard_bytes(only) - only->evict.allowed_bytes;
    return grown > 0 ? grown + request : request;
}

struct need {
    int64_t debt; /* bytes without which the command does not run */
    int64_t goal; /* more that should be freed if there is time: at least debt */
    int64_t limit;
};

static void note_duration(struct thread *thread, uint64_t ticks)
{
    struct evict *own = &thread->shard->evict;
    own->ticks_max = ticks > own->ticks_max ? ticks : own->ticks_max;
}

/* Frees up to the goal, as long as maxmemory-eviction-tenacity allows. */
static void make_effort(struct effort *effort)
{
    struct thread *thread = effort->thread;
    const struct server *server = effort->server;
    const double patience = patience_us(setting(&server->config->maxmemory_eviction_tenacity));
    const uint64_t start = clock_ticks();
    assert(effort->goal > 0);
    effort->end_ticks = start + (uint64_t)(patience * server->ticks_per_us);
    free_from_all(effort);
    note_duration(thread, clock_ticks() - start);
    if (server->shard_count > 1) {
        wake_others(thread);
    }
}

static enum evict_verdict make_room(struct thread *thread, const struct need *need)
{
    struct server *server = thread->server;
    struct effort effort = {.thread = thread, .server = server};
    const int64_t grant = grant_max(server, need->limit);
    if (!read_rule(thread, &effort.rule)) {
        return server_used_bytes(server) > need->limit ? EVICT_REFUSED : EVICT_FITS;
    }
    effort.goal = need->goal + (grant < SLACK_BYTES ? grant : SLACK_BYTES);
    make_effort(&effort);
    if (effort.freed >= need->debt) {
        return EVICT_FITS;
    }
    if (effort.is_out_of_time || effort.was_busy) {
        return EVICT_LATER;
    }
    return server_used_bytes(server) > need->limit ? EVICT_REFUSED : EVICT_FITS;
}

/* used_memory as eviction sees it: buffers come and go by the megabyte with the clients' pipelines, so the threads count with
 * what they needed of late.  */
static int64_t foreseen_bytes(struct server *server)
{
    int64_t bytes = thread_heaps_bytes();
    const int64_t peak = atomic_load_explicit(&server->threads_bytes_peak, memory_order_relaxed);
    if (bytes > peak) {
        atomic_store_explicit(&server->threads_bytes_peak, bytes, memory_order_relaxed);
    } else {
        bytes = peak;
    }
    for (uint32_t i = 0; i < server->shard_count; i++) {
        bytes += shard_bytes(&server->shards[i]);
    }
    return bytes;
}

/* Thread 0, every PEAK_DECAY_MS. Slowly: what a stalled thread makes the others pile up comes again, some seconds apart. */
static void forget_peak(struct server *server, int64_t limit)
{
    const int64_t peak = atomic_load_explicit(&server->threads_bytes_peak, memory_order_relaxed);
    const int64_t above = peak - thread_heaps_bytes();
    const int64_t parts = above > limit / PEAK_LARGE_PARTS ? PEAK_FAST_PARTS : PEAK_DECAY_PARTS;
    atomic_store_explicit(&server->threads_bytes_peak, peak - above / parts, memory_order_relaxed);
}

/* Up to where the sum may go while keys can be evicted. */
static int64_t evict_limit(int64_t limit)
{
    const int64_t reserve = limit / RESERVE_PARTS;
    return limit - (reserve < RESERVE_BYTES_MAX ? reserve : RESERVE_BYTES_MAX);
}

/* Up to where it may go when nothing can be evicted: less the reserve and what the threads needed of late, within bounds. */
static int64_t noeviction_limit(struct server *server, int64_t limit, int64_t used)
{
    const int64_t reserve = limit - evict_limit(limit);
    const int64_t most = limit / NOEVICTION_PARTS;
    const int64_t foreseen = foreseen_bytes(server);
    const int64_t kept_free = reserve + (foreseen > used ? foreseen - used : 0);
    return limit - (kept_free < most ? kept_free : most);
}

static enum evict_verdict look_at_sum(struct thread *thread, int64_t request, int64_t limit, struct shard *only)
{
    struct server *server = thread->server;
    const bool is_evicting = setting(&server->config->maxmemory_policy) != POLICY_NOEVICTION;
    const int64_t grant = grant_max(server, limit);
    if (only != NULL && only->evict.limit_bytes != limit) {
        only->evict.limit_bytes = limit;
        only->evict.allowed_bytes = shard_bytes(only);
    }
    const int64_t used = server_used_bytes(server);
    const int64_t strict_limit = is_evicting ? limit : noeviction_limit(server, limit, used);
    const int64_t room = (is_evicting ? evict_limit(limit) - foreseen_bytes(server) : strict_limit - used) - request;
    int64_t reserve = server->shard_count > 1 ? room / 2 : room;
    enum evict_verdict verdict = EVICT_FITS;
    if (room < 0) {
        const int64_t grown = debt_of(only, request);
        const int64_t debt = grown < -room ? grown : -room;
        const int64_t rest = -room - all_lazyfree_bytes(server);
        const struct need need = {
            .debt = debt,
            .goal = rest > debt && -room < limit / WHOLE_PARTS ? rest : debt,
            .limit = strict_limit,
        };
        verdict = make_room(thread, &need);
        reserve = grant < SLACK_BYTES ? grant : SLACK_BYTES;
    }
    if (only != NULL && verdict == EVICT_FITS) {
        only->evict.allowed_bytes = shard_bytes(only) + request + (reserve < grant ? reserve : grant);
    }
    return verdict;
}

enum evict_verdict evict_before_call(struct thread *thread, struct shard *only, const struct bytes *argv, uint32_t argc)
{
    const int64_t limit = setting(&thread->server->config->maxmemory);
    if (LIKELY(limit == 0)) {
        return EVICT_FITS;
    }
    const int64_t request = request_bytes(argv, argc, limit);
    if (LIKELY(only != NULL && only->evict.limit_bytes == limit)) {
        /* An allowance far above the heap is from before something was deleted, and others may have taken the room. */
        const int64_t left = only->evict.allowed_bytes - shard_bytes(only) - request;
        if (LIKELY(left >= 0 && left <= grant_max(thread->server, limit))) {
            return EVICT_FITS;
        }
    }
    return look_at_sum(thread, request, limit, only);
}

/* --- for buffers --- */

static int64_t thread_buffers_bytes(const struct thread *thread)
{
    return thread->counters->class_bytes[MEM_QUERY_BUFFER] + thread->counters->class_bytes[MEM_OUTPUT_BUFFER];
}

void evict_for_buffers(struct thread *thread)
{
    struct server *server = thread->server;
    struct evict *own = &thread->shard->evict;
    const int64_t limit = setting(&server->config->maxmemory);
    if (LIKELY(limit == 0)) {
        return;
    }
    const int64_t bytes = thread_buffers_bytes(thread);
    if (UNLIKELY(own->buffers_limit != limit)) {
        own->buffers_limit = limit;
        own->buffers_bytes = bytes;
    }
    const int64_t grown = bytes - own->buffers_bytes;
    const int64_t grant = grant_max(server, limit);
    if (LIKELY(grown < BUFFERS_STEP && grown < grant)) {
        own->buffers_bytes = grown < 0 ? bytes : own->buffers_bytes;
        return;
    }
    own->buffers_bytes = bytes;
    const int64_t excess = foreseen_bytes(server) - evict_limit(limit);
    struct effort effort = {.thread = thread, .server = server, .goal = grown < excess ? grown : excess};
    if (effort.goal > 0 && read_rule(thread, &effort.rule)) {
        make_effort(&effort);
    }
}

bool evict_is_near(struct server *server)
{
    const int64_t limit = setting(&server->config->maxmemory);
    return limit > 0 && server_used_bytes(server) > limit - limit / NEAR_PARTS;
}

/* --- in the background --- */

static void note_exceeded(struct server *server, bool is_over)
{
    const int64_t since_us = atomic_load_explicit(&server->exceeded_since_us, memory_order_relaxed);
    if (is_over == (since_us != 0)) {
        return;
    }
    const int64_t now_us = clock_monotonic_us();
    if (!is_over) {
        atomic_fetch_add_explicit(&server->exceeded_us, now_us - since_us, memory_order_relaxed);
    }
    atomic_store_explicit(&server->exceeded_since_us, is_over ? now_us : 0, memory_order_relaxed);
}

struct evict_exceeded evict_exceeded(const struct server *server)
{
    const int64_t since_us = atomic_load_explicit(&server->exceeded_since_us, memory_order_relaxed);
    const int64_t current_us = since_us == 0 ? 0 : clock_monotonic_us() - since_us;
    const int64_t total_us = atomic_load_explicit(&server->exceeded_us, memory_order_relaxed) + current_us;
    return (struct evict_exceeded){total_us / 1000, current_us / 1000};
}

void evict_reset_stats(struct server *server)
{
    atomic_store_explicit(&server->exceeded_us, 0, memory_order_relaxed);
    atomic_store_explicit(&server->exceeded_since_us, 0, memory_order_relaxed);
    for (uint32_t i = 0; i < server->shard_count; i++) {
        __atomic_store_n(&server->shards[i].evict.evicted_keys, 0, __ATOMIC_RELAXED);
    }
}

/* What the shard's keys take that could go. */
static double evictable_bytes(const struct shard *shard, const struct evict_rule *rule)
{
    if (!has_evictable(shard, rule)) {
        return 0;
    }
    const struct mem_counters *counters = heap_counters(shard->heap);
    int64_t bytes = -lazyfree_bytes(shard);
    for (enum mem_class class = MEM_STRING; class <= MEM_STREAM; class++) {
        bytes += __atomic_load_n(&counters->class_bytes[class], __ATOMIC_RELAXED);
    }
    return bytes > 0 ? (double)bytes : 1;
}

/* What is too much and not some shard's to free already is divided among the shards that have something to give, by what their
 * keys take.  */
static void divide(struct thread *thread, const struct evict_rule *rule, int64_t excess)
{
    struct server *server = thread->server;
    if (atomic_exchange_explicit(&server->is_dividing_excess, true, memory_order_acquire)) {
        return;
    }
    double sizes[SHARD_COUNT_MAX];
    double all = 0;
    for (uint32_t i = 0; i < server->shard_count; i++) {
        const struct shard *shard = &server->shards[i];
        sizes[i] = evictable_bytes(shard, rule);
        all += sizes[i];
        excess -= setting(&shard->evict.owed_bytes);
    }
    for (uint32_t i = 0; i < server->shard_count && excess > 0; i++) {
        struct shard *shard = &server->shards[i];
        if (sizes[i] <= 0) {
            continue;
        }
        const int64_t part = (int64_t)((double)excess * sizes[i] / all) + 1;
        atomic_fetch_add_explicit(&shard->evict.owed_bytes, part, memory_order_relaxed);
        thread_wake(thread, server_thread(server, i));
    }
    atomic_store_explicit(&server->is_dividing_excess, false, memory_order_release);
}

static void report_slow_eviction(struct thread *thread)
{
    const struct server *server = thread->server;
    struct evict *own = &thread->shard->evict;
    const int64_t ms = (int64_t)((double)own->ticks_max / server->ticks_per_us / 1000);
    own->ticks_max = 0;
    if (UNLIKELY(ms > 0) && server->observer != NULL) {
        server->observer->slow_event(thread->server, "eviction-cycle", ms);
    }
}

/* Frees some of what the own shard owes. True: there is more. */
static bool pay_step(struct thread *thread, const struct evict_rule *rule, int64_t bytes)
{
    struct evict *evict = &thread->shard->evict;
    struct effort effort = {.thread = thread, .server = thread->server, .rule = *rule, .goal = bytes};
    const uint64_t start = clock_ticks();
    effort.end_ticks = start + (uint64_t)(STEP_US * thread->server->ticks_per_us);
    free_from_shard(&effort, thread->shard, SOURCE_ALL);
    note_duration(thread, clock_ticks() - start);
    if (!effort.is_out_of_time || effort.freed >= bytes) {
        atomic_store_explicit(&evict->owed_bytes, 0, memory_order_relaxed); /* done, or nothing can go: others may */
        return false;
    }
    atomic_fetch_sub_explicit(&evict->owed_bytes, effort.freed, memory_order_relaxed);
    return true;
}

bool evict_in_background(struct thread *thread)
{
    struct server *server = thread->server;
    struct shard *shard = thread->shard;
    const int64_t limit = setting(&server->config->maxmemory);
    if (thread->number == 0) {
        note_exceeded(server, limit > 0 && server_used_bytes(server) > limit);
        if (thread->now_ms - shard->evict.peak_ms >= PEAK_DECAY_MS) {
            shard->evict.peak_ms = thread->now_ms;
            forget_peak(server, limit);
        }
    }
    if (UNLIKELY(shard->evict.ticks_max > 0)) {
        report_slow_eviction(thread);
    }
    struct evict_rule rule;
    int64_t excess = 0;
    if (limit > 0) {
        excess = foreseen_bytes(server) - (evict_limit(limit) - limit / MARGIN_PARTS) - all_lazyfree_bytes(server);
    }
    if (LIKELY(excess <= 0) || !read_rule(thread, &rule)) {
        if (UNLIKELY(setting(&shard->evict.owed_bytes) != 0)) {
            atomic_store_explicit(&shard->evict.owed_bytes, 0, memory_order_relaxed);
        }
        return false;
    }
    divide(thread, &rule, excess);
    const int64_t owed = setting(&shard->evict.owed_bytes);
    if (owed <= 0 || !baton_try(&shard->baton)) {
        return owed > 0;
    }
    const bool is_more = pay_step(thread, &rule, owed < excess ? owed : excess);
    shard_release(thread, shard);
    return is_more;
}

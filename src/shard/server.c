/* server.c - the server's parts together: shards, threads, the index of commands, totals.  */
#include "shard/server.h"

#include "base/clock.h"
#include "data/key_top.h"
#include "encoding/collection.h"
#include "shard/graveyard.h"
#include "shard/memory_history.h"
#include "shard/thread_private.h"
#include "table/table.h"

#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

enum { COMMAND_NAME_LIMIT = 64, FREE_ALL = 1 << 20 };

/* --- commands by name --- */

static uint32_t name_hash(const char *lower, size_t len)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ (unsigned char)lower[i]) * 16777619u;
    }
    return hash;
}

static uint32_t index_size(const struct server *server)
{
    uint32_t size = 64;
    while (size < server->command_count * 4) {
        size *= 2;
    }
    return size;
}

static bool index_commands(struct server *server)
{
    uint32_t size = index_size(server);
    server->command_index = thread_alloc_zeroed(MEM_SERVER, size * sizeof(*server->command_index));
    if (server->command_index == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < server->command_count; i++) {
        const struct command_spec *spec = server->commands[i];
        if (spec->parent != NULL) {
            continue;
        }
        uint32_t at = name_hash(spec->name, strlen(spec->name)) & (size - 1);
        while (server->command_index[at] != NULL) {
            at = (at + 1) & (size - 1);
        }
        server->command_index[at] = spec;
    }
    return true;
}

const struct command_spec *server_find_command(const struct server *server, struct bytes name)
{
    char lower[COMMAND_NAME_LIMIT];
    if (name.len > sizeof lower) {
        return NULL;
    }
    for (size_t i = 0; i < name.len; i++) {
        char c = name.data[i];
        lower[i] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
    }
    uint32_t mask = index_size(server) - 1;
    for (uint32_t at = name_hash(lower, name.len) & mask; server->command_index[at] != NULL; at = (at + 1) & mask) {
        const struct command_spec *spec = server->command_index[at];
        if (bytes_equal(bytes_of_string(spec->name), (struct bytes){lower, name.len})) {
            return spec;
        }
    }
    return NULL;
}

/* --- start --- */

static bool free_buried(void *thing, size_t limit)
{
    struct collection *collection = thing;
    return collection->type->free_slice(collection, &limit);
}

static void bury_collection(void *context, struct collection *collection)
{
    graveyard_bury(context, free_buried, collection, collection->bytes);
}

static bool open_shard(struct server *server, uint32_t number)
{
    struct shard *shard = &server->shards[number];
    size_t databases = (size_t)atomic_load(&server->config->databases);
    shard->number = number;
    shard->server = server;
    shard->heap = heap_create();
    shard->databases = thread_alloc_zeroed(MEM_SERVER, databases * sizeof *shard->databases);
    shard->graveyard = graveyard_create();
    shard->evict.random = (uint64_t)server->started_ms + number;
    shard->evict.pool.sampler.random = ~shard->evict.random;
    if (shard->heap == NULL || shard->databases == NULL || shard->graveyard == NULL) {
        return false;
    }
    shard->owner = (struct keyspace_owner){.context = shard, .bury = bury_collection, .expired = shard_key_expired};
    shard->slice_owner = (struct slice_owner){.context = shard, .changed = server->row_changed, .wants = &server->effects.wants};
    for (size_t i = 0; i < databases; i++) {
        keyspace_init(&shard->databases[i], shard->heap, &server->secret);
        shard->databases[i].owner = &shard->owner;
    }
    shard->top = key_top_create(shard->heap, shard->databases, (uint32_t)databases);
    return shard->top != NULL;
}

static bool draw_run_id(struct server *server)
{
    unsigned char random[20];
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random) {
        return false;
    }
    for (size_t i = 0; i < sizeof random; i++) {
        snprintf(server->run_id + 2 * i, 3, "%02x", random[i]);
    }
    return true;
}

static void *cache_lines(size_t count, size_t size)
{
    void *memory = aligned_alloc(CACHE_LINE_BYTES, count * size);
    if (memory != NULL) {
        memset(memory, 0, count * size);
        mem_count(thread_heap_register(), MEM_SERVER, (int64_t)(count * size), 1);
    }
    return memory;
}

struct server *server_create(const struct server_options *options)
{
    struct server *server = cache_lines(1, (sizeof *server + 63) & ~(size_t)63);
    if (server == NULL) {
        return NULL;
    }
    server->config = options->config;
    server->commands = options->commands;
    server->command_count = options->command_count;
    server->observer = options->observer;
    server->row_changed = options->row_changed;
    for (const struct effect_listener *const *listener = options->listeners; *listener != NULL; listener++) {
        effects_add(&server->effects, *listener, server);
    }
    server->shard_count = (uint32_t)atomic_load(&options->config->shards);
    assert(server->shard_count >= 1 && server->shard_count <= SHARD_COUNT_MAX);
    server->started_ms = clock_wall_ms();
    atomic_store(&server->last_save_ms, server->started_ms);
    server->ticks_per_us = clock_ticks_per_us_measure();
    atomic_store(&server->next_client_id, 1);
    server->stop_fd = eventfd(0, EFD_CLOEXEC);
    server->shards = cache_lines(server->shard_count, sizeof *server->shards);
    server->inboxes = cache_lines(server->shard_count, sizeof *server->inboxes);
    server->threads = cache_lines(server->shard_count, sizeof *server->threads);
    server->epoch = cache_lines(1, (sizeof *server->epoch + 63) & ~(size_t)63);
    if (server->shards == NULL || server->inboxes == NULL || server->threads == NULL || server->epoch == NULL ||
        server->stop_fd < 0 || !hash_secret_draw(&server->secret) || !draw_run_id(server) || !index_commands(server)) {
        return NULL;
    }
    ck_epoch_init(server->epoch);
    server->memory_history = memory_history_create();
    if (server->memory_history == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < server->shard_count; i++) {
        if (!open_shard(server, i)) {
            return NULL;
        }
    }
    return server;
}

static void thread_set_affinity(struct thread *thread)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(thread->number % (unsigned)sysconf(_SC_NPROCESSORS_ONLN), &set);
    pthread_setaffinity_np(thread->handle, sizeof set, &set);
}

bool server_start_threads(struct server *server)
{
    bool has_affinity = atomic_load(&server->config->shard_affinity) != 0;
    for (uint32_t i = 0; i < server->shard_count; i++) {
        struct thread *thread = &server->threads[i];
        thread->server = server;
        thread->number = i;
        int refused = pthread_create(&thread->handle, NULL, thread_main, thread);
        if (refused != 0) {
            errno = refused;
            return false;
        }
        if (has_affinity) {
            thread_set_affinity(thread);
        }
    }
    while (atomic_load(&server->threads_started) < server->shard_count) {
        sched_yield();
    }
    errno = atomic_load(&server->start_errno);
    server->startup_used_bytes = server_used_bytes(server);
    return errno == 0;
}

void server_stop(struct server *server)
{
    atomic_store(&server->is_stopping, 1);
    uint64_t one = 1;
    ssize_t written = write(server->stop_fd, &one, sizeof one);
    (void)written; /* the acceptor also looks once a second */
}

void server_join_threads(struct server *server)
{
    for (uint32_t i = 0; i < server->shard_count; i++) {
        pthread_join(server->threads[i].handle, NULL);
    }
}

/* After all threads have ended. */
void server_destroy(struct server *server)
{
    catalogue_free_with_tables(server->shards[0].heap, atomic_load(&server->catalogue));
    for (uint32_t i = 0; i < server->shard_count; i++) {
        graveyard_destroy(server->shards[i].graveyard);
    }
    for (uint32_t i = 0; i < server->shard_count; i++) {
        struct shard *shard = &server->shards[i];
        size_t databases = (size_t)atomic_load(&server->config->databases);
        shard->owner.bury = NULL;
        for (size_t d = 0; d < databases; d++) {
            keyspace_clear(&shard->databases[d]);
        }
        thread_free(MEM_SERVER, shard->databases, databases * sizeof *shard->databases);
        pins_free(shard);
        key_top_destroy(shard->top);
        heap_destroy(shard->heap);
        struct thread *thread = &server->threads[i];
        thread_free(MEM_SERVER, thread->command_stats, server->command_count * sizeof *thread->command_stats);
    }
    thread_free(MEM_SERVER, server->command_index, index_size(server) * sizeof(*server->command_index));
    memory_history_destroy(server->memory_history);
    close(server->stop_fd);
    free(server->epoch);
    free(server->threads);
    free(server->inboxes);
    free(server->shards);
    free(server);
}

/* --- parts --- */

struct inbox *shard_inbox(struct shard *shard)
{
    return &shard->server->inboxes[shard->number];
}

ck_epoch_t *server_epoch(struct server *server)
{
    return server->epoch;
}

uint64_t server_route_version(const struct server *server)
{
    return atomic_load_explicit(&server->route_version, memory_order_acquire);
}

void exec_routes_changed(struct exec *exec)
{
    atomic_fetch_add_explicit(&exec->server->route_version, 1, memory_order_release);
}

static void yield_to_readers(ck_epoch_t *epoch, ck_epoch_record_t *record, void *arg)
{
    (void)epoch;
    (void)record;
    (void)arg;
    sched_yield();
}

void server_wait_readers(struct server *server)
{
    ck_epoch_synchronize_wait(server->epoch, yield_to_readers, NULL);
    EPOCH_IS_PASSED(server->epoch);
}

struct thread *server_thread(struct server *server, uint32_t number)
{
    return &server->threads[number];
}

uint32_t thread_number(const struct thread *thread)
{
    return thread->number;
}

struct thread_stats *thread_stats(struct thread *thread)
{
    return &thread->stats;
}

struct command_stats *thread_command_stats(struct thread *thread)
{
    return thread->command_stats;
}

struct error_stats *thread_error_stats(struct thread *thread)
{
    return &thread->error_stats;
}

/* --- totals --- */

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

/* All fields are 64-bit counters: they are added as such. */
_Static_assert(sizeof(struct thread_stats) % sizeof(uint64_t) == 0, "thread_stats holds 64-bit counters only");
enum { STATS_FIELDS = sizeof(struct thread_stats) / sizeof(uint64_t) };

void server_total_stats(const struct server *server, struct thread_stats *out)
{
    *out = (struct thread_stats){0};
    uint64_t *sums = (uint64_t *)out;
    uint64_t query_max = 0, output_max = 0;
    for (uint32_t i = 0; i < server->shard_count; i++) {
        const struct thread_stats *stats = &server->threads[i].stats;
        const uint64_t *fields = (const uint64_t *)stats;
        for (int field = 0; field < STATS_FIELDS; field++) {
            sums[field] += __atomic_load_n(&fields[field], __ATOMIC_RELAXED);
        }
        uint64_t query = __atomic_load_n(&stats->query_bytes_max, __ATOMIC_RELAXED);
        uint64_t output = __atomic_load_n(&stats->output_bytes_max, __ATOMIC_RELAXED);
        query_max = query > query_max ? query : query_max;
        output_max = output > output_max ? output : output_max;
    }
    out->query_bytes_max = query_max;
    out->output_bytes_max = output_max;
    out->connections_rejected += __atomic_load_n(&server->rejected_connections, __ATOMIC_RELAXED);
}

void server_total_fed(const struct server *server, struct fed_clients *out)
{
    *out = (struct fed_clients){0};
    for (uint32_t i = 0; i < server->shard_count; i++) {
        const struct fed_clients *fed = &server->threads[i].fed;
        const uint64_t slowest = __atomic_load_n(&fed->slowest_bytes, __ATOMIC_RELAXED);
        out->count += __atomic_load_n(&fed->count, __ATOMIC_RELAXED);
        out->waiting_bytes += __atomic_load_n(&fed->waiting_bytes, __ATOMIC_RELAXED);
        if (slowest > out->slowest_bytes) {
            out->slowest_bytes = slowest;
            out->slowest_id = __atomic_load_n(&fed->slowest_id, __ATOMIC_RELAXED);
        }
    }
}

/* What is a level and not a count stays. */
static void reset_thread_stats(struct thread_stats *stats)
{
    uint64_t *kept[] = {&stats->connections_current, &stats->feeds_current[FEED_MONITOR], &stats->feeds_current[FEED_EFFECTS], &stats->spare_bytes,
                        &stats->cq_overflows};
    uint64_t *fields = (uint64_t *)stats;
    for (int field = 0; field < STATS_FIELDS; field++) {
        bool is_kept = false;
        for (size_t k = 0; k < sizeof kept / sizeof kept[0]; k++) {
            is_kept = is_kept || kept[k] == &fields[field];
        }
        if (!is_kept) {
            __atomic_store_n(&fields[field], 0, __ATOMIC_RELAXED);
        }
    }
}

static void reset_shard_stats(struct thread *caller, struct shard *shard)
{
    uint32_t databases = (uint32_t)atomic_load_explicit(&shard->server->config->databases, memory_order_relaxed);
    shard_take(shard);
    for (uint32_t i = 0; i < databases; i++) {
        __atomic_store_n(&shard->databases[i].expired_total, 0, __ATOMIC_RELAXED);
    }
    __atomic_store_n(&shard->lazyfreed, 0, __ATOMIC_RELAXED);
    shard_release(caller, shard);
}

void server_reset_stats(struct thread *caller)
{
    struct server *server = caller->server;
    evict_reset_stats(server);
    for (uint32_t i = 0; i < server->shard_count; i++) {
        reset_shard_stats(caller, &server->shards[i]);
        struct thread *thread = &server->threads[i];
        reset_thread_stats(&thread->stats);
        error_stats_reset(&thread->error_stats);
        uint64_t words = server->command_count * sizeof *thread->command_stats / sizeof(uint32_t);
        uint32_t *word = (uint32_t *)thread->command_stats;
        for (uint64_t w = 0; w < words; w++) {
            __atomic_store_n(&word[w], 0, __ATOMIC_RELAXED);
        }
    }
    __atomic_store_n(&server->rejected_connections, 0, __ATOMIC_RELAXED);
    atomic_store_explicit(&server->used_bytes_peak, 0, memory_order_relaxed);
    server_used_bytes(server);
}

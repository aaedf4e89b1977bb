/* server.c - see server.h.  */
#include "loop/server.h"

#include "acl/users.h"
#include "base/clock.h"
#include "exec/command_index.h"
#include "loop/turn.h"
#include "loop/worker.h"
#include "shard/inbox.h"
#include "shard/lazy_free.h"
#include "client/caching.h"
#include "client/session_cache.h"
#include "pubsub/pubsub.h"
#include "tracking/tracking.h"
#include "shard/memory_history.h"
#include "shard/shard.h"
#include "table/table.h"

#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

/* --- start --- */

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

/* One block for all of them. */
static bool make_workers(struct server *server)
{
    struct worker *workers = cache_lines(server->shard_count, sizeof *workers);
    server->threads = cache_lines(1, (server->shard_count * sizeof *server->threads + 63) & ~(size_t)63);
    if (workers == NULL || server->threads == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < server->shard_count; i++) {
        struct thread *thread = &workers[i].thread;
        thread->server = server;
        thread->shard = &server->shards[i];
        thread->number = i;
        thread->executor = &workers[i].executor;
        thread->clients = &workers[i].clients;
        server->threads[i] = thread;
    }
    return true;
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
    pthread_mutex_init(&server->watchers.lock, NULL);
    pthread_mutex_init(&server->blocked.lock, NULL);
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
    server->epoch = cache_lines(1, (sizeof *server->epoch + 63) & ~(size_t)63);
    if (server->shards == NULL || server->inboxes == NULL || server->epoch == NULL ||
        server->stop_fd < 0 || !hash_secret_draw(&server->secret) || !draw_run_id(server) ||
        !command_index_open(server) || !make_workers(server)) {
        return NULL;
    }
    server->acl = acl_create(server->config, server->commands, server->command_count);
    ck_epoch_init(server->epoch);
    server->memory_history = memory_history_create();
    server->pubsub = pubsub_create(server->shard_count);
    server->tracking = tracking_create(server->shard_count, session_deliver_invalidation, session_tracker);
    if (server->acl == NULL || server->memory_history == NULL || server->pubsub == NULL || server->tracking == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < server->shard_count; i++) {
        if (!shard_open(server, i)) {
            return NULL;
        }
    }
    return server;
}

static void set_affinity(const struct worker *worker)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(worker->thread.number % (unsigned)sysconf(_SC_NPROCESSORS_ONLN), &set);
    pthread_setaffinity_np(worker->handle, sizeof set, &set);
}

bool server_start_threads(struct server *server)
{
    assert(atomic_load(&server->threads_started) == 0);
    bool has_affinity = atomic_load(&server->config->shard_affinity) != 0;
    for (uint32_t i = 0; i < server->shard_count; i++) {
        struct worker *worker = worker_of(server->threads[i]);
        int refused = pthread_create(&worker->handle, NULL, worker_main, worker);
        if (refused != 0) {
            errno = refused;
            return false;
        }
        if (has_affinity) {
            set_affinity(worker);
        }
    }
    while (atomic_load(&server->threads_started) < server->shard_count) {
        sched_yield();
    }
    assert(atomic_load(&server->threads_started) == server->shard_count); /* each says so once */
    errno = atomic_load(&server->start_errno);
    server->startup_used_bytes = server_used_bytes(server);
    return errno == 0;
}

void server_join_threads(struct server *server)
{
    assert(atomic_load(&server->is_stopping) != 0); /* else they never end */
    for (uint32_t i = 0; i < server->shard_count; i++) {
        pthread_join(worker_of(server->threads[i])->handle, NULL);
    }
}

/* After all threads have ended. */
void server_destroy(struct server *server)
{
    assert(atomic_load(&server->quiet_threads) == server->shard_count);
    catalogue_free_with_tables(server->shards[0].heap, atomic_load(&server->catalogue));
    for (uint32_t i = 0; i < server->shard_count; i++) {
        lazy_free_destroy(server->shards[i].lazy_free);
    }
    for (uint32_t i = 0; i < server->shard_count; i++) {
        shard_close(&server->shards[i]);
        ring_forget(&server->threads[i]->ring);
        thread_free_stats(server->threads[i]);
    }
    command_index_close(server);
    acl_destroy(server->acl);
    memory_history_destroy(server->memory_history);
    pubsub_destroy(server->pubsub);
    tracking_destroy(server->tracking);
    close(server->stop_fd);
    free(server->epoch);
    free(server->threads[0]);
    free(server->threads);
    free(server->inboxes);
    free(server->shards);
    free(server);
}

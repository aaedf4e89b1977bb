/* totals.c - see totals.h.  */
#include "shard/totals.h"

#include "shard/evict.h"
#include "shard/inbox.h"
#include "shard/thread.h"

/* All fields are 64-bit counters: they are added as such. */
_Static_assert(sizeof(struct thread_stats) % sizeof(uint64_t) == 0, "thread_stats holds 64-bit counters only");
enum { STATS_FIELDS = sizeof(struct thread_stats) / sizeof(uint64_t) };

void server_total_stats(const struct server *server, struct thread_stats *out)
{
    *out = (struct thread_stats){0};
    uint64_t *sums = (uint64_t *)out;
    uint64_t query_max = 0, output_max = 0;
    for (uint32_t i = 0; i < server->shard_count; i++) {
        const struct thread_stats *stats = &server_thread(server, i)->stats;
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

/* What is a level and not a count stays. */
static void reset_thread_stats(struct thread_stats *stats)
{
    uint64_t *kept[] = {&stats->connections_current, &stats->feeds_current[FEED_MONITOR], &stats->feeds_current[FEED_EFFECTS],
                        &stats->spare_bytes, &stats->cq_overflows};
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
    const struct shard_set taken = shard_take_unless_mine(caller, shard);
    for (uint32_t i = 0; i < databases; i++) {
        __atomic_store_n(&shard->databases[i].expired_total, 0, __ATOMIC_RELAXED);
        __atomic_store_n(&shard->databases[i].expired_fields_total, 0, __ATOMIC_RELAXED);
    }
    __atomic_store_n(&shard->lazyfreed, 0, __ATOMIC_RELAXED);
    shard_give_back(caller, &taken);
}

void server_reset_stats(struct thread *caller)
{
    struct server *server = caller->server;
    evict_reset_stats(server);
    for (uint32_t i = 0; i < server->shard_count; i++) {
        reset_shard_stats(caller, &server->shards[i]);
        struct thread *thread = server_thread(server, i);
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

void server_sample_rates(struct server *server, int64_t now_ms)
{
    struct thread_stats total;
    server_total_stats(server, &total);
    rate_samples_take(&server->rates.commands, total.commands_processed, now_ms);
    rate_samples_take(&server->rates.input_bytes, total.net_input_bytes, now_ms);
    rate_samples_take(&server->rates.output_bytes, total.net_output_bytes, now_ms);
}

/* info_shards.c - INFO shards: one line for each shard, with what it holds and how its batches ran.
 *
 * Read on    docs/ARCHITECTURE.md, "The baton".  */
#include "cmd/info/info_sections.h"

#include "shard/thread_stats.h"

static unsigned long long load(const uint64_t *counter)
{
    return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

static unsigned long long shard_key_count(const struct server *server, const struct shard *shard)
{
    const int64_t databases = atomic_load_explicit(&server->config->databases, memory_order_relaxed);
    unsigned long long sum = 0;
    for (int64_t db = 0; db < databases; db++) {
        sum += load(&shard->databases[db].key_count);
    }
    return sum;
}

void info_write_shards(struct info *info)
{
    struct server *server = info->server;
    info_printf(info, "shards:%u\r\n", server->shard_count);
    for (uint32_t i = 0; i < server->shard_count; i++) {
        const struct shard *shard = &server->shards[i];
        const struct thread_stats *stats = thread_stats(server_thread(server, i));
        const double busy_us = (double)__atomic_load_n(&stats->cpu_busy_ticks, __ATOMIC_RELAXED) / server->ticks_per_us;
        info_printf(info, "shard%u:keys=%llu,used_bytes=%lld,committed_bytes=%llu,connections=%llu", i,
                    shard_key_count(server, shard), (long long)mem_counters_total(heap_counters(shard->heap)),
                    (unsigned long long)info->walks[i].committed_bytes, load(&stats->connections_current));
        info_printf(info, ",commands=%llu,turns=%llu,sleeps=%llu,wakes_sent=%llu,busy_usec=%lld",
                    load(&stats->commands_processed), load(&stats->turns), load(&stats->sleeps), load(&stats->wakes_sent),
                    (long long)busy_us);
        info_printf(info, ",batches_in_place=%llu,batches_handed=%llu,batches_combined=%llu,batches_waited=%llu,steps_all=%llu"
                    ",part_steps=%llu"
                    ",crons=%llu,spare_bytes=%llu,cq_overflows=%llu",
                    load(&stats->batches_in_place), load(&stats->batches_handed), load(&stats->batches_combined),
                    load(&stats->batches_waited), load(&stats->steps_all), load(&stats->part_steps), load(&stats->crons), load(&stats->spare_bytes),
                    load(&stats->cq_overflows));
        info_printf(info, ",pins=%u,waiters=%llu,longest_wait_usec=%llu\r\n",
                    __atomic_load_n(&shard->pinned_count, __ATOMIC_RELAXED), load(&shard->waits.waiter_count),
                    load(&shard->waits.longest_us));
    }
}

/* info_shards.c - INFO shards: one line for each shard, with what it holds and how its batches ran.
 *
 * Read on    docs/ARCHITECTURE.md, "The baton".  */
#include "cmd/info/info_sections.h"

#include "shard/thread_stats.h"

#include <stdio.h>

#define AT(field) offsetof(struct figures, field)

struct figures {
    int64_t keys, used, committed, connections, commands, turns, sleeps, wakes, busy_us, in_place, handed, combined, waited;
    int64_t steps_all, part_steps, crons, spare, overflows, pins, waiters, longest_us;
};

static const struct info_field count_fields[] = {
    {"shards", INFO_INTEGER, .offset = 0}, /* METRICS has it from the section server */
};

/* clang-format off */
static const struct info_field fields[] = {
    {"keys", INFO_INTEGER, AT(keys), .metric = "shard_keys", .help = "Keys of the shard."},
    {"used_bytes", INFO_INTEGER, AT(used), .metric = "shard_used_bytes", .help = "Memory in use by the data of the shard."},
    {"committed_bytes", INFO_INTEGER, AT(committed), .metric = "shard_committed_bytes", .help = "Pages of the shard's heap."},
    {"connections", INFO_INTEGER, AT(connections), .metric = "shard_connections", .help = "Connections of the shard's thread."},
    {"commands", INFO_INTEGER, AT(commands), .metric = "shard_commands_total", .help = "Commands that came to the shard's thread."},
    {"turns", INFO_INTEGER, AT(turns), .metric = "shard_turns_total", .help = "Turns of the shard's thread."},
    {"sleeps", INFO_INTEGER, AT(sleeps), .metric = "shard_sleeps_total", .help = "Turns that ended with a wait."},
    {"wakes_sent", INFO_INTEGER, AT(wakes), .metric = "shard_wakes_sent_total", .help = "Wake-ups of other threads."},
    {"busy_usec", INFO_INTEGER, AT(busy_us), .metric = "shard_busy_seconds_total", .help = "Time between waking and sleeping.", .scale = 1e-6},
    {"batches_in_place", INFO_INTEGER, AT(in_place), .metric = "shard_batches_in_place_total", .help = "Batches that ran on their own thread."},
    {"batches_handed", INFO_INTEGER, AT(handed), .metric = "shard_batches_handed_total", .help = "Batches that were handed to another thread."},
    {"batches_combined", INFO_INTEGER, AT(combined), .metric = "shard_batches_combined_total", .help = "Batches of other threads that ran here."},
    {"batches_waited", INFO_INTEGER, AT(waited), .metric = "shard_batches_waited_total", .help = "Batches that waited for a baton."},
    {"steps_all", INFO_INTEGER, AT(steps_all), .metric = "shard_multi_shard_steps_total", .help = "Steps that took several batons."},
    {"part_steps", INFO_INTEGER, AT(part_steps), .metric = "shard_part_steps_total", .help = "Steps of parts of other threads' jobs."},
    {"crons", INFO_INTEGER, AT(crons), .metric = "shard_crons_total", .help = "Looks at what is due hz times a second."},
    {"spare_bytes", INFO_INTEGER, AT(spare), .metric = "shard_spare_bytes", .help = "Buffers of the thread that are kept for reuse."},
    {"cq_overflows", INFO_INTEGER, AT(overflows), .metric = "shard_ring_overflows_total", .help = "Turns in which the completion queue was full."},
    {"pins", INFO_INTEGER, AT(pins), .metric = "shard_pins", .help = "Keys that are read in steps."},
    {"waiters", INFO_INTEGER, AT(waiters), .metric = "shard_waiters", .help = "Calls and jobs that wait for something of the shard."},
    {"longest_wait_usec", INFO_INTEGER, AT(longest_us), .metric = "shard_longest_wait_seconds", .help = "The longest of such waits.", .scale = 1e-6},
};
/* clang-format on */

_Static_assert(sizeof(struct figures) <= INFO_FIGURES_MAX, "they are a group's");

static int64_t load(const uint64_t *counter)
{
    return (int64_t)__atomic_load_n(counter, __ATOMIC_RELAXED);
}

static int64_t shard_key_count(const struct server *server, const struct shard *shard)
{
    const int64_t databases = atomic_load_explicit(&server->config->databases, memory_order_relaxed);
    int64_t sum = 0;
    for (int64_t db = 0; db < databases; db++) {
        sum += load(&shard->databases[db].key_count);
    }
    return sum;
}

static bool look_at_shard(const struct info *info, const void *context, uint32_t index, char name[INFO_NAME_MAX], void *out)
{
    (void)context;
    const struct shard *shard = &info->server->shards[index];
    const struct thread_stats *stats = thread_stats(server_thread(info->server, index));
    const double busy_ticks = (double)__atomic_load_n(&stats->cpu_busy_ticks, __ATOMIC_RELAXED);
    *(struct figures *)out = (struct figures){
        .keys = shard_key_count(info->server, shard),
        .used = mem_counters_total(heap_counters(shard->heap)),
        .committed = (int64_t)info->walks[index].committed_bytes,
        .connections = load(&stats->connections_current),
        .commands = load(&stats->commands_processed),
        .turns = load(&stats->turns),
        .sleeps = load(&stats->sleeps),
        .wakes = load(&stats->wakes_sent),
        .busy_us = (int64_t)(busy_ticks / info->server->ticks_per_us),
        .in_place = load(&stats->batches_in_place),
        .handed = load(&stats->batches_handed),
        .combined = load(&stats->batches_combined),
        .waited = load(&stats->batches_waited),
        .steps_all = load(&stats->steps_all),
        .part_steps = load(&stats->part_steps),
        .crons = load(&stats->crons),
        .spare = load(&stats->spare_bytes),
        .overflows = load(&stats->cq_overflows),
        .pins = __atomic_load_n(&shard->pinned_count, __ATOMIC_RELAXED),
        .waiters = load(&shard->waits.waiter_count),
        .longest_us = load(&shard->waits.longest_us),
    };
    (void)snprintf(name, INFO_NAME_MAX, "%u", index);
    return true;
}

void info_write_shards(struct info *info)
{
    const int64_t count = info->server->shard_count;
    const struct info_group shards = {.line = "shard", .label = "shard", .fields = fields, .field_count = INFO_FIELD_COUNT(fields),
                                      .figures_size = sizeof(struct figures), .fill = look_at_shard};
    info_write_fields(info, count_fields, INFO_FIELD_COUNT(count_fields), &count);
    info_write_group(info, &shards, info->server->shard_count);
}

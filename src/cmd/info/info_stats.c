/* info_stats.c - the sections of INFO that count since start or CONFIG RESETSTAT: stats, commandstats, errorstats,
 * latencystats.  */
#include "cmd/core/command_name.h"
#include "cmd/info/info_sections.h"
#include "pubsub/pubsub.h"
#include "shard/error_stats.h"
#include "shard/evict.h"
#include "shard/thread_stats.h"
#include "shard/totals.h"
#include "tracking/tracking.h"

#define AT(field) offsetof(struct figures, field)

struct figures {
    int64_t connections, commands, ops_per_second, input_bytes, output_bytes, rejected_connections, expired_keys;
    int64_t topics[TOPIC_KINDS]; /* pubsub: that have subscribers */
    int64_t tracked_keys, tracked_items, tracked_prefixes;
    int64_t expire_ms, expire_cuts, hits, misses, error_replies, reads, writes, query_limit, output_limit;
    int64_t denied_auth, denied_command, denied_key, denied_channel; /* ACL */
    int64_t evicted_keys, evicted_clients, exceeded_total_ms, exceeded_current_ms;
    int64_t defrag_hits, defrag_misses, defrag_total_ms, defrag_current_ms;
    int64_t tls_handshakes, tls_resumed, tls_failed;
    double input_kbps, output_kbps;
};

static const struct info_field fields[] = {
    {"total_connections_received", INFO_INTEGER, AT(connections), NULL},
    {"total_commands_processed", INFO_INTEGER, AT(commands), NULL},
    {"instantaneous_ops_per_sec", INFO_INTEGER, AT(ops_per_second), NULL},
    {"total_net_input_bytes", INFO_INTEGER, AT(input_bytes), NULL},
    {"total_net_output_bytes", INFO_INTEGER, AT(output_bytes), NULL},
    {"total_net_repl_input_bytes", INFO_CONSTANT, 0, "0"},
    {"total_net_repl_output_bytes", INFO_CONSTANT, 0, "0"},
    {"instantaneous_input_kbps", INFO_RATIO, AT(input_kbps), NULL},
    {"instantaneous_output_kbps", INFO_RATIO, AT(output_kbps), NULL},
    {"instantaneous_input_repl_kbps", INFO_CONSTANT, 0, "0.00"},
    {"instantaneous_output_repl_kbps", INFO_CONSTANT, 0, "0.00"},
    {"rejected_connections", INFO_INTEGER, AT(rejected_connections), NULL},
    {"sync_full", INFO_CONSTANT, 0, "0"},
    {"sync_partial_ok", INFO_CONSTANT, 0, "0"},
    {"sync_partial_err", INFO_CONSTANT, 0, "0"},
    {"expired_keys", INFO_INTEGER, AT(expired_keys), NULL},
    {"expired_stale_perc", INFO_CONSTANT, 0, "0.00"},
    {"expired_time_cap_reached_count", INFO_INTEGER, AT(expire_cuts), NULL},
    {"expire_cycle_cpu_milliseconds", INFO_INTEGER, AT(expire_ms), NULL},
    {"evicted_keys", INFO_INTEGER, AT(evicted_keys), NULL},
    {"evicted_clients", INFO_INTEGER, AT(evicted_clients), NULL},
    {"total_eviction_exceeded_time", INFO_INTEGER, AT(exceeded_total_ms), NULL},
    {"current_eviction_exceeded_time", INFO_INTEGER, AT(exceeded_current_ms), NULL},
    {"keyspace_hits", INFO_INTEGER, AT(hits), NULL},
    {"keyspace_misses", INFO_INTEGER, AT(misses), NULL},
    {"pubsub_channels", INFO_INTEGER, AT(topics[TOPIC_CHANNEL]), NULL},
    {"pubsub_patterns", INFO_INTEGER, AT(topics[TOPIC_PATTERN]), NULL},
    {"pubsubshard_channels", INFO_INTEGER, AT(topics[TOPIC_SHARD_CHANNEL]), NULL},
    {"latest_fork_usec", INFO_CONSTANT, 0, "0"},
    {"total_forks", INFO_CONSTANT, 0, "0"},
    {"migrate_cached_sockets", INFO_CONSTANT, 0, "0"},
    {"slave_expires_tracked_keys", INFO_CONSTANT, 0, "0"},
    {"active_defrag_hits", INFO_INTEGER, AT(defrag_hits), NULL},
    {"active_defrag_misses", INFO_INTEGER, AT(defrag_misses), NULL},
    {"active_defrag_key_hits", INFO_CONSTANT, 0, "0"},
    {"active_defrag_key_misses", INFO_CONSTANT, 0, "0"},
    {"total_active_defrag_time", INFO_INTEGER, AT(defrag_total_ms), NULL},
    {"current_active_defrag_time", INFO_INTEGER, AT(defrag_current_ms), NULL},
    {"tracking_total_keys", INFO_INTEGER, AT(tracked_keys), NULL},
    {"tracking_total_items", INFO_INTEGER, AT(tracked_items), NULL},
    {"tracking_total_prefixes", INFO_INTEGER, AT(tracked_prefixes), NULL},
    {"unexpected_error_replies", INFO_CONSTANT, 0, "0"},
    {"total_error_replies", INFO_INTEGER, AT(error_replies), NULL},
    {"dump_payload_sanitizations", INFO_CONSTANT, 0, "0"},
    {"total_reads_processed", INFO_INTEGER, AT(reads), NULL},
    {"total_writes_processed", INFO_INTEGER, AT(writes), NULL},
    {"io_threaded_reads_processed", INFO_CONSTANT, 0, "0"},
    {"io_threaded_writes_processed", INFO_CONSTANT, 0, "0"},
    {"reply_buffer_shrinks", INFO_CONSTANT, 0, "0"},
    {"reply_buffer_expands", INFO_CONSTANT, 0, "0"},
    {"client_query_buffer_limit_disconnections", INFO_INTEGER, AT(query_limit), NULL},
    {"client_output_buffer_limit_disconnections", INFO_INTEGER, AT(output_limit), NULL},
    {"acl_access_denied_auth", INFO_INTEGER, AT(denied_auth), NULL},
    {"acl_access_denied_cmd", INFO_INTEGER, AT(denied_command), NULL},
    {"acl_access_denied_key", INFO_INTEGER, AT(denied_key), NULL},
    {"acl_access_denied_channel", INFO_INTEGER, AT(denied_channel), NULL},
    {"tls_handshakes", INFO_INTEGER, AT(tls_handshakes), NULL},
    {"tls_handshakes_resumed", INFO_INTEGER, AT(tls_resumed), NULL},
    {"tls_handshakes_failed", INFO_INTEGER, AT(tls_failed), NULL},
};

static int64_t expired_keys(const struct server *server)
{
    const int64_t databases = atomic_load_explicit(&server->config->databases, memory_order_relaxed);
    uint64_t sum = 0;
    for (uint32_t i = 0; i < server->shard_count; i++) {
        for (int64_t db = 0; db < databases; db++) {
            sum += __atomic_load_n(&server->shards[i].databases[db].expired_total, __ATOMIC_RELAXED);
        }
    }
    return (int64_t)sum;
}

static void add_evictions(const struct server *server, struct figures *figures)
{
    const struct evict_exceeded exceeded = evict_exceeded(server);
    figures->exceeded_total_ms = exceeded.total_ms;
    figures->exceeded_current_ms = exceeded.current_ms;
    for (uint32_t i = 0; i < server->shard_count; i++) {
        figures->evicted_keys += (int64_t)__atomic_load_n(&server->shards[i].evict.evicted_keys, __ATOMIC_RELAXED);
    }
}

/* CPU time of defragmentation cycles, as that of Redis's single thread. */
static void add_defrag(const struct server *server, struct figures *figures)
{
    for (uint32_t i = 0; i < server->shard_count; i++) {
        const struct defrag *defrag = &server->shards[i].defrag;
        const struct heap_moves moves = heap_moves(server->shards[i].heap);
        const uint64_t busy_us = __atomic_load_n(&defrag->busy_us, __ATOMIC_RELAXED);
        const uint64_t cycle_us = busy_us - __atomic_load_n(&defrag->busy_us_before, __ATOMIC_RELAXED);
        figures->defrag_hits += (int64_t)moves.moved;
        figures->defrag_misses += (int64_t)moves.left;
        figures->defrag_total_ms += (int64_t)(busy_us / 1000);
        figures->defrag_current_ms += __atomic_load_n(&defrag->is_running, __ATOMIC_RELAXED) ? (int64_t)(cycle_us / 1000) : 0;
    }
}

void info_write_stats(struct info *info)
{
    const struct server *server = info->server;
    struct thread_stats total;
    const struct tracking_figures tracked = tracking_figures(server);
    server_total_stats(server, &total);
    struct figures figures = {
        .connections = (int64_t)total.connections_received,
        .commands = (int64_t)total.commands_processed,
        .ops_per_second = (int64_t)rate_samples_per_second(&server->rates.commands),
        .input_bytes = (int64_t)total.net_input_bytes,
        .output_bytes = (int64_t)total.net_output_bytes,
        .input_kbps = (double)rate_samples_per_second(&server->rates.input_bytes) / 1024,
        .output_kbps = (double)rate_samples_per_second(&server->rates.output_bytes) / 1024,
        .rejected_connections = (int64_t)total.connections_rejected,
        .expired_keys = expired_keys(server),
        .expire_ms = (int64_t)((double)total.expiry_ticks / server->ticks_per_us / 1000),
        .expire_cuts = (int64_t)total.expiry_cuts,
        .hits = (int64_t)total.keyspace_hits,
        .misses = (int64_t)total.keyspace_misses,
        .error_replies = (int64_t)total.error_replies,
        .denied_auth = (int64_t)total.acl_denied_auth,
        .denied_command = (int64_t)total.acl_denied_command,
        .denied_key = (int64_t)total.acl_denied_key,
        .denied_channel = (int64_t)total.acl_denied_channel,
        .tls_handshakes = (int64_t)total.tls_handshakes,
        .tls_resumed = (int64_t)total.tls_resumed,
        .tls_failed = (int64_t)total.tls_failed,
        .reads = (int64_t)total.reads_processed,
        .writes = (int64_t)total.writes_processed,
        .query_limit = (int64_t)total.query_limit_disconnections,
        .topics = {(int64_t)pubsub_topics(info->server, TOPIC_CHANNEL), (int64_t)pubsub_topics(info->server, TOPIC_PATTERN),
                   (int64_t)pubsub_topics(info->server, TOPIC_SHARD_CHANNEL)},
        .tracked_keys = (int64_t)tracked.keys,
        .tracked_items = (int64_t)tracked.items,
        .tracked_prefixes = (int64_t)tracked.prefixes,
        .output_limit = (int64_t)total.output_limit_disconnections,
        .evicted_clients = (int64_t)total.evicted_clients,
    };
    add_evictions(server, &figures);
    add_defrag(server, &figures);
    info_write_fields(info, fields, INFO_FIELD_COUNT(fields), &figures);
}

/* --- by command --- */

/* One command's counters over all threads. */
static void sum_command(struct server *server, uint16_t index, struct command_stats *out)
{
    *out = (struct command_stats){0};
    for (uint32_t i = 0; i < server->shard_count; i++) {
        const struct command_stats *stats = &thread_command_stats(server_thread(server, i))[index];
        out->calls += __atomic_load_n(&stats->calls, __ATOMIC_RELAXED);
        out->ticks += __atomic_load_n(&stats->ticks, __ATOMIC_RELAXED);
        out->rejected += __atomic_load_n(&stats->rejected, __ATOMIC_RELAXED);
        out->failed += __atomic_load_n(&stats->failed, __ATOMIC_RELAXED);
        for (unsigned k = 0; k < COMMAND_LATENCY_BUCKETS; k++) {
            out->latency[k] += __atomic_load_n(&stats->latency[k], __ATOMIC_RELAXED);
        }
    }
}

void info_write_commandstats(struct info *info)
{
    struct server *server = info->server;
    for (uint32_t i = 0; i < server->command_count; i++) {
        struct command_stats stats;
        sum_command(server, (uint16_t)i, &stats);
        if (stats.calls + stats.rejected + stats.failed == 0) {
            continue;
        }
        char name[COMMAND_NAME_MAX];
        command_full_name(server->commands[i], name);
        const double us = (double)stats.ticks / server->ticks_per_us;
        info_printf(info, "cmdstat_%s:calls=%llu,usec=%lld,usec_per_call=%.2f,rejected_calls=%llu,failed_calls=%llu\r\n",
                    name, (unsigned long long)stats.calls, (long long)us,
                    stats.calls > 0 ? us / (double)stats.calls : 0.0, (unsigned long long)stats.rejected,
                    (unsigned long long)stats.failed);
    }
}

void info_write_errorstats(struct info *info)
{
    struct error_stats total = {0};
    for (uint32_t i = 0; i < info->server->shard_count; i++) {
        error_stats_add(&total, thread_error_stats(server_thread(info->server, i)));
    }
    const uint32_t count = atomic_load_explicit(&total.row_count, memory_order_relaxed);
    for (uint32_t i = 0; i < count; i++) {
        info_printf(info, "errorstat_%s:count=%llu\r\n", total.rows[i].code,
                    (unsigned long long)atomic_load_explicit(&total.rows[i].count, memory_order_relaxed));
    }
}

/* Microseconds that `percent` of the calls did not exceed: the upper end of the bucket in which the last of them lies. */
static double percentile_us(const struct command_stats *stats, uint64_t call_count, double percent)
{
    const double wanted = (double)call_count * percent / 100;
    uint64_t seen = 0;
    unsigned bucket = 0;
    for (; bucket < COMMAND_LATENCY_BUCKETS - 1; bucket++) {
        seen += stats->latency[bucket];
        if ((double)seen >= wanted) {
            break;
        }
    }
    return (double)(UINT64_C(1024) << bucket) / 1000;
}

void info_write_latencystats(struct info *info)
{
    struct server *server = info->server;
    for (uint32_t i = 0; i < server->command_count; i++) {
        struct command_stats stats;
        sum_command(server, (uint16_t)i, &stats);
        uint64_t calls = 0;
        for (unsigned k = 0; k < COMMAND_LATENCY_BUCKETS; k++) {
            calls += stats.latency[k];
        }
        if (calls == 0) {
            continue;
        }
        char name[COMMAND_NAME_MAX];
        command_full_name(server->commands[i], name);
        info_printf(info, "latency_percentiles_usec_%s:p50=%.3f,p99=%.3f,p99.9=%.3f\r\n", name,
                    percentile_us(&stats, calls, 50), percentile_us(&stats, calls, 99), percentile_us(&stats, calls, 99.9));
    }
}

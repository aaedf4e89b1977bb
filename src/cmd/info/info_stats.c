/* info_stats.c - the sections of INFO that count since start or CONFIG RESETSTAT: stats, commandstats, errorstats,
 * latencystats.  */
#include "cmd/core/command_name.h"
#include "cmd/info/info_sections.h"
#include "cmd/info/metric_text.h"
#include "pubsub/pubsub.h"
#include "shard/error_stats.h"
#include "shard/evict.h"
#include "shard/thread_stats.h"
#include "shard/totals.h"
#include "tracking/tracking.h"

#include <stdio.h>

#define AT(field) offsetof(struct figures, field)

struct figures {
    int64_t connections, commands, ops_per_second, input_bytes, output_bytes, rejected_connections, expired_keys, expired_fields;
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
    {"total_connections_received", INFO_INTEGER, AT(connections), .metric = "connections_received_total", .help = "Connections that were taken in."},
    {"total_commands_processed", INFO_INTEGER, AT(commands), .metric = "commands_processed_total", .help = "Commands that were run."},
    {"instantaneous_ops_per_sec", INFO_INTEGER, AT(ops_per_second), .metric = "commands_per_second", .help = "Commands a second of late."},
    {"total_net_input_bytes", INFO_INTEGER, AT(input_bytes), .metric = "net_input_bytes_total", .help = "Bytes that clients sent."},
    {"total_net_output_bytes", INFO_INTEGER, AT(output_bytes), .metric = "net_output_bytes_total", .help = "Bytes that clients were sent."},
    {"total_net_repl_input_bytes", INFO_CONSTANT, .constant = "0"},
    {"total_net_repl_output_bytes", INFO_CONSTANT, .constant = "0"},
    {"instantaneous_input_kbps", INFO_RATIO, .offset = AT(input_kbps)},
    {"instantaneous_output_kbps", INFO_RATIO, .offset = AT(output_kbps)},
    {"instantaneous_input_repl_kbps", INFO_CONSTANT, .constant = "0.00"},
    {"instantaneous_output_repl_kbps", INFO_CONSTANT, .constant = "0.00"},
    {"rejected_connections", INFO_INTEGER, AT(rejected_connections), .metric = "rejected_connections_total",
     .help = "Connections that were refused: maxclients, protected mode."},
    {"sync_full", INFO_CONSTANT, .constant = "0"},
    {"sync_partial_ok", INFO_CONSTANT, .constant = "0"},
    {"sync_partial_err", INFO_CONSTANT, .constant = "0"},
    {"expired_keys", INFO_INTEGER, AT(expired_keys), .metric = "expired_keys_total", .help = "Keys that were removed since their time had come."},
    {"expired_subkeys", INFO_INTEGER, AT(expired_fields), .metric = "expired_fields_total",
     .help = "Fields of hashes that were removed since their time had come."},
    {"expired_stale_perc", INFO_CONSTANT, .constant = "0.00"},
    {"expired_time_cap_reached_count", INFO_INTEGER, AT(expire_cuts), .metric = "expire_cycle_cuts_total",
     .help = "Steps of removing expired keys that left some for later."},
    {"expire_cycle_cpu_milliseconds", INFO_INTEGER, AT(expire_ms), .metric = "expire_cycle_seconds_total",
     .help = "CPU time of removing expired keys.", .scale = 1e-3},
    {"evicted_keys", INFO_INTEGER, AT(evicted_keys), .metric = "evicted_keys_total", .help = "Keys that were removed for maxmemory."},
    {"evicted_clients", INFO_INTEGER, AT(evicted_clients), .metric = "evicted_clients_total",
     .help = "Clients that were closed for maxmemory-clients."},
    {"total_eviction_exceeded_time", INFO_INTEGER, AT(exceeded_total_ms), .metric = "memory_exceeded_seconds_total",
     .help = "Time for which memory in use was above maxmemory.", .scale = 1e-3},
    {"current_eviction_exceeded_time", INFO_INTEGER, AT(exceeded_current_ms), .metric = "memory_exceeded_seconds",
     .help = "Time for which memory in use has been above maxmemory now.", .scale = 1e-3},
    {"keyspace_hits", INFO_INTEGER, AT(hits), .metric = "keyspace_hits_total", .help = "Reads of keys that were there."},
    {"keyspace_misses", INFO_INTEGER, AT(misses), .metric = "keyspace_misses_total", .help = "Reads of keys that were not there."},
    {"pubsub_channels", INFO_INTEGER, AT(topics[TOPIC_CHANNEL]), .metric = "pubsub_channels", .help = "Channels with subscribers."},
    {"pubsub_patterns", INFO_INTEGER, AT(topics[TOPIC_PATTERN]), .metric = "pubsub_patterns", .help = "Patterns with subscribers."},
    {"pubsubshard_channels", INFO_INTEGER, AT(topics[TOPIC_SHARD_CHANNEL]), .metric = "pubsub_shard_channels",
     .help = "Shard channels with subscribers."},
    {"latest_fork_usec", INFO_CONSTANT, .constant = "0"},
    {"total_forks", INFO_CONSTANT, .constant = "0"},
    {"migrate_cached_sockets", INFO_CONSTANT, .constant = "0"},
    {"slave_expires_tracked_keys", INFO_CONSTANT, .constant = "0"},
    {"active_defrag_hits", INFO_INTEGER, AT(defrag_hits), .metric = "defrag_moved_blocks_total", .help = "Blocks that defragmentation has moved."},
    {"active_defrag_misses", INFO_INTEGER, AT(defrag_misses), .metric = "defrag_left_blocks_total",
     .help = "Blocks that defragmentation has looked at and left."},
    {"active_defrag_key_hits", INFO_CONSTANT, .constant = "0"},
    {"active_defrag_key_misses", INFO_CONSTANT, .constant = "0"},
    {"total_active_defrag_time", INFO_INTEGER, AT(defrag_total_ms), .metric = "defrag_seconds_total",
     .help = "CPU time of defragmentation.", .scale = 1e-3},
    {"current_active_defrag_time", INFO_INTEGER, AT(defrag_current_ms), .metric = "defrag_current_seconds",
     .help = "CPU time of the defragmentation that runs.", .scale = 1e-3},
    {"tracking_total_keys", INFO_INTEGER, AT(tracked_keys), .metric = "tracking_keys", .help = "Keys that clients keep in caches."},
    {"tracking_total_items", INFO_INTEGER, AT(tracked_items), .metric = "tracking_items", .help = "Pairs of a key and a client that keeps it."},
    {"tracking_total_prefixes", INFO_INTEGER, AT(tracked_prefixes), .metric = "tracking_prefixes", .help = "Prefixes of which clients are told."},
    {"unexpected_error_replies", INFO_CONSTANT, .constant = "0"},
    {"total_error_replies", INFO_INTEGER, AT(error_replies), .metric = "error_replies_total", .help = "Replies that were errors."},
    {"dump_payload_sanitizations", INFO_CONSTANT, .constant = "0"},
    {"total_reads_processed", INFO_INTEGER, AT(reads), .metric = "reads_processed_total", .help = "Receives from clients."},
    {"total_writes_processed", INFO_INTEGER, AT(writes), .metric = "writes_processed_total", .help = "Sends to clients."},
    {"io_threaded_reads_processed", INFO_CONSTANT, .constant = "0"},
    {"io_threaded_writes_processed", INFO_CONSTANT, .constant = "0"},
    {"reply_buffer_shrinks", INFO_CONSTANT, .constant = "0"},
    {"reply_buffer_expands", INFO_CONSTANT, .constant = "0"},
    {"client_query_buffer_limit_disconnections", INFO_INTEGER, AT(query_limit), .metric = "query_buffer_limit_disconnections_total",
     .help = "Clients that were closed for client-query-buffer-limit."},
    {"client_output_buffer_limit_disconnections", INFO_INTEGER, AT(output_limit), .metric = "output_buffer_limit_disconnections_total",
     .help = "Clients that were closed for client-output-buffer-limit."},
    {"acl_access_denied_auth", INFO_INTEGER, AT(denied_auth), .metric = "acl_denied_logins_total", .help = "Logins that were refused."},
    {"acl_access_denied_cmd", INFO_INTEGER, AT(denied_command), .metric = "acl_denied_commands_total",
     .help = "Commands that their users may not run."},
    {"acl_access_denied_key", INFO_INTEGER, AT(denied_key), .metric = "acl_denied_keys_total",
     .help = "Commands on keys that their users may not touch."},
    {"acl_access_denied_channel", INFO_INTEGER, AT(denied_channel), .metric = "acl_denied_channels_total",
     .help = "Commands on channels that their users may not use."},
    {"tls_handshakes", INFO_INTEGER, AT(tls_handshakes), .metric = "tls_handshakes_total", .help = "Handshakes of TLS that came to their end."},
    {"tls_handshakes_resumed", INFO_INTEGER, AT(tls_resumed), .metric = "tls_handshakes_resumed_total",
     .help = "Of those, the ones that resumed a session."},
    {"tls_handshakes_failed", INFO_INTEGER, AT(tls_failed), .metric = "tls_handshakes_failed_total", .help = "Handshakes of TLS that failed."},
};

static void add_expired(const struct server *server, struct figures *figures)
{
    const int64_t databases = atomic_load_explicit(&server->config->databases, memory_order_relaxed);
    for (uint32_t i = 0; i < server->shard_count; i++) {
        for (int64_t db = 0; db < databases; db++) {
            const struct keyspace *ks = &server->shards[i].databases[db];
            figures->expired_keys += (int64_t)__atomic_load_n(&ks->expired_total, __ATOMIC_RELAXED);
            figures->expired_fields += (int64_t)__atomic_load_n(&ks->expired_fields_total, __ATOMIC_RELAXED);
        }
    }
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
    add_expired(server, &figures);
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

#define COMMAND_AT(field) offsetof(struct command_figures, field)

struct command_figures {
    int64_t calls, us, rejected, failed;
    double us_per_call;
};

static const struct info_field command_fields[] = {
    {"calls", INFO_INTEGER, .offset = COMMAND_AT(calls)},
    {"usec", INFO_INTEGER, .offset = COMMAND_AT(us)}, /* METRICS has calls and time in the histogram */
    {"usec_per_call", INFO_RATIO, .offset = COMMAND_AT(us_per_call)},
    {"rejected_calls", INFO_INTEGER, COMMAND_AT(rejected), .metric = "command_rejected_calls_total", .help = "Calls that did not run."},
    {"failed_calls", INFO_INTEGER, COMMAND_AT(failed), .metric = "command_failed_calls_total", .help = "Calls that ran and replied an error."},
};

/* Commands that nobody has called are not shown. */
static bool look_at_command(const struct info *info, const void *context, uint32_t index, char name[INFO_NAME_MAX], void *out)
{
    (void)context;
    struct command_stats stats;
    sum_command(info->server, (uint16_t)index, &stats);
    const double us = (double)stats.ticks / info->server->ticks_per_us;
    *(struct command_figures *)out = (struct command_figures){
        .calls = (int64_t)stats.calls,
        .us = (int64_t)us,
        .us_per_call = stats.calls > 0 ? us / (double)stats.calls : 0.0,
        .rejected = (int64_t)stats.rejected,
        .failed = (int64_t)stats.failed,
    };
    _Static_assert((int)COMMAND_NAME_MAX <= (int)INFO_NAME_MAX, "the name of a command fits");
    (void)command_full_name(info->server->commands[index], name);
    return stats.calls + stats.rejected + stats.failed > 0;
}

void info_write_commandstats(struct info *info)
{
    const struct info_group commands = {.line = "cmdstat_", .label = "command", .fields = command_fields,
                                        .field_count = INFO_FIELD_COUNT(command_fields), .figures_size = sizeof(struct command_figures),
                                        .fill = look_at_command};
    info_write_group(info, &commands, info->server->command_count);
}

/* --- by error --- */

static const struct info_field error_fields[] = {
    {"count", INFO_INTEGER, 0, .metric = "error_replies_by_code_total", .help = "Replies that were errors, by their code."},
};

static bool look_at_error(const struct info *info, const void *context, uint32_t index, char name[INFO_NAME_MAX], void *out)
{
    (void)info;
    const struct error_stats *total = context;
    *(int64_t *)out = (int64_t)atomic_load_explicit(&total->rows[index].count, memory_order_relaxed);
    (void)snprintf(name, INFO_NAME_MAX, "%s", total->rows[index].code);
    return true;
}

void info_write_errorstats(struct info *info)
{
    struct error_stats total = {0};
    for (uint32_t i = 0; i < info->server->shard_count; i++) {
        error_stats_add(&total, thread_error_stats(server_thread(info->server, i)));
    }
    const struct info_group errors = {.line = "errorstat_", .label = "code", .fields = error_fields, .field_count = INFO_FIELD_COUNT(error_fields),
                                      .figures_size = sizeof(int64_t), .context = &total, .fill = look_at_error};
    info_write_group(info, &errors, atomic_load_explicit(&total.row_count, memory_order_relaxed));
}

/* --- how long commands took --- */

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

#define HISTOGRAM "command_duration_seconds"

/* One command's: each bucket counts what the smaller ones do, too. */
static bool write_histogram(struct info *info, struct bytes label, const struct command_stats *stats, uint64_t call_count)
{
    struct buffer labels = BUFFER_EMPTY(MEM_OUTPUT_BUFFER);
    bool is_done = true;
    uint64_t so_far = 0;
    for (unsigned k = 0; is_done && k < COMMAND_LATENCY_BUCKETS - 1; k++) {
        so_far += stats->latency[k];
        labels.len = 0;
        is_done = buffer_append(&labels, label) && buffer_append_format(&labels, ",le=\"%.10g\"", (double)(UINT64_C(1024) << k) / 1e9) &&
                  metric_sample(&info->text, HISTOGRAM, "_bucket", buffer_bytes(&labels), (double)so_far);
    }
    labels.len = 0;
    const double seconds = (double)stats->ticks / info->server->ticks_per_us / 1e6;
    is_done = is_done && buffer_append(&labels, label) && buffer_append(&labels, BYTES(",le=\"+Inf\"")) &&
              metric_sample(&info->text, HISTOGRAM, "_bucket", buffer_bytes(&labels), (double)call_count) &&
              metric_sample(&info->text, HISTOGRAM, "_sum", label, seconds) &&
              metric_sample(&info->text, HISTOGRAM, "_count", label, (double)call_count);
    buffer_release(&labels);
    return is_done;
}

/* A command's line of percentiles in INFO, its histogram in METRICS. */
static void write_latency(struct info *info, const char *name, const struct command_stats *stats, uint64_t calls)
{
    if (!info->is_metrics) {
        info_printf(info, "latency_percentiles_usec_%s:p50=%.3f,p99=%.3f,p99.9=%.3f\r\n", name,
                    percentile_us(stats, calls, 50), percentile_us(stats, calls, 99), percentile_us(stats, calls, 99.9));
        return;
    }
    struct buffer label = BUFFER_EMPTY(MEM_OUTPUT_BUFFER);
    const bool is_done = metric_label(&label, "command", bytes_of_string(name)) && write_histogram(info, buffer_bytes(&label), stats, calls);
    info->is_refused |= !is_done;
    buffer_release(&label);
}

void info_write_latencystats(struct info *info)
{
    struct server *server = info->server;
    if (info->is_metrics) {
        info->is_refused |= !metric_begin(&info->text, HISTOGRAM, "histogram", "How long calls of the command took.");
    }
    for (uint32_t i = 0; i < server->command_count; i++) {
        struct command_stats stats;
        sum_command(server, (uint16_t)i, &stats);
        uint64_t calls = 0;
        for (unsigned k = 0; k < COMMAND_LATENCY_BUCKETS; k++) {
            calls += stats.latency[k];
        }
        if (calls > 0) {
            char name[COMMAND_NAME_MAX];
            command_full_name(server->commands[i], name);
            write_latency(info, name, &stats, calls);
        }
    }
}

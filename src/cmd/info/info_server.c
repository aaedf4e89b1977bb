/* info_server.c - the sections of INFO that describe the server as a whole: server, clients, cpu, persistence, replication,
 * cluster, keyspace.  */
#include "cmd/info/info_sections.h"

#include "appendonly/appendonly.h"
#include "base/clock.h"
#include "shard/supervisor.h"
#include "shard/thread_stats.h"
#include "snapshot/loading.h"
#include "snapshot/snapshot.h"
#include "tracking/tracking.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

enum { PATH_TEXT_MAX = 4096, REPLICATION_ID_LEN = 40, LRU_CLOCK_BITS = 24, MS_PER_DAY = 86400000 };

static int64_t load(const _Atomic int64_t *value)
{
    return atomic_load_explicit(value, memory_order_relaxed);
}

/* --- server --- */

#define AT(field) offsetof(struct server_figures, field)

struct server_figures {
    const char *build_id, *mode, *os, *engine, *gcc_version, *run_id, *executable, *config_file, *process_supervised;
    int64_t process_id, tcp_port, time_us, uptime_s, uptime_days, hz, lru_clock, io_threads_active, shards;
};

static const struct info_field server_fields[] = {
    {"redis_version", INFO_CONSTANT, 0, "7.0.15"},
    {"redis_git_sha1", INFO_CONSTANT, 0, "00000000"},
    {"redis_git_dirty", INFO_CONSTANT, 0, "0"},
    {"redis_build_id", INFO_TEXT, AT(build_id), NULL},
    {"tessera_version", INFO_CONSTANT, 0, TESSERA_VERSION},
    {"redis_mode", INFO_TEXT, AT(mode), NULL},
    {"os", INFO_TEXT, AT(os), NULL},
    {"arch_bits", INFO_CONSTANT, 0, "64"},
    {"monotonic_clock", INFO_CONSTANT, 0, "POSIX clock_gettime"},
    {"multiplexing_api", INFO_TEXT, AT(engine), NULL},
    {"atomicvar_api", INFO_CONSTANT, 0, "c11-builtin"},
    {"gcc_version", INFO_TEXT, AT(gcc_version), NULL},
    {"process_id", INFO_INTEGER, AT(process_id), NULL},
    {"process_supervised", INFO_TEXT, AT(process_supervised), NULL},
    {"run_id", INFO_TEXT, AT(run_id), NULL},
    {"tcp_port", INFO_INTEGER, AT(tcp_port), NULL},
    {"server_time_usec", INFO_INTEGER, AT(time_us), NULL},
    {"uptime_in_seconds", INFO_INTEGER, AT(uptime_s), NULL},
    {"uptime_in_days", INFO_INTEGER, AT(uptime_days), NULL},
    {"hz", INFO_INTEGER, AT(hz), NULL},
    {"configured_hz", INFO_INTEGER, AT(hz), NULL},
    {"lru_clock", INFO_INTEGER, AT(lru_clock), NULL},
    {"executable", INFO_TEXT, AT(executable), NULL},
    {"config_file", INFO_TEXT, AT(config_file), NULL},
    {"io_threads_active", INFO_INTEGER, AT(io_threads_active), NULL},
    {"shards", INFO_INTEGER, AT(shards), NULL},
};

_Static_assert(sizeof(void *) == 8, "arch_bits says 64");

/* Two builds of one version by one compiler have the same id. */
static void format_build_id(char out[17])
{
    uint64_t id = UINT64_C(14695981039346656037); /* FNV-1a */
    for (const char *at = TESSERA_VERSION " " __VERSION__; *at != '\0'; at++) {
        id = (id ^ (unsigned char)*at) * UINT64_C(1099511628211);
    }
    (void)snprintf(out, 17, "%016llx", (unsigned long long)id);
}

void info_write_server(struct info *info)
{
    struct server *server = info->server;
    struct config *config = server->config;
    char build_id[17], os[3 * sizeof(((struct utsname *)0)->sysname)], gcc_version[64];
    char executable[PATH_TEXT_MAX] = "", config_file[PATH_TEXT_MAX];
    format_build_id(build_id);
    struct utsname name = {0};
    (void)uname(&name);
    (void)snprintf(os, sizeof os, "%s %s %s", name.sysname, name.release, name.machine);
    (void)snprintf(gcc_version, sizeof gcc_version, "%d.%d.%d", __GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__);
    const ssize_t path_len = readlink("/proc/self/exe", executable, sizeof executable - 1);
    executable[path_len > 0 ? path_len : 0] = '\0';
    config_text_copy(config, &config->config_file, config_file, sizeof config_file);
    const int64_t uptime_ms = info->now_ms - server->started_ms;
    const struct server_figures figures = {
        .build_id = build_id,
        .mode = load(&config->shard_ports) ? "cluster" : "standalone",
        .os = os,
        .engine = load(&config->io_engine) == IO_ENGINE_EPOLL ? "epoll" : "io_uring",
        .gcc_version = gcc_version,
        .process_id = getpid(),
        .run_id = server->run_id,
        .tcp_port = load(&config->port) != 0 ? load(&config->port) : load(&config->tls_port),
        .time_us = clock_wall_us(),
        .uptime_s = uptime_ms / 1000,
        .uptime_days = uptime_ms / MS_PER_DAY,
        .hz = load(&config->hz),
        .lru_clock = info->now_ms / 1000 & ((1 << LRU_CLOCK_BITS) - 1),
        .executable = executable,
        .process_supervised = supervisor_is_there(server->config) ? "systemd" : "no",
        .config_file = config_file,
        .io_threads_active = server->shard_count > 1,
        .shards = server->shard_count,
    };
    info_write_fields(info, server_fields, INFO_FIELD_COUNT(server_fields), &figures);
}

#undef AT

/* --- clients --- */

#define AT(field) offsetof(struct clients_figures, field)

struct clients_figures {
    int64_t connected, maxclients, input_max, output_max, blocked, timed, tracking;
};

static const struct info_field clients_fields[] = {
    {"connected_clients", INFO_INTEGER, AT(connected), NULL},
    {"cluster_connections", INFO_CONSTANT, 0, "0"},
    {"maxclients", INFO_INTEGER, AT(maxclients), NULL},
    {"client_recent_max_input_buffer", INFO_INTEGER, AT(input_max), NULL},
    {"client_recent_max_output_buffer", INFO_INTEGER, AT(output_max), NULL},
    {"blocked_clients", INFO_INTEGER, AT(blocked), NULL},
    {"tracking_clients", INFO_INTEGER, AT(tracking), NULL},
    {"clients_in_timeout_table", INFO_INTEGER, AT(timed), NULL},
};

static void keep_greater(int64_t *greatest, const uint64_t *counter)
{
    const int64_t value = (int64_t)__atomic_load_n(counter, __ATOMIC_RELAXED);
    *greatest = value > *greatest ? value : *greatest;
}

void info_write_clients(struct info *info)
{
    struct server *server = info->server;
    struct clients_figures figures = {
        .connected = atomic_load_explicit(&server->clients_current, memory_order_relaxed),
        .maxclients = load(&server->config->maxclients),
        .tracking = (int64_t)tracking_figures(server).clients,
    };
    for (uint32_t i = 0; i < server->shard_count; i++) {
        const struct thread_stats *stats = thread_stats(server_thread(server, i));
        keep_greater(&figures.input_max, &stats->query_bytes_max);
        keep_greater(&figures.output_max, &stats->output_bytes_max);
        figures.blocked += (int64_t)__atomic_load_n(&stats->blocked_current, __ATOMIC_RELAXED);
        figures.timed += (int64_t)__atomic_load_n(&stats->blocked_timed, __ATOMIC_RELAXED);
    }
    info_write_fields(info, clients_fields, INFO_FIELD_COUNT(clients_fields), &figures);
}

#undef AT

/* --- persistence: snapshots, and the log of changes --- */

#define AT(field) offsetof(struct persistence_figures, field)

struct persistence_figures {
    int64_t changes, last_save_s, loading, keys_written, keys_total, is_running, is_scheduled, last_s, current_s, saves, expired, loaded, rows;
    int64_t file_bytes, waiting_bytes, last_bytes, last_waiting_bytes, bytes_per_s, eta_s;
    int64_t load_start_s, load_total, load_done, load_eta_s;
    double load_percent, save_percent;
    int64_t log_is_on, log_is_rewriting, log_is_scheduled, log_syncing, log_last_s, log_current_s, log_rewrites, log_failures;
    int64_t log_bytes, log_base_bytes, log_pending_bytes, log_delayed_syncs, log_frames, log_syncs;
    const char *last_status, *log_rewrite_status, *log_write_status;
};

static const struct info_field persistence_fields[] = {
    {"loading", INFO_INTEGER, AT(loading), NULL},
    {"async_loading", INFO_CONSTANT, 0, "0"},
    {"current_cow_peak", INFO_CONSTANT, 0, "0"},
    {"current_cow_size", INFO_CONSTANT, 0, "0"},
    {"current_cow_size_age", INFO_CONSTANT, 0, "0"},
    {"current_fork_perc", INFO_RATIO, AT(save_percent), NULL},
    {"current_save_keys_processed", INFO_INTEGER, AT(keys_written), NULL},
    {"current_save_keys_total", INFO_INTEGER, AT(keys_total), NULL},
    {"rdb_changes_since_last_save", INFO_INTEGER, AT(changes), NULL},
    {"rdb_bgsave_in_progress", INFO_INTEGER, AT(is_running), NULL},
    {"rdb_bgsave_scheduled", INFO_INTEGER, AT(is_scheduled), NULL},
    {"rdb_last_save_time", INFO_INTEGER, AT(last_save_s), NULL},
    {"rdb_last_bgsave_status", INFO_TEXT, AT(last_status), NULL},
    {"rdb_last_bgsave_time_sec", INFO_INTEGER, AT(last_s), NULL},
    {"rdb_current_bgsave_time_sec", INFO_INTEGER, AT(current_s), NULL},
    {"rdb_current_file_bytes", INFO_INTEGER, AT(file_bytes), NULL},
    {"rdb_current_bytes_per_sec", INFO_INTEGER, AT(bytes_per_s), NULL},
    {"rdb_current_eta_seconds", INFO_INTEGER, AT(eta_s), NULL},
    {"rdb_current_waiting_bytes", INFO_INTEGER, AT(waiting_bytes), NULL},
    {"rdb_last_file_bytes", INFO_INTEGER, AT(last_bytes), NULL},
    {"rdb_last_waiting_bytes_max", INFO_INTEGER, AT(last_waiting_bytes), NULL},
    {"rdb_saves", INFO_INTEGER, AT(saves), NULL},
    {"rdb_last_cow_size", INFO_CONSTANT, 0, "0"},
    {"rdb_last_load_keys_expired", INFO_INTEGER, AT(expired), NULL},
    {"rdb_last_load_keys_loaded", INFO_INTEGER, AT(loaded), NULL},
    {"rdb_last_load_rows_loaded", INFO_INTEGER, AT(rows), NULL},
    {"aof_enabled", INFO_INTEGER, AT(log_is_on), NULL},
    {"aof_rewrite_in_progress", INFO_INTEGER, AT(log_is_rewriting), NULL},
    {"aof_rewrite_scheduled", INFO_INTEGER, AT(log_is_scheduled), NULL},
    {"aof_last_rewrite_time_sec", INFO_INTEGER, AT(log_last_s), NULL},
    {"aof_current_rewrite_time_sec", INFO_INTEGER, AT(log_current_s), NULL},
    {"aof_last_bgrewrite_status", INFO_TEXT, AT(log_rewrite_status), NULL},
    {"aof_rewrites", INFO_INTEGER, AT(log_rewrites), NULL},
    {"aof_rewrites_consecutive_failures", INFO_INTEGER, AT(log_failures), NULL},
    {"aof_last_write_status", INFO_TEXT, AT(log_write_status), NULL},
    {"aof_last_cow_size", INFO_CONSTANT, 0, "0"},
    {"module_fork_in_progress", INFO_CONSTANT, 0, "0"},
    {"module_fork_last_cow_size", INFO_CONSTANT, 0, "0"},
};

/* While the log is on. */
static const struct info_field log_fields[] = {
    {"aof_current_size", INFO_INTEGER, AT(log_bytes), NULL},
    {"aof_base_size", INFO_INTEGER, AT(log_base_bytes), NULL},
    {"aof_pending_rewrite", INFO_INTEGER, AT(log_is_scheduled), NULL},
    {"aof_buffer_length", INFO_INTEGER, AT(log_pending_bytes), NULL},
    {"aof_pending_bio_fsync", INFO_INTEGER, AT(log_syncing), NULL},
    {"aof_delayed_fsync", INFO_INTEGER, AT(log_delayed_syncs), NULL},
    {"aof_frames", INFO_INTEGER, AT(log_frames), NULL},
    {"aof_fsyncs", INFO_INTEGER, AT(log_syncs), NULL},
};

static const struct info_field loading_fields[] = {
    {"loading_start_time", INFO_INTEGER, AT(load_start_s), NULL},
    {"loading_total_bytes", INFO_INTEGER, AT(load_total), NULL},
    {"loading_loaded_bytes", INFO_INTEGER, AT(load_done), NULL},
    {"loading_loaded_perc", INFO_RATIO, AT(load_percent), NULL},
    {"loading_eta_seconds", INFO_INTEGER, AT(load_eta_s), NULL},
};

/* By keys, since nobody knows how long the file will be: -1 while none is written, as when there are rows only. */
static void add_save_progress(struct persistence_figures *figures, const struct snapshot_figures *saving)
{
    figures->eta_s = -1;
    if (!saving->is_running) {
        return;
    }
    const double seconds = saving->current_ms > 0 ? (double)saving->current_ms / 1000 : 0.001;
    const double left = (double)(saving->keys - saving->written_keys);
    figures->bytes_per_s = (int64_t)((double)saving->file_bytes / seconds);
    if (saving->written_keys > 0) {
        figures->save_percent = 100.0 * (double)saving->written_keys / (double)saving->keys;
        figures->eta_s = (int64_t)(left * seconds / (double)saving->written_keys);
    }
}

static void add_snapshot_figures(struct persistence_figures *figures, struct server *server)
{
    struct snapshot_figures saving;
    snapshots_figures(server->snapshots, &saving);
    figures->keys_written = (int64_t)saving.written_keys;
    figures->keys_total = (int64_t)saving.keys;
    figures->is_running = saving.is_running;
    figures->is_scheduled = saving.is_scheduled;
    figures->last_status = saving.last_is_good ? "ok" : "err";
    figures->last_s = saving.last_seconds;
    figures->current_s = saving.current_ms < 0 ? -1 : saving.current_ms / 1000;
    add_save_progress(figures, &saving);
    figures->file_bytes = (int64_t)saving.file_bytes;
    figures->waiting_bytes = (int64_t)saving.waiting_bytes;
    figures->last_bytes = (int64_t)saving.last_bytes;
    figures->last_waiting_bytes = (int64_t)saving.last_waiting_bytes;
    figures->saves = (int64_t)saving.saves;
}

static void add_log_figures(struct persistence_figures *figures, const struct server *server)
{
    struct appendonly_figures log;
    appendonly_figures(server, &log);
    figures->log_is_on = log.is_on;
    figures->log_is_rewriting = log.is_rewriting;
    figures->log_is_scheduled = log.is_rewrite_scheduled;
    figures->log_syncing = (int64_t)log.syncs_under_way;
    if (log.is_copying) { /* the base is no save */
        figures->is_running = 0;
        figures->current_s = -1;
    }
    figures->log_last_s = log.last_rewrite_seconds;
    figures->log_current_s = log.current_rewrite_seconds;
    figures->log_rewrites = (int64_t)log.rewrites;
    figures->log_failures = (int64_t)log.rewrite_failures;
    figures->log_bytes = (int64_t)log.bytes;
    figures->log_base_bytes = (int64_t)log.base_bytes;
    figures->log_pending_bytes = (int64_t)log.pending_bytes;
    figures->log_delayed_syncs = (int64_t)log.delayed_syncs;
    figures->log_frames = (int64_t)log.frames;
    figures->log_syncs = (int64_t)log.syncs;
    figures->log_rewrite_status = log.last_rewrite_is_good ? "ok" : "err";
    figures->log_write_status = log.last_write_is_good ? "ok" : "err";
}

static void add_loading_figures(struct persistence_figures *figures, const struct server *server, int64_t now_ms)
{
    struct loading_figures loading;
    appendonly_loading_figures(server, &loading);
    const double done = (double)loading.loaded_bytes, total = (double)loading.total_bytes;
    const double passed_s = (double)(now_ms - loading.started_ms) / 1000;
    figures->loading = loading.is_loading;
    figures->expired = (int64_t)loading.expired;
    figures->loaded = (int64_t)loading.keys;
    figures->rows = (int64_t)loading.rows;
    figures->load_start_s = loading.started_ms / 1000;
    figures->load_total = (int64_t)loading.total_bytes;
    figures->load_done = (int64_t)loading.loaded_bytes;
    figures->load_percent = total > 0 ? 100 * done / total : 0;
    figures->load_eta_s = done > 0 ? (int64_t)(passed_s * (total - done) / done) : 1;
}

void info_write_persistence(struct info *info)
{
    struct server *server = info->server;
    struct persistence_figures figures = {.last_save_s = load(&server->last_save_ms) / 1000};
    for (uint32_t i = 0; i < server->shard_count; i++) {
        figures.changes += (int64_t)__atomic_load_n(&server->shards[i].changes, __ATOMIC_RELAXED);
    }
    add_snapshot_figures(&figures, server);
    add_loading_figures(&figures, server, info->now_ms);
    add_log_figures(&figures, server);
    info_write_fields(info, persistence_fields, INFO_FIELD_COUNT(persistence_fields), &figures);
    if (figures.log_is_on != 0) {
        info_write_fields(info, log_fields, INFO_FIELD_COUNT(log_fields), &figures);
    }
    if (figures.loading != 0) {
        info_write_fields(info, loading_fields, INFO_FIELD_COUNT(loading_fields), &figures);
    }
}

#undef AT

/* --- replication: a master without replicas --- */

#define AT(field) offsetof(struct replication_figures, field)

struct replication_figures {
    const char *id;
};

static const struct info_field replication_fields[] = {
    {"role", INFO_CONSTANT, 0, "master"},
    {"connected_slaves", INFO_CONSTANT, 0, "0"},
    {"master_failover_state", INFO_CONSTANT, 0, "no-failover"},
    {"master_replid", INFO_TEXT, AT(id), NULL},
    {"master_replid2", INFO_CONSTANT, 0, "0000000000000000000000000000000000000000"},
    {"master_repl_offset", INFO_CONSTANT, 0, "0"},
    {"second_repl_offset", INFO_CONSTANT, 0, "-1"},
    {"repl_backlog_active", INFO_CONSTANT, 0, "0"},
    {"repl_backlog_size", INFO_CONSTANT, 0, "1048576"},
    {"repl_backlog_first_byte_offset", INFO_CONSTANT, 0, "0"},
    {"repl_backlog_histlen", INFO_CONSTANT, 0, "0"},
};

/* Random, and the same until the process ends: drawn from the secret and the run's id. */
static void format_replication_id(const struct server *server, char out[REPLICATION_ID_LEN + 1])
{
    char text[sizeof server->run_id + 1];
    memcpy(text, server->run_id, sizeof server->run_id);
    for (size_t at = 0; at < REPLICATION_ID_LEN; at += 8) {
        text[sizeof text - 1] = (char)('a' + at);
        const uint64_t hash = hash_bytes(&server->secret, (struct bytes){text, sizeof text});
        (void)snprintf(out + at, 9, "%08x", (unsigned)hash);
    }
}

void info_write_replication(struct info *info)
{
    char id[REPLICATION_ID_LEN + 1];
    format_replication_id(info->server, id);
    const struct replication_figures figures = {.id = id};
    info_write_fields(info, replication_fields, INFO_FIELD_COUNT(replication_fields), &figures);
}

#undef AT

/* --- cpu --- */

#define AT(field) offsetof(struct cpu_figures, field)

struct cpu_figures {
    double system_s, user_s, children_system_s, children_user_s, main_system_s, main_user_s;
};

static const struct info_field cpu_fields[] = {
    {"used_cpu_sys", INFO_SECONDS, AT(system_s), NULL},
    {"used_cpu_user", INFO_SECONDS, AT(user_s), NULL},
    {"used_cpu_sys_children", INFO_SECONDS, AT(children_system_s), NULL},
    {"used_cpu_user_children", INFO_SECONDS, AT(children_user_s), NULL},
    {"used_cpu_sys_main_thread", INFO_SECONDS, AT(main_system_s), NULL},
    {"used_cpu_user_main_thread", INFO_SECONDS, AT(main_user_s), NULL},
};

static double seconds(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

/* The process's first thread, from the fields 14 and 15 of its stat file (after the name in parentheses). */
static void read_main_thread(double *system_s, double *user_s)
{
    char path[64], text[1024];
    (void)snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)getpid());
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return;
    }
    const size_t len = fread(text, 1, sizeof text - 1, file);
    (void)fclose(file);
    text[len] = '\0';
    unsigned long long user = 0, system = 0;
    const char *after_name = strrchr(text, ')');
    if (after_name != NULL && sscanf(after_name + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu",
                                     &user, &system) == 2) {
        const double ticks = (double)sysconf(_SC_CLK_TCK);
        *user_s = (double)user / ticks;
        *system_s = (double)system / ticks;
    }
}

void info_write_cpu(struct info *info)
{
    struct rusage own = {0}, children = {0};
    (void)getrusage(RUSAGE_SELF, &own);
    (void)getrusage(RUSAGE_CHILDREN, &children);
    struct cpu_figures figures = {
        .system_s = seconds(own.ru_stime),
        .user_s = seconds(own.ru_utime),
        .children_system_s = seconds(children.ru_stime),
        .children_user_s = seconds(children.ru_utime),
    };
    read_main_thread(&figures.main_system_s, &figures.main_user_s);
    info_write_fields(info, cpu_fields, INFO_FIELD_COUNT(cpu_fields), &figures);
}

#undef AT

/* --- cluster, keyspace --- */

void info_write_cluster(struct info *info)
{
    info_printf(info, "cluster_enabled:%d\r\n", load(&info->server->config->shard_ports) != 0);
}

void info_look_at_keyspace(struct info *info)
{
    const struct server *server = info->server;
    const int64_t databases = load(&server->config->databases);
    for (int64_t db = 0; db < databases; db++) {
        uint64_t keys = 0, expiring = 0;
        double ttl_sum_ms = 0;
        for (uint32_t i = 0; i < server->shard_count; i++) {
            const struct keyspace *ks = &server->shards[i].databases[db];
            const uint64_t expiring_here = __atomic_load_n(&ks->expiring_count, __ATOMIC_RELAXED);
            keys += __atomic_load_n(&ks->key_count, __ATOMIC_RELAXED);
            expiring += expiring_here;
            ttl_sum_ms += (double)__atomic_load_n(&ks->ttl_sum_hint_ms, __ATOMIC_RELAXED) * (double)expiring_here;
        }
        if (keys > 0) {
            const double average_ms = expiring > 0 ? ttl_sum_ms / (double)expiring : 0;
            info_printf(info, "db%lld:keys=%llu,expires=%llu,avg_ttl=%lld\r\n", (long long)db, (unsigned long long)keys,
                        (unsigned long long)expiring, (long long)average_ms);
        }
    }
}

void info_write_keyspace(struct info *info)
{
    info->is_refused = !buffer_append(&info->text, info->keyspace) || info->is_refused;
}

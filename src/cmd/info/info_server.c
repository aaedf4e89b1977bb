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
    {"redis_version", INFO_CONSTANT, .constant = "7.0.15", .metric = "redis_version"},
    {"redis_git_sha1", INFO_CONSTANT, .constant = "00000000"},
    {"redis_git_dirty", INFO_CONSTANT, .constant = "0"},
    {"redis_build_id", INFO_TEXT, .offset = AT(build_id)},
    {"tessera_version", INFO_CONSTANT, .constant = TESSERA_VERSION, .metric = "version"},
    {"redis_mode", INFO_TEXT, AT(mode), .metric = "mode"},
    {"os", INFO_TEXT, .offset = AT(os)},
    {"arch_bits", INFO_CONSTANT, .constant = "64"},
    {"monotonic_clock", INFO_CONSTANT, .constant = "POSIX clock_gettime"},
    {"multiplexing_api", INFO_TEXT, AT(engine), .metric = "io_engine"},
    {"atomicvar_api", INFO_CONSTANT, .constant = "c11-builtin"},
    {"gcc_version", INFO_TEXT, .offset = AT(gcc_version)},
    {"process_id", INFO_INTEGER, .offset = AT(process_id)},
    {"process_supervised", INFO_TEXT, .offset = AT(process_supervised)},
    {"run_id", INFO_TEXT, AT(run_id), .metric = "run_id"},
    {"tcp_port", INFO_INTEGER, .offset = AT(tcp_port)},
    {"server_time_usec", INFO_INTEGER, .offset = AT(time_us)},
    {"uptime_in_seconds", INFO_INTEGER, AT(uptime_s), .metric = "uptime_seconds", .help = "Seconds since the start."},
    {"uptime_in_days", INFO_INTEGER, .offset = AT(uptime_days)},
    {"hz", INFO_INTEGER, .offset = AT(hz)},
    {"configured_hz", INFO_INTEGER, .offset = AT(hz)},
    {"lru_clock", INFO_INTEGER, .offset = AT(lru_clock)},
    {"executable", INFO_TEXT, .offset = AT(executable)},
    {"config_file", INFO_TEXT, .offset = AT(config_file)},
    {"io_threads_active", INFO_INTEGER, .offset = AT(io_threads_active)},
    {"shards", INFO_INTEGER, AT(shards), .metric = "shards", .help = "Shards, each with a thread."},
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
    {"connected_clients", INFO_INTEGER, AT(connected), .metric = "connected_clients", .help = "Connections that are open."},
    {"cluster_connections", INFO_CONSTANT, .constant = "0"},
    {"maxclients", INFO_INTEGER, AT(maxclients), .metric = "connected_clients_max", .help = "Connections that may be open: maxclients."},
    {"client_recent_max_input_buffer", INFO_INTEGER, AT(input_max), .metric = "client_recent_input_buffer_max_bytes",
     .help = "The biggest query buffer of late."},
    {"client_recent_max_output_buffer", INFO_INTEGER, AT(output_max), .metric = "client_recent_output_buffer_max_bytes",
     .help = "The biggest output of late that waited to be sent."},
    {"blocked_clients", INFO_INTEGER, AT(blocked), .metric = "blocked_clients", .help = "Clients that wait in a blocking command."},
    {"tracking_clients", INFO_INTEGER, AT(tracking), .metric = "tracking_clients", .help = "Clients that CLIENT TRACKING keeps informed."},
    {"clients_in_timeout_table", INFO_INTEGER, AT(timed), .metric = "blocked_clients_with_timeout",
     .help = "Blocked clients whose wait ends by itself."},
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
    int64_t last_is_good, log_rewrite_is_good, log_write_is_good;
};

static const struct info_field persistence_fields[] = {
    {"loading", INFO_INTEGER, AT(loading), .metric = "loading", .help = "1 while data are being loaded."},
    {"async_loading", INFO_CONSTANT, .constant = "0"},
    {"current_cow_peak", INFO_CONSTANT, .constant = "0"},
    {"current_cow_size", INFO_CONSTANT, .constant = "0"},
    {"current_cow_size_age", INFO_CONSTANT, .constant = "0"},
    {"current_fork_perc", INFO_RATIO, .offset = AT(save_percent)},
    {"current_save_keys_processed", INFO_INTEGER, AT(keys_written), .metric = "rdb_current_save_keys_written",
     .help = "Keys that the save under way has written."},
    {"current_save_keys_total", INFO_INTEGER, AT(keys_total), .metric = "rdb_current_save_keys", .help = "Keys that the save under way will write."},
    {"rdb_changes_since_last_save", INFO_INTEGER, AT(changes), .metric = "rdb_changes_since_last_save", .help = "Changes since the last save."},
    {"rdb_bgsave_in_progress", INFO_INTEGER, AT(is_running), .metric = "rdb_save_in_progress", .help = "1 while a save is under way."},
    {"rdb_bgsave_scheduled", INFO_INTEGER, AT(is_scheduled), .metric = "rdb_save_scheduled", .help = "1 while a save is to come."},
    {"rdb_last_save_time", INFO_INTEGER, AT(last_save_s), .metric = "rdb_last_save_timestamp_seconds",
     .help = "When the last good save was, or the start."},
    {"rdb_last_bgsave_status", INFO_STATUS, AT(last_is_good), .metric = "rdb_last_save_ok", .help = "0: the last save has failed."},
    {"rdb_last_bgsave_time_sec", INFO_INTEGER, AT(last_s), .metric = "rdb_last_save_duration_seconds",
     .help = "How long the last save took; -1: there was none."},
    {"rdb_current_bgsave_time_sec", INFO_INTEGER, AT(current_s), .metric = "rdb_current_save_duration_seconds",
     .help = "How long the save under way has taken; -1: there is none."},
    {"rdb_current_file_bytes", INFO_INTEGER, AT(file_bytes), .metric = "rdb_current_save_file_bytes",
     .help = "Bytes that the save under way has written."},
    {"rdb_current_bytes_per_sec", INFO_INTEGER, AT(bytes_per_s), .metric = "rdb_current_save_bytes_per_second",
     .help = "How fast the save under way is written."},
    {"rdb_current_eta_seconds", INFO_INTEGER, AT(eta_s), .metric = "rdb_current_save_eta_seconds",
     .help = "When the save under way will be done; -1: nobody knows."},
    {"rdb_current_waiting_bytes", INFO_INTEGER, AT(waiting_bytes), .metric = "rdb_current_save_waiting_bytes",
     .help = "Bytes of the save under way that wait for the disk."},
    {"rdb_last_file_bytes", INFO_INTEGER, AT(last_bytes), .metric = "rdb_last_save_file_bytes", .help = "Bytes of the last file."},
    {"rdb_last_waiting_bytes_max", INFO_INTEGER, AT(last_waiting_bytes), .metric = "rdb_last_save_waiting_max_bytes",
     .help = "The most bytes of the last save that waited for the disk."},
    {"rdb_saves", INFO_INTEGER, AT(saves), .metric = "rdb_saves_total", .help = "Saves that were good."},
    {"rdb_last_cow_size", INFO_CONSTANT, .constant = "0"},
    {"rdb_last_load_keys_expired", INFO_INTEGER, AT(expired), .metric = "rdb_last_load_expired_keys",
     .help = "Keys in the file that was loaded whose time had come."},
    {"rdb_last_load_keys_loaded", INFO_INTEGER, AT(loaded), .metric = "rdb_last_load_keys", .help = "Keys that were loaded."},
    {"rdb_last_load_rows_loaded", INFO_INTEGER, AT(rows), .metric = "rdb_last_load_rows", .help = "Rows of tables that were loaded."},
    {"aof_enabled", INFO_INTEGER, AT(log_is_on), .metric = "aof_enabled", .help = "1: changes are logged."},
    {"aof_rewrite_in_progress", INFO_INTEGER, AT(log_is_rewriting), .metric = "aof_rewrite_in_progress",
     .help = "1 while the log is being rewritten."},
    {"aof_rewrite_scheduled", INFO_INTEGER, AT(log_is_scheduled), .metric = "aof_rewrite_scheduled",
     .help = "1 while a rewrite of the log is to come."},
    {"aof_last_rewrite_time_sec", INFO_INTEGER, AT(log_last_s), .metric = "aof_last_rewrite_duration_seconds",
     .help = "How long the last rewrite took; -1: there was none."},
    {"aof_current_rewrite_time_sec", INFO_INTEGER, AT(log_current_s), .metric = "aof_current_rewrite_duration_seconds",
     .help = "How long the rewrite under way has taken; -1: there is none."},
    {"aof_last_bgrewrite_status", INFO_STATUS, AT(log_rewrite_is_good), .metric = "aof_last_rewrite_ok", .help = "0: the last rewrite has failed."},
    {"aof_rewrites", INFO_INTEGER, AT(log_rewrites), .metric = "aof_rewrites_total", .help = "Rewrites of the log that were good."},
    {"aof_rewrites_consecutive_failures", INFO_INTEGER, AT(log_failures), .metric = "aof_rewrite_consecutive_failures",
     .help = "Rewrites of the log that have failed since the last good one."},
    {"aof_last_write_status", INFO_STATUS, AT(log_write_is_good), .metric = "aof_last_write_ok", .help = "0: the log cannot be written."},
    {"aof_last_cow_size", INFO_CONSTANT, .constant = "0"},
    {"module_fork_in_progress", INFO_CONSTANT, .constant = "0"},
    {"module_fork_last_cow_size", INFO_CONSTANT, .constant = "0"},
};

/* While the log is on. */
static const struct info_field log_fields[] = {
    {"aof_current_size", INFO_INTEGER, AT(log_bytes), .metric = "aof_size_bytes", .help = "Bytes of the log."},
    {"aof_base_size", INFO_INTEGER, AT(log_base_bytes), .metric = "aof_base_bytes", .help = "Bytes of the log after its last rewrite."},
    {"aof_pending_rewrite", INFO_INTEGER, .offset = AT(log_is_scheduled)},
    {"aof_buffer_length", INFO_INTEGER, AT(log_pending_bytes), .metric = "aof_buffer_bytes", .help = "Bytes of the log that are not written yet."},
    {"aof_pending_bio_fsync", INFO_INTEGER, AT(log_syncing), .metric = "aof_fsyncs_pending", .help = "Syncs of the log that are under way."},
    {"aof_delayed_fsync", INFO_INTEGER, AT(log_delayed_syncs), .metric = "aof_delayed_fsyncs_total",
     .help = "Syncs of the log that had to wait for another."},
    {"aof_frames", INFO_INTEGER, AT(log_frames), .metric = "aof_frames_total", .help = "Frames that the log was given."},
    {"aof_fsyncs", INFO_INTEGER, AT(log_syncs), .metric = "aof_fsyncs_total", .help = "Syncs of the log."},
};

static const struct info_field loading_fields[] = {
    {"loading_start_time", INFO_INTEGER, AT(load_start_s), .metric = "loading_start_timestamp_seconds", .help = "When loading began."},
    {"loading_total_bytes", INFO_INTEGER, AT(load_total), .metric = "loading_file_bytes", .help = "Bytes that are to be loaded."},
    {"loading_loaded_bytes", INFO_INTEGER, AT(load_done), .metric = "loading_done_bytes", .help = "Bytes that were loaded."},
    {"loading_loaded_perc", INFO_RATIO, .offset = AT(load_percent)},
    {"loading_eta_seconds", INFO_INTEGER, AT(load_eta_s), .metric = "loading_eta_seconds", .help = "When loading will be done."},
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
    figures->last_is_good = saving.last_is_good;
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
    figures->log_rewrite_is_good = log.last_rewrite_is_good;
    figures->log_write_is_good = log.last_write_is_good;
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
    {"role", INFO_CONSTANT, .constant = "master"},
    {"connected_slaves", INFO_CONSTANT, .constant = "0"},
    {"master_failover_state", INFO_CONSTANT, .constant = "no-failover"},
    {"master_replid", INFO_TEXT, .offset = AT(id)},
    {"master_replid2", INFO_CONSTANT, .constant = "0000000000000000000000000000000000000000"},
    {"master_repl_offset", INFO_CONSTANT, .constant = "0"},
    {"second_repl_offset", INFO_CONSTANT, .constant = "-1"},
    {"repl_backlog_active", INFO_CONSTANT, .constant = "0"},
    {"repl_backlog_size", INFO_CONSTANT, .constant = "1048576"},
    {"repl_backlog_first_byte_offset", INFO_CONSTANT, .constant = "0"},
    {"repl_backlog_histlen", INFO_CONSTANT, .constant = "0"},
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
    {"used_cpu_sys", INFO_SECONDS, AT(system_s), .metric = "cpu_system_seconds_total", .help = "CPU time of the process in the kernel."},
    {"used_cpu_user", INFO_SECONDS, AT(user_s), .metric = "cpu_user_seconds_total", .help = "CPU time of the process outside of the kernel."},
    {"used_cpu_sys_children", INFO_SECONDS, .offset = AT(children_system_s)},
    {"used_cpu_user_children", INFO_SECONDS, .offset = AT(children_user_s)},
    {"used_cpu_sys_main_thread", INFO_SECONDS, AT(main_system_s), .metric = "cpu_main_thread_system_seconds_total",
     .help = "CPU time of the thread that accepts connections, in the kernel."},
    {"used_cpu_user_main_thread", INFO_SECONDS, AT(main_user_s), .metric = "cpu_main_thread_user_seconds_total",
     .help = "CPU time of the thread that accepts connections, outside of the kernel."},
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

static const struct info_field cluster_fields[] = {
    {"cluster_enabled", INFO_INTEGER, 0, .metric = "cluster_enabled", .help = "1: each shard has a port of its own (shard-ports)."},
};

void info_write_cluster(struct info *info)
{
    const int64_t is_enabled = load(&info->server->config->shard_ports) != 0;
    info_write_fields(info, cluster_fields, INFO_FIELD_COUNT(cluster_fields), &is_enabled);
}

#define AT(field) offsetof(struct database_figures, field)

struct database_figures {
    int64_t keys, expires, average_ttl_ms, timed_hashes;
};

static const struct info_field database_fields[] = {
    {"keys", INFO_INTEGER, AT(keys), .metric = "db_keys", .help = "Keys."},
    {"expires", INFO_INTEGER, AT(expires), .metric = "db_expiring_keys", .help = "Keys with a time to live."},
    {"avg_ttl", INFO_INTEGER, AT(average_ttl_ms), .metric = "db_average_ttl_seconds", .help = "Their time to live, on average.", .scale = 1e-3},
    {"subexpiry", INFO_INTEGER, AT(timed_hashes), .metric = "db_timed_hashes", .help = "Hashes some of whose fields have a time to live."},
};

/* Databases without keys are not shown. */
static bool look_at_database(const struct info *info, const void *context, uint32_t db, char name[INFO_NAME_MAX], void *out)
{
    (void)context;
    const struct server *server = info->server;
    struct database_figures *figures = out;
    double ttl_sum_ms = 0;
    for (uint32_t i = 0; i < server->shard_count; i++) {
        const struct keyspace *ks = &server->shards[i].databases[db];
        const uint64_t expiring_here = __atomic_load_n(&ks->expiring_count, __ATOMIC_RELAXED);
        figures->keys += (int64_t)__atomic_load_n(&ks->key_count, __ATOMIC_RELAXED);
        figures->expires += (int64_t)expiring_here;
        figures->timed_hashes += (int64_t)__atomic_load_n(&ks->timed_hashes.count, __ATOMIC_RELAXED);
        ttl_sum_ms += (double)__atomic_load_n(&ks->ttl_sum_hint_ms, __ATOMIC_RELAXED) * (double)expiring_here;
    }
    figures->average_ttl_ms = figures->expires > 0 ? (int64_t)(ttl_sum_ms / (double)figures->expires) : 0;
    (void)snprintf(name, INFO_NAME_MAX, "%u", db);
    return figures->keys > 0;
}

void info_look_at_keyspace(struct info *info)
{
    const struct info_group databases = {.line = "db", .label = "db", .fields = database_fields, .field_count = INFO_FIELD_COUNT(database_fields),
                                         .figures_size = sizeof(struct database_figures), .fill = look_at_database};
    info_write_group(info, &databases, (uint32_t)load(&info->server->config->databases));
}

#undef AT

void info_write_keyspace(struct info *info)
{
    info->is_refused = !buffer_append(&info->text, info->keyspace) || info->is_refused;
}

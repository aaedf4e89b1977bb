/* main.c - the server from start to end: configuration, sockets, shards, and the acceptor, which is the main thread.  */
#include "appendonly/appendonly.h"
#include "cmd/commands.h"
#include "cmd/script/function_file.h"
#include "cmd/slow/command_log.h"
#include "cmd/slow/latency_log.h"
#include "cmd/slow/observer.h"
#include "config/config.h"
#include "config/file_limit.h"
#include "loop/acceptor.h"
#include "loop/server.h"
#include "mem/heap.h"
#include "net/ring.h"
#include "server/metrics_port.h"
#include "server/open_listeners.h"
#include "script/engine.h"
#include "script/functions.h"
#include "server/special_options.h"
#include "server/tls_at_start.h"
#include "server/users_at_start.h"
#include "shard/log.h"
#include "shard/start_error.h"
#include "shard/supervisor.h"
#include "shard/server.h"
#include "snapshot/backup.h"
#include "snapshot/ending.h"
#include "snapshot/loading.h"
#include "snapshot/snapshot.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static int64_t number(const _Atomic int64_t *field)
{
    return atomic_load_explicit(field, memory_order_relaxed);
}

static void choose_shard_count(struct config *config)
{
    if (number(&config->shards) == 0) {
        long cores = sysconf(_SC_NPROCESSORS_ONLN);
        cores = cores < 1 ? 1 : cores > SHARD_COUNT_MAX ? SHARD_COUNT_MAX : cores;
        atomic_store(&config->shards, cores);
    }
}

/* Descriptors of rings and ports beyond those that file_limit_raise keeps for the server itself. */
static int64_t extra_files(const struct config *config)
{
    enum { SHARDS_KEPT_FOR = 64 };
    const int64_t extra = number(&config->shards) - SHARDS_KEPT_FOR;
    const int64_t of_metrics = number(&config->metrics_port) != 0 ? HTTP_FILES + 2 : 0;
    const int64_t ports = number(&config->shard_ports) == 0 ? 0 : (number(&config->port) != 0) + (number(&config->tls_port) != 0);
    return of_metrics + (extra <= 0 ? 0 : extra * (1 + ports));
}

/* maxclients needs as many descriptors; where the limit cannot be raised, maxclients comes down, as in Redis. */
static void raise_file_limit(struct config *config)
{
    int64_t wanted = number(&config->maxclients);
    const int64_t extra = extra_files(config);
    int64_t possible = file_limit_raise(wanted + extra) - extra;
    possible = possible < 1 ? 1 : possible;
    if (possible < wanted) {
        log_write(config, LOG_LEVEL_WARNING, "too few open files are allowed here: maxclients is %lld instead of %lld",
                  (long long)possible, (long long)wanted);
        atomic_store(&config->maxclients, possible);
    }
}

/* Can a shard's ring be had with io_uring? False: errno. */
static bool has_uring(void)
{
    enum { BUFFERS = 16 };
    struct ring ring;
    if (!ring_open(&ring, RING_URING, BUFFERS)) {
        return false;
    }
    ring_close(&ring);
    ring_forget(&ring);
    return true;
}

/* A descriptor beyond what the engine can watch cannot be had. */
static void limit_files(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_max > RING_FILES_MAX) {
        limit.rlim_max = RING_FILES_MAX;
        limit.rlim_cur = limit.rlim_cur < RING_FILES_MAX ? limit.rlim_cur : RING_FILES_MAX;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* From here on `io-engine` is one of the two. False: it is not to be had, which was said. */
static bool choose_io_engine(struct config *config)
{
    const int64_t wanted = number(&config->io_engine);
    if (wanted != IO_ENGINE_EPOLL && has_uring()) {
        atomic_store(&config->io_engine, IO_ENGINE_URING);
        return true;
    }
    if (wanted == IO_ENGINE_URING) {
        start_error_say(config, "cannot start: %s; io-engine auto or epoll does without", ring_refusal_text(errno));
        return false;
    }
    if (wanted == IO_ENGINE_AUTO) {
        log_write(config, LOG_LEVEL_NOTICE, "%s: epoll is used (io-engine)", ring_refusal_text(errno));
    }
    atomic_store(&config->io_engine, IO_ENGINE_EPOLL);
    limit_files();
    return true;
}

/* `daemonize yes`: the parent ends at once, unless it is supervised. Before any thread or ring is made, neither of which survives a fork. */
static bool go_to_background(const struct config *config)
{
    if (number(&config->daemonize) == 0 || supervisor_is_there(config) || daemon(1, 0) == 0) {
        return true;
    }
    fprintf(stderr, "tessera-server: cannot go to the background: %s\n", strerror(errno));
    return false;
}

static void write_pid_file(struct config *config, char path[4096])
{
    config_text_copy(config, &config->pidfile, path, 4096);
    if (path[0] == 0) {
        return;
    }
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        log_write(config, LOG_LEVEL_WARNING, "cannot write pidfile %s: %s", path, strerror(errno));
        path[0] = 0;
        return;
    }
    fprintf(file, "%d\n", (int)getpid());
    fclose(file);
}

/* SIGTERM and SIGINT are taken by open_listeners while it waits, then read from a descriptor by the acceptor; threads inherit the
 * mask. */
static void block_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a file at the limit of its size: write fails */
}

static bool refuse_start(const struct server *server, const char *error)
{
    start_error_say(server->config, "cannot start: %s", error);
    return false;
}

/* With `appendonly yes` what the log has; with `no`, or when there is no log yet, what the last snapshot has, if there is one. False: it cannot be
 * loaded. */
static bool begin_loading(struct server *server)
{
    char name[APPENDONLY_PATH_BYTES], log_error[APPENDONLY_ERROR_MAX], error[LOADING_ERROR_MAX];
    enum appendonly_opened log = APPENDONLY_NONE;
    const bool has_log = number(&server->config->appendonly) != 0;
    if (has_log) {
        log = appendonly_open(server->logged.appendonly, name, log_error);
        if (log == APPENDONLY_REFUSED) {
            return refuse_start(server, log_error);
        }
    }
    if (log == APPENDONLY_NONE) {
        config_text_copy(server->config, &server->config->dbfilename, name, sizeof name);
    }
    const enum loading_opened opened = name[0] == 0 ? LOADING_NO_FILE : loading_open(server, name, error);
    if (opened == LOADING_REFUSED || (opened == LOADING_NO_FILE && log == APPENDONLY_FOUND && name[0] != 0)) {
        return refuse_start(server, error);
    }
    if (opened == LOADING_OPENED && has_log) {
        loading_be_followed(server);
    }
    return true;
}

static bool serve(struct server *server, struct listeners *listeners, struct metrics_port *metrics_port)
{
    struct config *config = server->config;
    if (!begin_loading(server)) {
        listeners_close(listeners);
        _exit(EXIT_FAILURE);
    }
    const bool is_loading = server_is_loading(server);
    if (!metrics_port_start(metrics_port, server)) {
        fprintf(stderr, "tessera-server: cannot start: metrics-port: %s\n", strerror(errno));
        listeners_close(listeners);
        _exit(EXIT_FAILURE);
    }
    if (!server_start_threads(server)) {
        fprintf(stderr, "tessera-server: cannot start: %s\n", ring_refusal_text(errno));
        /* Some threads may run and others not: they cannot be stopped together, so the process ends with them. */
        listeners_close(listeners);
        _exit(EXIT_FAILURE);
    }
    log_write(config, LOG_LEVEL_NOTICE, "Tessera " TESSERA_VERSION ", %u shards, pid %d, memory by %s", server->shard_count,
              (int)getpid(), mem_allocator_name());
    if (!is_loading) {
        loading_say_ready(server);
    }
    bool is_good = acceptor_run(server, listeners, metrics_port->inside_fds[0]);
    if (!is_good) {
        fprintf(stderr, "tessera-server: cannot accept connections: %s\n", ring_refusal_text(errno));
        server_stop(server);
    }
    supervisor_say_stopping(config);
    /* Before the connections are ended, which may take a while: the next server can listen. */
    metrics_port_stop(metrics_port);
    metrics_port_close(metrics_port);
    listeners_close(listeners);
    server_join_threads(server);
    if (!is_good) {
        return false;
    }
    appendonly_end(server->logged.appendonly);
    log_write(config, LOG_LEVEL_WARNING, "Tessera is now ready to exit, bye bye...");
    return true;
}

static const struct snapshot_hooks snapshot_hooks = {.write_functions = function_file_write, .load_function = function_file_load};

static bool logs_create(struct server *server)
{
    server->command_log = command_log_create();
    server->latency_log = latency_log_create();
    server->scripts = script_engine_create(server);
    server->functions = functions_create(server->shard_count);
    server->snapshots = snapshots_create(server, &snapshot_hooks);
    server->ending = ending_create(server);
    server->backups = backups_create(server);
    return appendonly_create(server) != NULL && server->command_log != NULL && server->latency_log != NULL && server->scripts != NULL && server->functions != NULL &&
           server->snapshots != NULL && server->ending != NULL && server->backups != NULL;
}

static void say_notice(struct bytes names, const char *reason, void *config)
{
    log_write(config, LOG_LEVEL_NOTICE, "No effect here: %.*s: %s", (int)names.len, names.data, reason);
}

/* What the configuration asks for and does not get. */
static void say_notices(struct config *config)
{
    if (!config_visit_foreign(config, say_notice, config)) {
        log_write(config, LOG_LEVEL_WARNING, "No memory to say which directives have no effect");
    }
    if (number(&config->supervised) == SUPERVISED_SYSTEMD && !supervisor_is_there(config)) {
        log_write(config, LOG_LEVEL_WARNING, "supervised systemd: there is no NOTIFY_SOCKET, so systemd is not told anything");
    }
}

static bool run(struct config *config)
{
    struct listeners listeners = {0};
    struct metrics_port metrics_port;
    struct command_table commands;
    char pid_path[4096] = "";
    log_open(config);
    choose_shard_count(config);
    if (!choose_io_engine(config)) {
        return false;
    }
    raise_file_limit(config);
    say_notices(config);
    const enum open_outcome opened = open_listeners(config, &listeners, &metrics_port);
    if (opened != OPEN_DONE) {
        return opened == OPEN_STOPPED;
    }
    if (!command_table_create(&commands)) {
        fprintf(stderr, "tessera-server: out of memory\n");
        return false;
    }
    struct server_options options = {.config = config,
                                     .commands = commands.rows,
                                     .command_count = commands.count,
                                     .observer = &command_observer,
                                     .listeners = command_listeners,
                                     .row_changed = command_row_changed};
    struct server *server = server_create(&options);
    if (server == NULL || !logs_create(server)) {
        fprintf(stderr, "tessera-server: out of memory\n");
        return false;
    }
    char users_error[USERS_ERROR_MAX];
    if (!users_load(server->acl, users_error)) {
        return refuse_start(server, users_error);
    }
    char tls_error[TLS_ERROR_MAX];
    server->tls = tls_at_start(config, tls_error);
    if (server->tls == NULL) {
        return refuse_start(server, tls_error);
    }
    command_listeners_begin(server);
    write_pid_file(config, pid_path);
    bool is_good = serve(server, &listeners, &metrics_port);
    if (pid_path[0] != 0) {
        unlink(pid_path);
    }
    ending_destroy(server->ending);
    backups_stop(server->backups);
    snapshots_destroy(server->snapshots);
    appendonly_destroy(server->logged.appendonly);
    backups_destroy(server->backups);
    loading_destroy(server->loading);
    functions_destroy(server->functions);
    script_engine_destroy(server->scripts);
    command_log_destroy(server->command_log);
    latency_log_destroy(server->latency_log);
    tls_destroy(server->tls);
    server_destroy(server);
    command_table_destroy(&commands);
    return is_good;
}

int main(int argc, char **argv)
{
    int status;
    thread_heap_register();
    tls_library_count_memory();
    if (special_option_run(argc, argv, &status)) {
        return status;
    }
    block_signals();
    struct config *config = config_create();
    if (config != NULL) {
        config->is_command = command_is_known;
    }
    bool is_good = config != NULL && config_load(config, argc - 1, argv + 1) && go_to_background(config) && run(config);
    config_destroy(config);
    return is_good ? EXIT_SUCCESS : EXIT_FAILURE;
}

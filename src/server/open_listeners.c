/* open_listeners.c - see open_listeners.h.
 *
 * A try opens all or closes all, so that no client is let in by a server which may not start.  */
#include "server/open_listeners.h"

#include "base/clock.h"
#include "shard/log.h"
#include "shard/start_error.h"

#include <signal.h>
#include <stdio.h>
#include <time.h>

enum { RETRY_PAUSE_MS = 10, ERROR_MAX = 256 };

static int64_t number(const _Atomic int64_t *field)
{
    return atomic_load_explicit(field, memory_order_relaxed);
}

/* A port, and those of the shards behind it. 0: none. */
static enum listen_outcome add_ports(struct config *config, struct listeners *listeners, const char *bind, int64_t port, char error[ERROR_MAX])
{
    const int backlog = (int)number(&config->tcp_backlog);
    const int64_t shard_ports = port != 0 && number(&config->shard_ports) != 0 ? number(&config->shards) : 0;
    enum listen_outcome outcome = LISTEN_OK;
    if (port != 0) {
        outcome = listeners_add_tcp(listeners, bind, (uint16_t)port, backlog, LISTENER_ANY_SHARD, error);
    }
    for (int64_t i = 0; outcome == LISTEN_OK && i < shard_ports; i++) {
        outcome = listeners_add_tcp(listeners, bind, (uint16_t)(port + 1 + i), backlog, (int32_t)i, error);
    }
    return outcome;
}

static enum listen_outcome add_all(struct config *config, struct listeners *listeners, char error[ERROR_MAX])
{
    char bind[1024], unix_path[256];
    config_text_copy(config, &config->bind, bind, sizeof bind);
    config_text_copy(config, &config->unixsocket, unix_path, sizeof unix_path);
    const int backlog = (int)number(&config->tcp_backlog);
    enum listen_outcome outcome = add_ports(config, listeners, bind, number(&config->port), error);
    const uint32_t plain = listeners->count;
    if (outcome == LISTEN_OK) {
        outcome = add_ports(config, listeners, bind, number(&config->tls_port), error);
    }
    for (uint32_t i = plain; i < listeners->count; i++) {
        listeners->all[i].is_tls = true;
    }
    if (outcome == LISTEN_OK && unix_path[0] != 0) {
        outcome = listeners_add_unix(listeners, unix_path, (uint32_t)number(&config->unixsocketperm), backlog, error);
    }
    if (outcome != LISTEN_OK) {
        listeners_close(listeners);
    }
    return outcome;
}

static enum listen_outcome add_everything(struct config *config, struct listeners *listeners, struct metrics_port *metrics_port,
                                          char error[ERROR_MAX])
{
    metrics_port_init(metrics_port);
    enum listen_outcome outcome = add_all(config, listeners, error);
    if (outcome == LISTEN_OK) {
        outcome = metrics_port_open(metrics_port, config, error);
    }
    if (outcome != LISTEN_OK) {
        metrics_port_close(metrics_port);
        listeners_close(listeners);
    }
    return outcome;
}

/* False: the server shall stop. */
static bool pause_before_retry(struct config *config)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    const struct timespec pause = {.tv_nsec = RETRY_PAUSE_MS * 1000 * 1000};
    const int signal = sigtimedwait(&set, NULL, &pause);
    if (signal > 0) {
        log_write(config, LOG_LEVEL_WARNING, "Received %s, stopping", signal == SIGINT ? "SIGINT" : "SIGTERM");
    }
    return signal <= 0;
}

enum open_outcome open_listeners(struct config *config, struct listeners *listeners, struct metrics_port *metrics_port)
{
    char error[ERROR_MAX] = "";
    const int64_t retry_ms = number(&config->bind_retry_ms);
    const int64_t end_us = clock_monotonic_us() + retry_ms * 1000;
    enum listen_outcome outcome;
    for (bool is_first = true; (outcome = add_everything(config, listeners, metrics_port, error)) == LISTEN_IN_USE; is_first = false) {
        if (clock_monotonic_us() >= end_us) {
            break;
        }
        if (is_first) {
            log_write(config, LOG_LEVEL_WARNING, "%s; trying again for %lld ms", error, (long long)retry_ms);
        }
        if (!pause_before_retry(config)) {
            return OPEN_STOPPED;
        }
    }
    if (outcome != LISTEN_OK) {
        start_error_say(config, "%s", error);
        return OPEN_FAILED;
    }
    return OPEN_DONE;
}

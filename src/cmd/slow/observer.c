/* observer.c - what the loop tells the commands' logs: costly commands, slow events; and asks of them: what must not be shown.  */
#include "cmd/slow/observer.h"

#include "cmd/slow/command_log.h"
#include "cmd/slow/latency_log.h"
#include "cmd/slow/secret.h"
#include "exec/exec.h"
#include "shard/observer.h"
#include "shard/server.h"

static void note_slow_event(struct server *server, const char *event, int64_t duration_ms)
{
    int64_t threshold_ms = atomic_load_explicit(&server->config->latency_monitor_threshold, memory_order_relaxed);
    if (threshold_ms > 0 && duration_ms >= threshold_ms) {
        latency_log_add(server->latency_log, event, duration_ms);
    }
}

/* Into the list if its cost is `threshold` or more; negative: never. */
static void log_if_costly(struct server *server, enum command_log_list which, const struct costly_command *what,
                          const _Atomic int64_t *threshold, const _Atomic int64_t *limit)
{
    const int64_t least = atomic_load_explicit(threshold, memory_order_relaxed);
    if (least >= 0 && command_log_cost(what, which) >= (uint64_t)least) {
        command_log_add(server->command_log, which, what, (uint64_t)atomic_load_explicit(limit, memory_order_relaxed));
    }
}

static void note_costly_command(struct server *server, const struct costly_command *what)
{
    const struct config *config = server->config;
    if ((what->spec->flags & COMMAND_SKIP_SLOWLOG) == 0) {
        log_if_costly(server, COMMAND_LOG_SLOW, what, &config->slowlog_log_slower_than, &config->slowlog_max_len);
        log_if_costly(server, COMMAND_LOG_LARGE_REQUEST, what, &config->commandlog_request_larger_than, &config->commandlog_large_request_max_len);
        log_if_costly(server, COMMAND_LOG_LARGE_REPLY, what, &config->commandlog_reply_larger_than, &config->commandlog_large_reply_max_len);
    }
    const char *event = what->spec->flags & COMMAND_FAST ? "fast-command" : "command";
    note_slow_event(server, event, (int64_t)(what->duration_us / 1000));
}

const struct command_observer command_observer = {
    .costly_command = note_costly_command,
    .argument_is_secret = argument_is_secret,
    .slow_event = note_slow_event,
};

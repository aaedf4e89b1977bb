/* observer.c - what the loop tells the commands' logs: slow commands, slow events; and asks of them: what must not be shown.  */
#include "cmd/slow/observer.h"

#include "cmd/slow/latency_log.h"
#include "cmd/slow/secret.h"
#include "cmd/slow/slow_log.h"
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

static void note_slow_command(struct server *server, const struct slow_command *what)
{
    int64_t threshold_us = atomic_load_explicit(&server->config->slowlog_log_slower_than, memory_order_relaxed);
    if (threshold_us >= 0 && what->duration_us >= (uint64_t)threshold_us && !(what->spec->flags & COMMAND_SKIP_SLOWLOG)) {
        int64_t limit = atomic_load_explicit(&server->config->slowlog_max_len, memory_order_relaxed);
        slow_log_add(server->slow_log, what, (uint64_t)limit);
    }
    const char *event = what->spec->flags & COMMAND_FAST ? "fast-command" : "command";
    note_slow_event(server, event, (int64_t)(what->duration_us / 1000));
}

const struct command_observer command_observer = {
    .slow_command = note_slow_command,
    .argument_is_secret = argument_is_secret,
    .slow_event = note_slow_event,
};

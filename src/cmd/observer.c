/* observer.c - what the loop tells the commands' logs: slow commands, slow events, and what must not be shown.  */
#include "cmd/commands.h"
#include "cmd/latency_log.h"
#include "cmd/secret.h"
#include "cmd/slow_log.h"
#include "shard/server.h"

/* --- secrets --- */

/* AUTH [username] password: both, as in Redis. */
static bool auth_is_secret(const struct bytes *argv, uint32_t index)
{
    (void)argv;
    return index >= 1;
}

/* HELLO ... AUTH username password */
static bool hello_is_secret(const struct bytes *argv, uint32_t index)
{
    return (index >= 3 && bytes_equal_ignore_case(argv[index - 1], BYTES("AUTH"))) ||
           (index >= 4 && bytes_equal_ignore_case(argv[index - 2], BYTES("AUTH")));
}

/* CONFIG SET ... requirepass password */
static bool config_set_is_secret(const struct bytes *argv, uint32_t index)
{
    return index >= 3 && index % 2 == 1 && bytes_equal_ignore_case(argv[index - 1], BYTES("requirepass"));
}

static const struct {
    const char *name, *parent;
    bool (*is_secret)(const struct bytes *argv, uint32_t index);
} secrets[] = {
    {"auth", NULL, auth_is_secret},
    {"hello", NULL, hello_is_secret},
    {"set", "config", config_set_is_secret},
};

bool argument_is_secret(const struct command_spec *spec, const struct bytes *argv, uint32_t argc, uint32_t index)
{
    (void)argc;
    for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++) {
        const char *parent = spec->parent == NULL ? NULL : spec->parent->name;
        bool is_same_parent = parent == NULL ? secrets[i].parent == NULL
                                             : secrets[i].parent != NULL && strcmp(parent, secrets[i].parent) == 0;
        if (is_same_parent && strcmp(spec->name, secrets[i].name) == 0) {
            return secrets[i].is_secret(argv, index);
        }
    }
    return false;
}

/* --- logs --- */

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

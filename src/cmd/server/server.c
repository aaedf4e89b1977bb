/* server.c - TIME MONITOR; MODULE ROLE WAIT WAITAOF, which say what is true of a server without modules and replicas.  */
#include "base/clock.h"
#include "base/number.h"
#include "client/session.h"
#include "cmd/client/client.h"
#include "cmd/core/answers.h"
#include "cmd/core/option.h"
#include "cmd/server/server_rows.h"
#include "cmd/server/wait_log.h"
#include "exec/exec.h"
#include "shard/server.h"

static void command_time(struct exec *exec)
{
    int64_t now_us = clock_wall_us();
    reply_array(exec->reply, 2);
    reply_bulk_integer(exec->reply, now_us / 1000000);
    reply_bulk_integer(exec->reply, now_us % 1000000);
}

static void command_monitor(struct exec *exec)
{
    if (exec->depth > 0) {
        reply_error(exec->reply, "ERR MONITOR isn't allowed for DENY BLOCKING client");
        return;
    }
    client_set_monitor(exec, true);
    reply_ok(exec->reply);
}

static void command_module_list(struct exec *exec)
{
    reply_array(exec->reply, 0);
}

/* A master at offset 0, without replicas. */
static void command_role(struct exec *exec)
{
    reply_array(exec->reply, 3);
    reply_bulk_string(exec->reply, "master");
    reply_integer(exec->reply, 0);
    reply_array(exec->reply, 0);
}

/* There is nobody to acknowledge anything: who waits for replicas waits until the time is over. */
static void command_wait(struct exec *exec)
{
    int64_t replicas;
    struct block block = {.when_over = BLOCK_OVER_ZERO};
    if (exec_int64_argument(exec, 1, &replicas) && exec_timeout_ms_argument(exec, 2, &block.timeout_ms) &&
        (replicas <= 0 || !exec_block(exec, &block))) {
        reply_integer(exec->reply, 0);
    }
}

static bool is_logged(const struct server *server)
{
    return atomic_load_explicit(&server->config->appendonly, memory_order_relaxed) != 0;
}

/* Of Redis 7.2. There is no replica. In a transaction nobody waits. */
static void command_waitaof(struct exec *exec)
{
    int64_t local, replicas;
    struct block block = {.when_over = BLOCK_OVER_ZEROS};
    if (!exec_int64_argument(exec, 1, &local)) {
        return;
    }
    if (local < 0 || local > 1) {
        reply_error(exec->reply, "ERR value is out of range, value must between 0 and 1");
    } else if (!int64_parse(exec->argv[2], &replicas) || replicas < 0) {
        reply_error(exec->reply, "ERR value is out of range, must be positive");
    } else if (!exec_timeout_ms_argument(exec, 3, &block.timeout_ms)) {
        return;
    } else if (local > 0 && is_logged(exec->server) && exec->depth == 0) {
        if (!wait_log_start(exec, replicas > 0, block.timeout_ms)) {
            reply_result_error(exec->reply, RESULT_NO_MEMORY);
        }
    } else if (local > 0 && !is_logged(exec->server)) {
        reply_error(exec->reply, "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.");
    } else if (replicas == 0 || !exec_block(exec, &block)) {
        reply_array(exec->reply, 2);
        reply_integer(exec->reply, 0);
        reply_integer(exec->reply, 0);
    }
}

#define ADMIN_FLAGS (COMMAND_ADMIN | COMMAND_NOSCRIPT | COMMAND_LOADING | COMMAND_STALE)

static const struct command_spec module_subcommands[] = {
    {.name = "help", .run = command_help, .arity = 2, .scope = SCOPE_INSTANT, .flags = COMMAND_LOADING | COMMAND_STALE,
     .since = "5.0.0", .group = "server", .complexity = "O(1)", .summary = "Lists the subcommands."},
    {.name = "list", .run = command_module_list, .arity = 2, .scope = SCOPE_INSTANT,
     .flags = COMMAND_ADMIN | COMMAND_NOSCRIPT, .since = "4.0.0", .group = "server", .complexity = "O(1)",
     .summary = "Returns the loaded modules: always none.", .tips = "nondeterministic_output_order"},
    {0},
};

const struct command_spec server_commands[] = {
    {.name = "module", .arity = -2, .since = "4.0.0", .group = "server", .complexity = "Depends on the subcommand.",
     .summary = "Commands about modules, of which there are none.", .subcommands = module_subcommands},
    {.name = "monitor", .run = command_monitor, .arity = 1, .scope = SCOPE_SESSION, .flags = ADMIN_FLAGS, .since = "1.0.0",
     .group = "server", .summary = "Shows this connection every command that the server runs from now on."},
    {.name = "role", .run = command_role, .arity = 1, .scope = SCOPE_INSTANT,
     .flags = COMMAND_NOSCRIPT | COMMAND_LOADING | COMMAND_STALE | COMMAND_FAST, .since = "2.8.12", .group = "server",
     .acl = "admin dangerous", .complexity = "O(1)", .summary = "Returns the part in replication: a master without replicas."},
    {.name = "time", .run = command_time, .arity = 1, .scope = SCOPE_INSTANT,
     .flags = COMMAND_LOADING | COMMAND_STALE | COMMAND_FAST, .since = "2.6.0", .group = "server", .complexity = "O(1)",
     .summary = "Returns the server's wall clock: seconds since 1970, and microseconds.", .tips = "nondeterministic_output"},
    {.name = "wait", .run = command_wait, .arity = 3, .scope = SCOPE_SESSION, .flags = COMMAND_NOSCRIPT, .since = "3.0.0",
     .group = "generic", .acl = "connection -keyspace", .complexity = "O(1)",
     .summary = "Returns how many replicas have acknowledged the writes of this connection: 0, when the time is over.",
     .syntax = "numreplicas timeout", .tips = "request_policy:all_shards response_policy:agg_min"},
    {.name = "waitaof", .run = command_waitaof, .arity = 4, .scope = SCOPE_SESSION, .flags = COMMAND_BLOCKING, .since = "7.2.0",
     .group = "generic", .acl = "connection -keyspace", .complexity = "O(1)",
     .summary = "Returns how many append-only files have the writes of this connection, here and at replicas: none, when the time is over.",
     .syntax = "numlocal numreplicas timeout", .tips = "request_policy:all_shards response_policy:agg_min"},
    {0},
};

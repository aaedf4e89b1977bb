/* server.c - TIME SHUTDOWN MONITOR; LASTSAVE MODULE ROLE WAIT, which say what is true of a server without snapshots, modules and
 * replicas.  */
#include "base/clock.h"
#include "base/number.h"
#include "client/session.h"
#include "cmd/client/client.h"
#include "cmd/core/answers.h"
#include "cmd/core/option.h"
#include "cmd/server/server_rows.h"
#include "exec/exec.h"
#include "shard/server.h"

static void command_time(struct exec *exec)
{
    int64_t now_us = clock_wall_us();
    reply_array(exec->reply, 2);
    reply_bulk_integer(exec->reply, now_us / 1000000);
    reply_bulk_integer(exec->reply, now_us % 1000000);
}

enum { SHUTDOWN_NOSAVE = 1, SHUTDOWN_SAVE = 2, SHUTDOWN_NOW = 4, SHUTDOWN_FORCE = 8, SHUTDOWN_ABORT = 16 };

static const struct option shutdown_options[] = {
    {"NOSAVE", SHUTDOWN_NOSAVE, SHUTDOWN_SAVE | SHUTDOWN_ABORT, false},
    {"SAVE", SHUTDOWN_SAVE, SHUTDOWN_NOSAVE | SHUTDOWN_ABORT, false},
    {"NOW", SHUTDOWN_NOW, SHUTDOWN_ABORT, false},
    {"FORCE", SHUTDOWN_FORCE, SHUTDOWN_ABORT, false},
    {"ABORT", SHUTDOWN_ABORT, SHUTDOWN_NOSAVE | SHUTDOWN_SAVE | SHUTDOWN_NOW | SHUTDOWN_FORCE, false},
    {0},
};

/* The end is never delayed here (there are no replicas to wait for), so that NOW and FORCE ask for what is done anyway, and
 * nothing is ever there to abort.  */
static void command_shutdown(struct exec *exec)
{
    struct option_walk walk = {.at = 1};
    while (option_next(exec, shutdown_options, &walk)) {
    }
    if (walk.at < exec->argc) {
        reply_error(exec->reply, ERROR_SYNTAX);
    } else if (walk.flags & SHUTDOWN_ABORT) {
        reply_error(exec->reply, "ERR No shutdown in progress.");
    } else if (walk.flags & SHUTDOWN_SAVE) {
        reply_error(exec->reply, "ERR this version writes no snapshots: SHUTDOWN SAVE cannot be done");
    } else {
        server_stop(exec->server);
        exec_close_after_reply(exec);
    }
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

/* Of the start, as INFO's rdb_last_save_time. */
static void command_lastsave(struct exec *exec)
{
    reply_integer(exec->reply, atomic_load_explicit(&exec->server->last_save_ms, memory_order_relaxed) / 1000);
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

/* Nobody can acknowledge anything, so there is nothing to wait for. */
static void command_wait(struct exec *exec)
{
    int64_t replicas, timeout_ms;
    if (!exec_int64_argument(exec, 1, &replicas)) {
        return;
    }
    if (!int64_parse(exec->argv[2], &timeout_ms)) {
        reply_error(exec->reply, "ERR timeout is not an integer or out of range");
    } else if (timeout_ms < 0) {
        reply_error(exec->reply, "ERR timeout is negative");
    } else {
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
    {.name = "lastsave", .run = command_lastsave, .arity = 1, .scope = SCOPE_INSTANT,
     .flags = COMMAND_LOADING | COMMAND_STALE | COMMAND_FAST, .since = "1.0.0", .group = "server", .acl = "admin dangerous",
     .complexity = "O(1)", .summary = "Returns when the data were last saved; without snapshots, when the server started.",
     .tips = "nondeterministic_output"},
    {.name = "module", .arity = -2, .since = "4.0.0", .group = "server", .complexity = "Depends on the subcommand.",
     .summary = "Commands about modules, of which there are none.", .subcommands = module_subcommands},
    {.name = "monitor", .run = command_monitor, .arity = 1, .scope = SCOPE_SESSION, .flags = ADMIN_FLAGS, .since = "1.0.0",
     .group = "server", .summary = "Shows this connection every command that the server runs from now on."},
    {.name = "role", .run = command_role, .arity = 1, .scope = SCOPE_INSTANT,
     .flags = COMMAND_NOSCRIPT | COMMAND_LOADING | COMMAND_STALE | COMMAND_FAST, .since = "2.8.12", .group = "server",
     .acl = "admin dangerous", .complexity = "O(1)", .summary = "Returns the part in replication: a master without replicas."},
    {.name = "shutdown", .run = command_shutdown, .arity = -1, .scope = SCOPE_SESSION,
     .flags = ADMIN_FLAGS | COMMAND_NO_MULTI | COMMAND_ALLOW_BUSY, .since = "1.0.0", .group = "server", .complexity = "O(1)",
     .summary = "Ends the server.", .syntax = "[NOSAVE|SAVE] [NOW] [FORCE] [ABORT]"},
    {.name = "time", .run = command_time, .arity = 1, .scope = SCOPE_INSTANT,
     .flags = COMMAND_LOADING | COMMAND_STALE | COMMAND_FAST, .since = "2.6.0", .group = "server", .complexity = "O(1)",
     .summary = "Returns the server's wall clock: seconds since 1970, and microseconds.", .tips = "nondeterministic_output"},
    {.name = "wait", .run = command_wait, .arity = 3, .scope = SCOPE_INSTANT, .flags = COMMAND_NOSCRIPT, .since = "3.0.0",
     .group = "generic", .acl = "connection -keyspace", .complexity = "O(1)",
     .summary = "Returns how many replicas have acknowledged the writes of this connection: 0, at once.",
     .syntax = "numreplicas timeout", .tips = "request_policy:all_shards response_policy:agg_min"},
    {0},
};

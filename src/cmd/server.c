/* server.c - TIME SHUTDOWN MONITOR.  */
#include "base/clock.h"
#include "cmd/client.h"
#include "cmd/commands.h"
#include "cmd/option.h"
#include "shard/server.h"
#include "shard/session.h"

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
    client_set_monitor(exec, true);
    reply_ok(exec->reply);
}

#define ADMIN_FLAGS (COMMAND_ADMIN | COMMAND_NOSCRIPT | COMMAND_LOADING | COMMAND_STALE)

const struct command_spec server_commands[] = {
    {.name = "monitor", .run = command_monitor, .arity = 1, .scope = SCOPE_SESSION, .flags = ADMIN_FLAGS, .since = "1.0.0",
     .group = "server", .summary = "Shows this connection every command that the server runs from now on."},
    {.name = "shutdown", .run = command_shutdown, .arity = -1, .scope = SCOPE_SESSION,
     .flags = ADMIN_FLAGS | COMMAND_NO_MULTI | COMMAND_ALLOW_BUSY, .since = "1.0.0", .group = "server", .complexity = "O(1)",
     .summary = "Ends the server.", .syntax = "[NOSAVE|SAVE] [NOW] [FORCE] [ABORT]"},
    {.name = "time", .run = command_time, .arity = 1, .scope = SCOPE_INSTANT,
     .flags = COMMAND_LOADING | COMMAND_STALE | COMMAND_FAST, .since = "2.6.0", .group = "server", .complexity = "O(1)",
     .summary = "Returns the server's wall clock: seconds since 1970, and microseconds.", .tips = "nondeterministic_output"},
    {0},
};

/* append_only.c - BGREWRITEAOF WAITAOF: the log of changes.  */
#include "appendonly/appendonly.h"
#include "cmd/core/answers.h"
#include "cmd/persistence/persistence_rows.h"
#include "shard/server.h"
#include "snapshot/snapshot.h"

static bool snapshot_is_saved(const struct server *server)
{
    struct snapshot_figures figures;
    snapshots_figures(server->snapshots, &figures);
    return figures.is_running;
}

/* As Redis: in a transaction, and while a snapshot is being saved, it is scheduled. */
static void command_bgrewriteaof(struct exec *exec)
{
    struct appendonly_figures figures;
    appendonly_figures(exec->server, &figures);
    if (!figures.is_on) {
        reply_error(exec->reply, "ERR the log is off: CONFIG SET appendonly yes begins one, with a base");
    } else if (!figures.is_rewriting && (exec->depth > 0 || snapshot_is_saved(exec->server))) {
        appendonly_schedule_rewrite(exec->server->logged.appendonly);
        reply_simple(exec->reply, BYTES("Background append only file rewriting scheduled"));
    } else if (!appendonly_rewrite(exec->server->logged.appendonly)) {
        reply_error(exec->reply, "ERR Background append only file rewriting already in progress");
    } else {
        reply_simple(exec->reply, BYTES("Background append only file rewriting started"));
    }
}

const struct command_spec append_only_commands[] = {
    {.name = "bgrewriteaof", .run = command_bgrewriteaof, .arity = 1, .scope = SCOPE_SESSION,
     .flags = COMMAND_ADMIN | COMMAND_NOSCRIPT | COMMAND_NO_ASYNC_LOADING, .since = "1.0.0", .group = "server", .complexity = "O(1)",
     .summary = "Begins to write a new base of the log of changes, while commands go on."},
    {0},
};

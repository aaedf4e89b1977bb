/* save.c - SAVE BGSAVE LASTSAVE.
 *
 * SAVE waits for the end of a snapshot as BGSAVE makes it: other clients are served meanwhile.  */
#include "appendonly/appendonly.h"
#include "cmd/core/answers.h"
#include "cmd/core/option.h"
#include "cmd/persistence/persistence_rows.h"
#include "cmd/persistence/save_job.h"
#include "shard/server.h"
#include "snapshot/snapshot.h"

static enum job_status reply_saved(struct job *job, struct exec *exec, const char *error)
{
    (void)job;
    if (error != NULL) {
        reply_error(exec->reply, error);
    } else {
        reply_ok(exec->reply);
    }
    return JOB_DONE;
}

static void command_save(struct exec *exec)
{
    save_start(exec, SAVE_WAITS_FOR_END, reply_saved);
}

static enum job_status reply_begun(struct job *job, struct exec *exec, const char *error)
{
    (void)job;
    if (error != NULL) {
        reply_error(exec->reply, error);
    } else {
        reply_simple(exec->reply, BYTES("Background saving started"));
    }
    return JOB_DONE;
}

enum { BGSAVE_SCHEDULE = 1, BGSAVE_CANCEL = 2 };

static const struct option bgsave_options[] = {
    {"SCHEDULE", BGSAVE_SCHEDULE, BGSAVE_SCHEDULE | BGSAVE_CANCEL, false},
    {"CANCEL", BGSAVE_CANCEL, BGSAVE_SCHEDULE | BGSAVE_CANCEL, false},
    {0},
};

/* What waits for the next base of the log to be written. True: it was replied. */
static bool is_rewriting(struct exec *exec, uint32_t flags)
{
    struct appendonly_figures log;
    appendonly_figures(exec->server, &log);
    if (!log.is_copying) {
        return false;
    }
    if ((flags & BGSAVE_SCHEDULE) != 0 || exec->depth > 0) {
        snapshots_schedule(exec->server->snapshots);
        reply_simple(exec->reply, BYTES("Background saving scheduled"));
    } else {
        reply_error(exec->reply, "ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE in order to schedule a BGSAVE whenever possible.");
    }
    return true;
}

/* In a transaction the cut cannot be before its end: it is made right after that. */
static void command_bgsave(struct exec *exec)
{
    struct snapshots *snapshots = exec->server->snapshots;
    struct option_walk walk = {.at = 1};
    while (option_next(exec, bgsave_options, &walk)) {
    }
    if (walk.at < exec->argc) {
        reply_error(exec->reply, ERROR_SYNTAX);
        return;
    }
    if (walk.flags & BGSAVE_CANCEL) {
        if (snapshots_cancel(snapshots)) {
            reply_simple(exec->reply, BYTES("Background saving cancelled"));
        } else {
            reply_error(exec->reply, "ERR Background saving is currently not in progress or scheduled");
        }
        return;
    }
    if (is_rewriting(exec, walk.flags)) {
        return;
    }
    struct snapshot_figures figures;
    snapshots_figures(snapshots, &figures);
    if (exec->depth > 0 && !figures.is_running) {
        snapshots_schedule(snapshots);
        reply_simple(exec->reply, BYTES("Background saving scheduled"));
        return;
    }
    if (figures.is_running) {
        reply_error(exec->reply, "ERR Background save already in progress");
        return;
    }
    save_start(exec, 0, reply_begun);
}

static void command_lastsave(struct exec *exec)
{
    reply_integer(exec->reply, atomic_load_explicit(&exec->server->last_save_ms, memory_order_relaxed) / 1000);
}

const struct command_spec save_commands[] = {
    {.name = "bgsave", .run = command_bgsave, .arity = -1, .scope = SCOPE_SESSION,
     .flags = COMMAND_ADMIN | COMMAND_NOSCRIPT | COMMAND_NO_ASYNC_LOADING, .since = "1.0.0", .group = "server", .complexity = "O(1)",
     .summary = "Begins to save a snapshot of all data, while commands go on.", .syntax = "[SCHEDULE|CANCEL]"},
    {.name = "lastsave", .run = command_lastsave, .arity = 1, .scope = SCOPE_INSTANT,
     .flags = COMMAND_LOADING | COMMAND_STALE | COMMAND_FAST, .since = "1.0.0", .group = "server", .acl = "admin dangerous",
     .complexity = "O(1)", .summary = "Returns when a snapshot was last saved; before the first one, when the server started.",
     .tips = "nondeterministic_output"},
    {.name = "save", .run = command_save, .arity = 1, .scope = SCOPE_SESSION,
     .flags = COMMAND_ADMIN | COMMAND_NOSCRIPT | COMMAND_NO_ASYNC_LOADING | COMMAND_NO_MULTI, .since = "1.0.0", .group = "server",
     .complexity = "O(N), N the number of keys and rows", .summary = "Saves a snapshot of all data, and replies when it is on the disk."},
    {0},
};

/* shutdown.c - SHUTDOWN: at once, or behind a last snapshot and the end of the log (snapshot/ending.h).
 *
 * There are no replicas to wait for, so NOW asks for what is done anyway.  */
#include "client/session.h"
#include "cmd/core/answers.h"
#include "cmd/core/option.h"
#include "cmd/persistence/persistence_rows.h"
#include "mem/heap.h"
#include "shard/server.h"
#include "snapshot/ending.h"

enum { SHUTDOWN_NOSAVE = 1, SHUTDOWN_SAVE = 2, SHUTDOWN_NOW = 4, SHUTDOWN_FORCE = 8, SHUTDOWN_ABORT = 16 };

static const struct option shutdown_options[] = {
    {"NOSAVE", SHUTDOWN_NOSAVE, SHUTDOWN_SAVE | SHUTDOWN_ABORT, false},
    {"SAVE", SHUTDOWN_SAVE, SHUTDOWN_NOSAVE | SHUTDOWN_ABORT, false},
    {"NOW", SHUTDOWN_NOW, SHUTDOWN_ABORT, false},
    {"FORCE", SHUTDOWN_FORCE, SHUTDOWN_ABORT, false},
    {"ABORT", SHUTDOWN_ABORT, SHUTDOWN_NOSAVE | SHUTDOWN_SAVE | SHUTDOWN_NOW | SHUTDOWN_FORCE, false},
    {0},
};

/* Waits for the end of the server, which ends the job, too. */
struct shutdown_job {
    struct job job;
    uint64_t wish;
};

static enum job_status shutdown_step(struct job *job, struct exec *exec)
{
    const struct shutdown_job *shutdown = (const struct shutdown_job *)job;
    if (!ending_has_failed(exec->server->ending, shutdown->wish)) {
        return JOB_PAUSE;
    }
    reply_error(exec->reply, "ERR Errors trying to SHUTDOWN. Check logs.");
    return JOB_DONE;
}

static void shutdown_destroy(struct job *job, struct exec *exec)
{
    (void)exec;
    thread_free(MEM_SERVER, job, sizeof(struct shutdown_job));
}

static void end_behind(struct exec *exec, bool wants_save, bool is_forced)
{
    struct shutdown_job *shutdown = thread_alloc_zeroed(MEM_SERVER, sizeof *shutdown);
    if (shutdown == NULL) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return;
    }
    shutdown->job = (struct job){.step = shutdown_step, .destroy = shutdown_destroy, .shard = JOB_NO_SHARD};
    shutdown->wish = ending_ask(exec->server->ending, wants_save, is_forced);
    exec_start_job(exec, &shutdown->job);
}

/* A script that takes long would have to end first: only NOSAVE comes here then. */
static bool is_busy(const struct exec *exec)
{
    return atomic_load_explicit(&exec->server->busy_scripts, memory_order_relaxed) > 0;
}

static void command_shutdown(struct exec *exec)
{
    struct option_walk walk = {.at = 1};
    while (option_next(exec, shutdown_options, &walk)) {
    }
    const bool wants_save = (walk.flags & SHUTDOWN_SAVE) != 0 ||
                            ((walk.flags & SHUTDOWN_NOSAVE) == 0 && ending_wants_save(exec->server->config) && !server_is_loading(exec->server));
    if (walk.at < exec->argc) {
        reply_error(exec->reply, ERROR_SYNTAX);
    } else if ((walk.flags & SHUTDOWN_ABORT) != 0) {
        if (ending_take_back(exec->server->ending)) {
            reply_ok(exec->reply);
        } else {
            reply_error(exec->reply, "ERR No shutdown in progress.");
        }
    } else if ((walk.flags & SHUTDOWN_NOSAVE) == 0 && exec_refuse_busy(exec)) {
        return;
    } else if (wants_save || (ending_takes_time(exec->server) && !is_busy(exec))) {
        end_behind(exec, wants_save, (walk.flags & SHUTDOWN_FORCE) != 0);
    } else {
        server_stop(exec->server);
        exec_close_after_reply(exec);
    }
}

const struct command_spec shutdown_commands[] = {
    {.name = "shutdown", .run = command_shutdown, .arity = -1, .scope = SCOPE_SESSION,
     .flags = COMMAND_ADMIN | COMMAND_NOSCRIPT | COMMAND_LOADING | COMMAND_STALE | COMMAND_NO_MULTI | COMMAND_ALLOW_BUSY, .since = "1.0.0",
     .group = "server", .complexity = "O(N) when saving, N the number of keys and rows",
     .summary = "Ends the server, behind a last snapshot if save points are configured, with its log on disk.", .syntax = "[NOSAVE|SAVE] [NOW] [FORCE] [ABORT]"},
    {0},
};

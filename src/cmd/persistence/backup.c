/* backup.c - BACKUP START, STATUS, CANCEL (snapshot/backup.h).
 *
 * START is answered as soon as the moment of the data is fixed, or it has failed; the rest does not need the connection.  */
#include "cmd/core/answers.h"
#include "cmd/persistence/persistence_rows.h"
#include "mem/heap.h"
#include "shard/server.h"
#include "snapshot/backup.h"
#include "snapshot/snapshot.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { START_PAUSE_MS = 2 };

static const char *const state_names[] = {
    [BACKUP_NONE] = "none",         [BACKUP_PREPARING] = "preparing", [BACKUP_WAITING] = "waiting", [BACKUP_WRITING] = "writing",
    [BACKUP_CHECKING] = "checking", [BACKUP_DONE] = "done",           [BACKUP_FAILED] = "failed",
};

struct start_job {
    struct job job;
    uint64_t number;
};

static enum job_status start_step(struct job *job, struct exec *exec)
{
    const struct start_job *start = (const struct start_job *)job;
    struct backup_status status;
    backups_status(exec->server->backups, &status);
    if (status.number == start->number && (status.state == BACKUP_PREPARING || status.state == BACKUP_WAITING)) {
        exec->pause_ms = START_PAUSE_MS;
        return JOB_PAUSE;
    }
    if (status.number == start->number && status.state == BACKUP_FAILED) {
        reply_errorf(exec->reply, "ERR the backup has failed: %s", status.error);
    } else {
        reply_simple(exec->reply, BYTES("Backup started"));
    }
    return JOB_DONE;
}

static void start_destroy(struct job *job, struct exec *exec)
{
    (void)exec;
    thread_free(MEM_SERVER, job, sizeof(struct start_job));
}

static void start(struct exec *exec, struct bytes directory)
{
    char error[BACKUP_ERROR_MAX];
    struct start_job *job = thread_alloc_zeroed(MEM_SERVER, sizeof *job);
    if (job == NULL) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return;
    }
    if (!backups_start(exec->server->backups, directory, &job->number, error)) {
        thread_free(MEM_SERVER, job, sizeof *job);
        reply_errorf(exec->reply, "ERR no backup was started: %s", error);
        return;
    }
    job->job = (struct job){.step = start_step, .destroy = start_destroy, .shard = JOB_NO_SHARD};
    exec_start_job(exec, &job->job);
}

/* Named by the second, when no name is given. */
static void command_backup_start(struct exec *exec)
{
    char name[64];
    if (exec->argc == 2) {
        const time_t seconds = (time_t)(exec->now_ms / 1000);
        struct tm parts;
        gmtime_r(&seconds, &parts);
        strftime(name, sizeof name, "backup-%Y%m%d-%H%M%S", &parts);
        start(exec, bytes_of_string(name));
    } else if (exec->argc == 4 && bytes_equal_ignore_case(exec->argv[2], BYTES("to"))) {
        start(exec, exec->argv[3]);
    } else {
        reply_error(exec->reply, ERROR_SYNTAX);
    }
}

static void reply_number(struct reply *reply, const char *name, uint64_t value)
{
    reply_bulk_string(reply, name);
    reply_integer(reply, (int64_t)value);
}

static void command_backup_status(struct exec *exec)
{
    struct reply *reply = exec->reply;
    struct backup_status status;
    struct snapshot_figures saving;
    backups_status(exec->server->backups, &status);
    snapshots_figures(exec->server->snapshots, &saving);
    reply_map(reply, 9);
    reply_bulk_string(reply, "state");
    reply_bulk_string(reply, state_names[status.state]);
    reply_bulk_string(reply, "directory");
    reply_bulk_string(reply, status.directory);
    reply_number(reply, "number", status.number);
    reply_number(reply, "keys", status.figures.keys);
    reply_number(reply, "rows", status.figures.rows);
    reply_number(reply, "bytes", status.state == BACKUP_WRITING ? saving.file_bytes : status.figures.bytes);
    reply_number(reply, "started", (uint64_t)status.figures.started_ms / 1000);
    reply_number(reply, "finished", (uint64_t)status.figures.finished_ms / 1000);
    reply_bulk_string(reply, "error");
    reply_bulk_string(reply, status.error);
}

static void command_backup_cancel(struct exec *exec)
{
    if (backups_cancel(exec->server->backups)) {
        reply_ok(exec->reply);
    } else {
        reply_error(exec->reply, "ERR no backup is under way");
    }
}

#define BACKUP .since = "1.0.0", .group = "server", .scope = SCOPE_SESSION

static const struct command_spec subcommands[] = {
    {.name = "cancel", .run = command_backup_cancel, .arity = 2, BACKUP, .flags = COMMAND_ADMIN | COMMAND_NOSCRIPT, .complexity = "O(1)",
     .summary = "Gives up the backup that is being made, and removes its directory.", .syntax = ""},
    {COMMAND_HELP_ROW, .since = "1.0.0", .group = "server"},
    {.name = "start", .run = command_backup_start, .arity = -2, BACKUP,
     .flags = COMMAND_ADMIN | COMMAND_NOSCRIPT | COMMAND_NO_ASYNC_LOADING | COMMAND_NO_MULTI, .complexity = "O(N), N the number of keys and rows",
     .summary = "Begins to write all data of this moment, with a manifest, into a new directory below `dir`.", .syntax = "[TO directory]"},
    {.name = "status", .run = command_backup_status, .arity = 2, BACKUP, .flags = COMMAND_ADMIN | COMMAND_NOSCRIPT | COMMAND_LOADING | COMMAND_STALE,
     .complexity = "O(1)", .summary = "Says how far the last backup is.", .syntax = "", .tips = "nondeterministic_output"},
    {0},
};

const struct command_spec backup_commands[] = {
    {.name = "backup", .arity = -2, .since = "1.0.0", .group = "server", .complexity = "that of the subcommand",
     .summary = "Copies of all data, with a manifest.", .subcommands = subcommands},
    {0},
};

/* reload.c - see reload.h.
 *
 *   RELOAD    (save) -> FLUSH, all batons: the data go, the file is opened -> LOADING: until it is over
 *               '--<-- something has changed since the cut
 *   LOADAOF   PREPARING, all batons: reloading_prepare until it is ready; the data go -> LOADING: until it is over
 *
 * Of a RELOAD others wait for the end: those that write from before the cut on, those that read while the data are not there. A snapshot that is under
 * way is waited for. During a LOADAOF others are answered LOADING; it keeps waiting what was under way before (appendonly/reloading.h).  */
#include "cmd/persistence/reload.h"

#include "appendonly/appendonly.h"
#include "appendonly/reloading.h"
#include "cmd/core/answers.h"
#include "cmd/core/option.h"
#include "exec/command_choose.h"
#include "exec/command_index.h"
#include "cmd/persistence/save_job.h"
#include "shard/server.h"
#include "snapshot/loading.h"
#include "snapshot/snapshot.h"

#include <stdio.h>

/* By the command's own name, whatever clients call it. False: replied why not. */
static bool run_inside(struct exec *exec, struct bytes *words, uint32_t count)
{
    struct buffer text = BUFFER_EMPTY(MEM_CLIENT);
    struct reply reply;
    reply_begin(&reply, &text, 2);
    const struct command_spec *spec;
    if (command_choose(server_find_own_command(exec->server, words[0]), words, count, &reply, &spec)) {
        exec_run_chosen_inside(exec, spec, words, count, &reply);
    }
    const bool is_done = text.len > 0 && text.data[0] != '-';
    if (!is_done) {
        reply_error(exec->reply, "ERR the data could not be taken out");
    }
    buffer_release(&text);
    return is_done;
}

/* Keys, tables and libraries go, and the log does not hear of it. False: replied why not. */
static bool take_out(struct exec *exec)
{
    struct bytes flush_data[] = {BYTES("FLUSHALL"), BYTES("ASYNC")};
    struct bytes flush_functions[] = {BYTES("FUNCTION"), BYTES("FLUSH")};
    appendonly_hear(exec->server->logged.appendonly, false);
    const bool is_empty = run_inside(exec, flush_data, 2) && run_inside(exec, flush_functions, 2);
    appendonly_hear(exec->server->logged.appendonly, true);
    return is_empty;
}

/* --- RELOAD --- */

enum { RELOAD_NOSAVE = 1 };

static const struct option reload_options[] = {
    {"NOSAVE", RELOAD_NOSAVE, 0, false},
    {0},
};

/* The log has not heard of what was taken out and loaded: it gets a new base. */
static enum job_status wait_step(struct job *job, struct exec *exec)
{
    if (server_is_loading(exec->server)) {
        return JOB_PAUSE;
    }
    save_lets_go(job);
    if (atomic_load_explicit(&exec->server->config->appendonly, memory_order_relaxed) != 0 && !appendonly_rewrite(exec->server->logged.appendonly)) {
        return JOB_PAUSE; /* one is being made, from before */
    }
    reply_ok(exec->reply);
    return JOB_DONE;
}

static bool has_changed(const struct server *server)
{
    uint32_t i = 0;
    while (i < server->shard_count && __atomic_load_n(&server->shards[i].changes, __ATOMIC_RELAXED) == 0) {
        i++;
    }
    return i < server->shard_count;
}

/* Commands that were dispatched before writers were stopped may have run since the cut; expiry does so at any time, which loses nothing.  */
static enum job_status load_step(struct job *job, struct exec *exec)
{
    struct config *config = exec->server->config;
    char name[4096], error[LOADING_ERROR_MAX];
    if (server_is_loading(exec->server)) {
        return JOB_PAUSE; /* DEBUG LOADAOF */
    }
    if (exec_waits_for_changes(exec)) {
        return JOB_WAIT;
    }
    if (has_changed(exec->server) && save_again(job)) {
        return JOB_MORE;
    }
    save_stops_readers(job);
    if (!take_out(exec)) {
        return JOB_DONE;
    }
    config_text_copy(config, &config->dbfilename, name, sizeof name);
    if (loading_open_again(exec->server, name, error) != LOADING_OPENED) {
        reply_errorf(exec->reply, "ERR Error trying to load the RDB dump: %s", error);
        return JOB_DONE;
    }
    job->step = wait_step;
    job->shard = JOB_NO_SHARD;
    return JOB_PAUSE;
}

static enum job_status saved(struct job *job, struct exec *exec, const char *error)
{
    if (error != NULL) {
        reply_error(exec->reply, error);
        return JOB_DONE;
    }
    job->step = load_step;
    job->shard = JOB_ALL_SHARDS;
    return JOB_MORE;
}

void command_debug_reload(struct exec *exec)
{
    struct option_walk walk = {.at = 2};
    while (option_next(exec, reload_options, &walk)) {
    }
    if (walk.at < exec->argc) {
        reply_error(exec->reply, "ERR DEBUG RELOAD has the option NOSAVE only");
        return;
    }
    const bool is_saved = (walk.flags & RELOAD_NOSAVE) == 0;
    save_start(exec, SAVE_WAITS_FOR_END | SAVE_WAITS_FOR_OTHERS | SAVE_STOPS_WRITERS | (is_saved ? 0 : SAVE_NOTHING), saved);
}

/* --- LOADAOF --- */

struct loadaof_job {
    struct job job;
    struct reloading *reloading; /* until it is the threads' */
};

static enum job_status loaded_step(struct job *job, struct exec *exec)
{
    (void)job;
    if (server_is_loading(exec->server)) {
        return JOB_PAUSE;
    }
    reply_ok(exec->reply);
    return JOB_DONE;
}

static enum job_status prepare_step(struct job *job, struct exec *exec)
{
    struct loadaof_job *loadaof = (struct loadaof_job *)job;
    char error[APPENDONLY_ERROR_MAX];
    switch (reloading_prepare(exec, &loadaof->reloading, error)) {
    case RELOADING_WAITS:
        return JOB_WAIT;
    case RELOADING_PAUSES:
        return JOB_PAUSE;
    case RELOADING_REFUSED:
        reply_errorf(exec->reply, "ERR Error trying to load the log: %s", error);
        return JOB_DONE;
    case RELOADING_READY:
        break;
    }
    if (!take_out(exec)) {
        return JOB_DONE;
    }
    reloading_load(loadaof->reloading);
    loadaof->reloading = NULL;
    job->step = loaded_step;
    job->shard = JOB_NO_SHARD;
    return JOB_PAUSE;
}

static void destroy_loadaof(struct job *job, struct exec *exec)
{
    struct loadaof_job *loadaof = (struct loadaof_job *)job;
    reloading_give_up(exec->thread, loadaof->reloading);
    thread_free(MEM_SERVER, loadaof, sizeof *loadaof);
}

void command_debug_loadaof(struct exec *exec)
{
    struct loadaof_job *loadaof = thread_alloc_zeroed(MEM_SERVER, sizeof *loadaof);
    if (loadaof == NULL) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return;
    }
    loadaof->job = (struct job){.step = prepare_step, .destroy = destroy_loadaof, .shard = JOB_ALL_SHARDS};
    exec_start_job(exec, &loadaof->job);
}

/* reload.c - see reload.h.
 *
 *   (save) -> FLUSH, all batons: the data go, the file is opened -> LOADING: until it is over
 *
 * Others are answered LOADING meanwhile. What was under way when it began may still write: a key that is there stays.  */
#include "cmd/persistence/reload.h"

#include "appendonly/appendonly.h"
#include "cmd/core/answers.h"
#include "cmd/core/option.h"
#include "cmd/persistence/save_job.h"
#include "mem/heap.h"
#include "shard/server.h"
#include "snapshot/loading.h"
#include "snapshot/snapshot.h"

#include <stdio.h>

enum { RELOAD_NOSAVE = 1 };

static const struct option reload_options[] = {
    {"NOSAVE", RELOAD_NOSAVE, 0, false},
    {0},
};

/* The log has not heard of what was taken out and loaded: it gets a new base. */
static enum job_status wait_step(struct job *job, struct exec *exec)
{
    (void)job;
    if (server_is_loading(exec->server)) {
        return JOB_PAUSE;
    }
    if (atomic_load_explicit(&exec->server->config->appendonly, memory_order_relaxed) != 0 && !appendonly_rewrite(exec->server->logged.appendonly)) {
        return JOB_PAUSE; /* one is being made, from before */
    }
    reply_ok(exec->reply);
    return JOB_DONE;
}

/* False: replied why not. */
static bool run_inside(struct exec *exec, struct bytes *words, uint32_t count)
{
    struct buffer text = BUFFER_EMPTY(MEM_CLIENT);
    struct reply reply;
    reply_begin(&reply, &text, 2);
    exec_run_inside(exec, words, count, &reply);
    const bool is_done = text.len > 0 && text.data[0] != '-';
    if (!is_done) {
        reply_error(exec->reply, "ERR the data could not be taken out");
    }
    buffer_release(&text);
    return is_done;
}

static enum job_status load_step(struct job *job, struct exec *exec)
{
    struct config *config = exec->server->config;
    struct bytes flush_data[] = {BYTES("FLUSHALL"), BYTES("ASYNC")};
    struct bytes flush_functions[] = {BYTES("FUNCTION"), BYTES("FLUSH")};
    char name[4096], error[LOADING_ERROR_MAX];
    if (exec_waits_for_changes(exec)) {
        return JOB_WAIT;
    }
    appendonly_hear(exec->server->logged.appendonly, false);
    const bool is_empty = run_inside(exec, flush_data, 2) && run_inside(exec, flush_functions, 2);
    appendonly_hear(exec->server->logged.appendonly, true);
    if (!is_empty) {
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

static void destroy(struct job *job, struct exec *exec)
{
    (void)exec;
    thread_free(MEM_SERVER, job, sizeof *job);
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
    if ((walk.flags & RELOAD_NOSAVE) == 0) {
        save_start(exec, true, saved);
        return;
    }
    struct job *job = thread_alloc_zeroed(MEM_SERVER, sizeof *job);
    if (job == NULL) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return;
    }
    *job = (struct job){.step = load_step, .destroy = destroy, .shard = JOB_ALL_SHARDS};
    exec_start_job(exec, job);
}

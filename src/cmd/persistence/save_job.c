/* save_job.c - see save_job.h.
 *
 *   OPEN -> OPENING -> CUT (all batons) -> ENDING     each step may end it  */
#include "cmd/persistence/save_job.h"

#include "cmd/core/answers.h"
#include "mem/heap.h"
#include "shard/server.h"
#include "snapshot/snapshot.h"

#include <stdio.h>
#include <string.h>

enum save_state { SAVE_OPEN, SAVE_OPENING, SAVE_CUT, SAVE_ENDING };

struct save_job {
    struct job job;
    enum save_state state;
    bool waits_for_end;
    bool owns_opening; /* snapshots_cut or snapshots_abandon is owed */
    uint64_t number;
    save_end_fn *end;
};

static enum job_status ended(struct save_job *save, struct exec *exec, const char *error)
{
    return save->end(&save->job, exec, error);
}

static enum job_status opened(struct save_job *save, struct exec *exec, enum snapshot_opened opened, int error)
{
    char text[256];
    switch (opened) {
    case SNAPSHOT_BUSY:
        return ended(save, exec, "ERR Background save already in progress");
    case SNAPSHOT_FAILED:
        save->owns_opening = false;
        snprintf(text, sizeof text, "ERR the file cannot be written: %s", strerror(error));
        return ended(save, exec, text);
    case SNAPSHOT_OPENING:
        save->owns_opening = true;
        save->state = SAVE_OPENING;
        return JOB_PAUSE;
    case SNAPSHOT_READY:
        break;
    }
    save->state = SAVE_CUT;
    save->job.shard = JOB_ALL_SHARDS;
    return JOB_MORE;
}

static enum job_status cut(struct save_job *save, struct exec *exec)
{
    if (exec_waits_for_changes(exec)) {
        return JOB_WAIT;
    }
    if (!snapshots_may_cut(exec->server)) {
        return JOB_PAUSE;
    }
    save->owns_opening = false;
    save->number = snapshots_cut(exec->thread, exec->server->snapshots);
    save->state = SAVE_ENDING;
    save->job.shard = JOB_NO_SHARD;
    if (save->number == 0) {
        return ended(save, exec, ERROR_NO_MEMORY);
    }
    return save->waits_for_end ? JOB_MORE : ended(save, exec, NULL);
}

static enum job_status ending(struct save_job *save, struct exec *exec)
{
    switch (snapshots_outcome(exec->server->snapshots, save->number)) {
    case SNAPSHOT_HAS_SUCCEEDED:
        return ended(save, exec, NULL);
    case SNAPSHOT_HAS_FAILED:
        return ended(save, exec, "ERR the snapshot could not be saved: the log says why");
    case SNAPSHOT_GOES_ON:
        break;
    }
    return JOB_PAUSE;
}

static enum job_status step(struct job *job, struct exec *exec)
{
    struct save_job *save = (struct save_job *)job;
    struct snapshots *snapshots = exec->server->snapshots;
    enum snapshot_opened result;
    int error = 0;
    switch (save->state) {
    case SAVE_OPEN:
        result = snapshots_open(snapshots, &error);
        return opened(save, exec, result, error);
    case SAVE_OPENING:
        result = snapshots_opened(snapshots, &error);
        return opened(save, exec, result, error);
    case SAVE_CUT:
        return cut(save, exec);
    case SAVE_ENDING:
        break;
    }
    return ending(save, exec);
}

static void destroy(struct job *job, struct exec *exec)
{
    const struct save_job *save = (const struct save_job *)job;
    if (save->owns_opening) {
        snapshots_abandon(exec->server->snapshots);
    }
    thread_free(MEM_SERVER, job, sizeof *save);
}

void save_start(struct exec *exec, bool waits_for_end, save_end_fn *end)
{
    struct save_job *save = thread_alloc_zeroed(MEM_SERVER, sizeof *save);
    if (save == NULL) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return;
    }
    save->job = (struct job){.step = step, .destroy = destroy, .shard = JOB_NO_SHARD};
    save->waits_for_end = waits_for_end;
    save->end = end;
    exec_start_job(exec, &save->job);
}

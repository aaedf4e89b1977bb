/* save_job.c - see save_job.h.
 *
 *   OPEN -> OPENING -> CUT (all batons) -> ENDING     each step may end it  */
#include "cmd/persistence/save_job.h"

#include "cmd/core/answers.h"
#include "mem/heap.h"
#include "shard/server.h"
#include "snapshot/snapshot.h"
#include "snapshot/standstill.h"

#include <stdio.h>
#include <string.h>

enum { TRIES_MAX = 5 };
enum save_state { SAVE_OPEN, SAVE_OPENING, SAVE_CUT, SAVE_ENDING };

struct save_job {
    struct job job;
    enum save_state state;
    uint32_t flags, tries;
    bool owns_opening; /* snapshots_cut or snapshots_abandon is owed */
    uint64_t number;
    save_end_fn *end;
    struct standstill standstill;
};

static enum job_status ended(struct save_job *save, struct exec *exec, const char *error)
{
    return save->end(&save->job, exec, error);
}

/* False: the end of the server has begun, or another job stops writers. */
static bool stop_writers(struct save_job *save, struct exec *exec)
{
    return (save->flags & SAVE_STOPS_WRITERS) == 0 || save->standstill.server != NULL || standstill_begin(&save->standstill, exec->server);
}

static const char nothing_may_be_stopped[] = "ERR the server is about to end, or another client reloads its data";

static enum job_status opened(struct save_job *save, struct exec *exec, enum snapshot_opened opened, int error)
{
    char text[256];
    switch (opened) {
    case SNAPSHOT_BUSY:
        if ((save->flags & SAVE_WAITS_FOR_OTHERS) != 0) {
            return JOB_PAUSE;
        }
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
    save->owns_opening = true;
    if (!stop_writers(save, exec)) {
        return ended(save, exec, nothing_may_be_stopped); /* what was opened is given up at the end of the job */
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
    return (save->flags & SAVE_WAITS_FOR_END) != 0 ? JOB_MORE : ended(save, exec, NULL);
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
        if ((save->flags & SAVE_NOTHING) != 0) {
            return ended(save, exec, stop_writers(save, exec) ? NULL : nothing_may_be_stopped);
        }
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

bool save_again(struct job *job)
{
    struct save_job *save = (struct save_job *)job;
    if ((save->flags & SAVE_NOTHING) != 0 || save->tries >= TRIES_MAX) {
        return false;
    }
    save->tries++;
    save->state = SAVE_OPEN;
    save->job.step = step;
    save->job.shard = JOB_NO_SHARD;
    return true;
}

void save_stops_readers(struct job *job)
{
    standstill_widen(&((struct save_job *)job)->standstill);
}

void save_lets_go(struct job *job)
{
    standstill_end(&((struct save_job *)job)->standstill);
}

static void destroy(struct job *job, struct exec *exec)
{
    struct save_job *save = (struct save_job *)job;
    standstill_end(&save->standstill);
    if (save->owns_opening) {
        snapshots_abandon(exec->server->snapshots);
    }
    thread_free(MEM_SERVER, job, sizeof *save);
}

void save_start(struct exec *exec, uint32_t flags, save_end_fn *end)
{
    struct save_job *save = thread_alloc_zeroed(MEM_SERVER, sizeof *save);
    if (save == NULL) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return;
    }
    save->job = (struct job){.step = step, .destroy = destroy, .shard = JOB_NO_SHARD};
    save->flags = flags;
    save->end = end;
    exec_start_job(exec, &save->job);
}

/* tracked.c - see tracked.h.  */
#include "exec/tracked.h"

#include "exec/call.h"
#include "exec/command_keys.h"
#include "exec/window.h"
#include "shard/inbox.h"
#include "shard/server.h"
#include "tracking/tracking.h"

void tracked_begin(struct exec *exec, const struct call *call)
{
    tracking_act(exec->thread, tracker_of_session(exec->server, call->window->session), call->tracked);
}

void tracked_break_off(struct exec *exec)
{
    tracking_act(exec->thread, NULL, 0);
}

static void remember_key(struct exec *exec, struct tracker *tracker, struct key key)
{
    struct shard *shard = server_shard_of_key(exec->server, key.name);
    if (exec->shard != NULL && exec->shard != shard) {
        return; /* a word that is no key, of a call that was routed by others */
    }
    /* A command that holds no baton has left a job, which has read nothing yet. */
    const struct shard_set taken = shard_take_unless_mine(exec->thread, shard);
    tracking_remember(exec->thread, shard, tracker, key.hash, key.name);
    shard_give_back(exec->thread, &taken);
}

/* Its keys, if it only reads. */
static void remember(struct exec *exec, struct tracker *tracker)
{
    struct key_walk walk;
    uint32_t index;
    if ((exec->spec->flags & (COMMAND_READONLY | COMMAND_PUBSUB)) != COMMAND_READONLY) {
        return;
    }
    key_walk_begin(&walk, exec->spec, exec->argv, exec->argc);
    while (key_walk_next(&walk, &index)) {
        remember_key(exec, tracker, exec_key_of(exec, exec->argv[index]));
    }
}

void tracked_end(struct exec *exec)
{
    struct tracker *tracker = tracking_reader(exec->thread);
    if (tracker != NULL && !exec->must_wait) {
        remember(exec, tracker);
    }
    tracked_break_off(exec);
}

void tracked_inside(struct exec *exec)
{
    struct tracker *tracker = tracking_reader(exec->thread);
    if (UNLIKELY(tracker != NULL) && !exec->must_wait) {
        remember(exec, tracker);
    }
}

/* lock.c - jobs ask for locks of keys: shard/key_lock.h.
 *
 * Threads    A job's steps, under the batons of its keys' shards.  */
#include "exec/exec.h"
#include "exec/waiting.h"
#include "shard/pinned.h"
#include "shard/server.h"

#include <assert.h>

/* It joins the shards' lists; no new lock comes before whoever waits for all pins and locks to be gone. False: it waits. */
static bool list(struct exec *exec, struct key_lock *lock)
{
    struct server *server = exec->server;
    struct shard *first = exec->shard != NULL ? exec->shard : &server->shards[0];
    const uint32_t count = exec->shard != NULL ? 1 : server->shard_count;
    for (uint32_t i = 0; i < count; i++) {
        if (exec_must_queue(exec, &first[i], WAIT_PINS, 0, WAIT_WITH_READERS)) {
            exec_wait_for(exec, &first[i], WAIT_PINS, 0, WAIT_WITH_READERS);
            return false;
        }
    }
    if (!key_lock_list(lock, first, count)) {
        exec_wait_for(exec, first, WAIT_MEMORY, 0, WAIT_WITH_READERS);
        return false;
    }
    return true;
}

bool exec_lock(struct exec *exec, struct key_lock *lock)
{
    assert(!lock->is_granted);
    if (lock->shard_count == 0 && !list(exec, lock)) {
        return false;
    }
    for (uint32_t i = 0; i < lock->shard_count; i++) {
        struct shard *shard = &lock->shards[i];
        baton_assert_held(&shard->baton);
        if (!key_lock_is_free(lock, shard)) {
            exec_wait_for(exec, shard, WAIT_LOCKS, 0, WAIT_WITH_READERS);
            return false;
        }
    }
    lock->is_granted = true;
    lock->granted_ms = exec->now_ms;
    return true;
}

typedef bool lock_check_fn(const struct shard *shard);

static bool waits_while(struct exec *exec, lock_check_fn *is_so)
{
    bool must_wait = false;
    for (uint32_t i = 0; i < exec->server->shard_count && !must_wait; i++) {
        struct shard *shard = &exec->server->shards[i];
        baton_assert_held(&shard->baton);
        must_wait = is_so(shard);
        if (must_wait) {
            exec_wait_for(exec, shard, WAIT_LOCKS, 0, WAIT_WITH_READERS);
        }
    }
    return must_wait;
}

bool exec_waits_for_changes(struct exec *exec)
{
    return waits_while(exec, shard_has_half_done_change);
}

bool exec_waits_for_hidden_keys(struct exec *exec)
{
    return waits_while(exec, shard_has_hidden_keys);
}

void exec_unlock(struct exec *exec, struct key_lock *lock)
{
    struct shard *first = lock->shards;
    const uint32_t count = lock->shard_count;
    key_lock_unlist(lock);
    for (uint32_t i = 0; i < count; i++) {
        struct shard *shard = &first[i];
        baton_assert_held(&shard->baton);
        waiters_call(exec->thread, shard, WAIT_LOCKS, 0);
        if (shard->lock_count == 0 && shard_job_pins(shard) == 0) {
            waiters_call(exec->thread, shard, WAIT_PINS, 0);
        }
    }
}

/* slice_locks.c - see slice_locks.h.  */
#include "query/slice_locks.h"

#include "query/slice_wait.h"
#include "shard/server.h"
#include "table/slice.h"

#include <assert.h>

static void lock_slice(struct table_slice *slice, struct shard *shard, enum slice_lock_kind kind)
{
    baton_assert_held(&shard->baton);
    if (kind == SLICES_READ) {
        slice_lock_read(slice);
    } else {
        slice_lock_write(slice);
        shard->changing_statements++;
    }
}

static void unlock_slice(struct table_slice *slice, struct shard *shard, enum slice_lock_kind kind)
{
    baton_assert_held(&shard->baton);
    if (kind == SLICES_READ) {
        slice_unlock_read(slice);
    } else {
        slice_unlock_write(slice);
        assert(shard->changing_statements > 0);
        shard->changing_statements--;
    }
}

bool slices_lock(struct exec *exec, struct table *table, struct shard_range range, enum slice_lock_kind kind)
{
    const bool is_reading = kind == SLICES_READ;
    for (uint32_t i = range.first; i < range.end; i++) {
        const struct table_slice *slice = table->slices[i];
        if (slice_must_wait(exec, table, i, is_reading ? slice_may_read(slice) : slice_may_write(slice),
                            is_reading ? WAIT_WITH_READERS : WAIT_ALONE)) {
            return false;
        }
    }
    for (uint32_t i = range.first; i < range.end; i++) {
        lock_slice(table->slices[i], &exec->server->shards[i], kind);
    }
    return true;
}

void slices_unlock(struct exec *exec, struct table *table, struct shard_range range, enum slice_lock_kind kind)
{
    for (uint32_t i = range.first; i < range.end; i++) {
        unlock_slice(table->slices[i], &exec->server->shards[i], kind);
        slice_call_waiters(exec, table, i);
    }
}

bool slices_wait_for_script(struct exec *exec, struct shard_range range)
{
    bool must_wait = false;
    for (uint32_t i = range.first; i < range.end && !must_wait; i++) {
        struct shard *shard = &exec->server->shards[i];
        must_wait = shard->script != SHARD_NO_SCRIPT;
        if (must_wait) {
            exec_wait_for(exec, shard, WAIT_LOCKS, 0, WAIT_WITH_READERS);
        }
    }
    return must_wait;
}

/* slice_wait.h - statements that wait for a table's lock, in the order of their arrival: one queue a slice, in the slice's shard.
 *
 * Threads    The holder of the slice's baton.  */
#ifndef QUERY_SLICE_WAIT_H
#define QUERY_SLICE_WAIT_H

#include "exec/exec.h"
#include "shard/server.h"
#include "table/definition.h"

/* True, and exec_wait_for was called: the slice is locked, or a command waits for it that one of `group` may not pass. `is_free`: the
 * slice has no lock that bars the caller.  */
static inline bool slice_must_wait(struct exec *exec, const struct table *table, uint32_t shard, bool is_free, enum wait_group group)
{
    struct shard *where = &exec->server->shards[shard];
    const uint64_t number = (uintptr_t)table;
    if (LIKELY(is_free) && LIKELY(!exec_must_queue(exec, where, WAIT_TABLE, number, group))) {
        return false;
    }
    exec_wait_for(exec, where, WAIT_TABLE, number, group);
    return true;
}

/* The same for a command that changes the table as a whole, under all batons. */
static inline bool table_must_wait(struct exec *exec, const struct table *table)
{
    bool must_wait = false;
    for (uint32_t i = 0; i < table->shard_count && !must_wait; i++) {
        must_wait = slice_must_wait(exec, table, i, slice_may_write(table->slices[i]), WAIT_ALONE);
    }
    return must_wait;
}

/* A lock of the slice was given back: the next in its queue may try again. */
static inline void slice_call_waiters(const struct exec *exec, const struct table *table, uint32_t shard)
{
    exec_call_waiters(exec, &exec->server->shards[shard], WAIT_TABLE, (uintptr_t)table);
}

#endif

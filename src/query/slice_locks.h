/* slice_locks.h - the slices of a table on several shards, locked together by a job, and given back.
 *
 * Threads    The holder of the batons of all these shards.  */
#ifndef QUERY_SLICE_LOCKS_H
#define QUERY_SLICE_LOCKS_H

#include "exec/exec.h"
#include "table/definition.h"

/* Shards first .. end - 1. */
struct shard_range {
    uint32_t first, end;
};

enum slice_lock_kind { SLICES_READ, SLICES_WRITE };

/* Locks all of them. False: it must wait, exec_wait_for was called, and none is locked. */
MUST_USE bool slices_lock(struct exec *exec, struct table *table, struct shard_range range, enum slice_lock_kind kind);
/* Gives them back, and calls those who wait for them. */
void slices_unlock(struct exec *exec, struct table *table, struct shard_range range, enum slice_lock_kind kind);

/* A script that has paused may have changed rows there, and goes on: true, and exec_wait_for was called. Who has its slices locked already need
 * not ask: no script can have changed any of them.  */
MUST_USE bool slices_wait_for_script(struct exec *exec, struct shard_range range);

#endif

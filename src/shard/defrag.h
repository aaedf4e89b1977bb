/* defrag.h - active defragmentation of one shard: cycles that drain sparse pages, in steps under a limit of CPU time.
 *
 * Threads    All under the shard's baton. Figures are read relaxed by any thread.
 * Read on    mem/heap.h (what a cycle is), data/keyspace.h (the walk).  */
#ifndef SHARD_DEFRAG_H
#define SHARD_DEFRAG_H

#include "base/attributes.h"
#include "shard/server.h"

#include <stdbool.h>
#include <stdint.h>

/* Looks whether a cycle is worth while (only when the heap has seen frees since), or runs a step of the one that is running.
 * Returns how many microseconds to wait before the next call; 0: nothing to do.  */
int64_t defrag_work(struct shard *shard, int64_t now_ms) REQUIRES(shard->baton);

/* MEMORY PURGE: a cycle over all pages that are not quite full, without a limit of CPU time. `begin` once, then steps until one
 * says true; `end` also when the command is given up.  */
void defrag_purge_begin(struct shard *shard) REQUIRES(shard->baton);
MUST_USE bool defrag_purge_step(struct shard *shard) REQUIRES(shard->baton);
void defrag_purge_end(struct shard *shard) REQUIRES(shard->baton);

#endif

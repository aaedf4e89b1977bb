/* join_run.h - a join at work: rows of slices are put together, and given to a SELECT (select_run.h).
 *
 *     join_run_create
 *         join_run_start, JOB_PARTS --> join_run_link ...     of each level, the last one first, but for those whose rows are looked up by an index;
 *                                                             the first level's rows are joined as they are found
 *     then the select_run is settled and read
 *     join_run_release
 *
 * Threads    Parts: as exec/part.h says, without a baton, since the slices are locked. The rest: the job's.
 * Memory     The plan, the slices and the select_run are lent until join_run_release. thread_alloc, class MEM_QUERY_BUFFER: 32 bytes for each row of
 *            a level but the first, and about 11 of its hash table; `limit_bytes` of that and the select_run's together.  */
#ifndef QUERY_JOIN_RUN_H
#define QUERY_JOIN_RUN_H

#include "query/join.h"
#include "query/join_hash.h"

struct join_part;

/* All zero: nothing is joined. */
struct join_run {
    const struct join *join;
    const struct select_run *select;
    struct join_memory memory;
    struct join_part *parts;   /* one a shard */
    uint32_t part_count;
    struct join_hash *hashes;  /* one a level */
    uint32_t level;            /* that is worked on */
    uint32_t linking;          /* the part whose rows go into the hash table */
    bool is_too_large;         /* the limit was met */
};

/* `select` has a part for each shard. limit_bytes 0: none. False: no memory, *run is all zero. */
MUST_USE bool join_run_create(struct join_run *run, const struct join *join, const struct select_run *select, uint32_t shards, uint64_t limit_bytes);
/* All zero is allowed, too, and what it is afterwards. */
void join_run_release(struct join_run *run);

/* Reads the rows of run->level, in a job's step, which then returns JOB_PARTS. False: no memory. */
MUST_USE bool join_run_start(struct join_run *run, struct exec *exec);
/* In the next step. False: it cannot go on; run->is_too_large, or a part of the select_run has failed. *examined: rows looked at in the level. */
MUST_USE bool join_run_finish(struct join_run *run, uint64_t *examined);

enum join_status { JOIN_MORE, JOIN_DONE, JOIN_FAILED };

/* Of a level but the first: what was read can be looked up after JOIN_DONE. About `limit` steps of 100 ns. JOIN_FAILED: as join_run_finish. */
MUST_USE enum join_status join_run_link(struct join_run *run, size_t limit);

#endif

/* replay.h - pass 2: the records up to the cut, in their order.
 *
 * Generation by generation; within one, each log has its own reader, and readers of different logs may be used by different
 * threads at once. A record of all shards is a *barrier*: each log stops there, and when all have, it is given once
 * (aof_replay_barrier) and they go on.
 *
 *     for each generation
 *         aof_replay_open
 *         until all logs are at the end: each log on its own, aof_replay_next until barrier or end;
 *                                        all at a barrier: aof_replay_barrier
 *         aof_replay_close
 *
 * Threads    aof_replay_next of one log: one at a time. All else: when no log is being read.
 * Memory     A window or the longest frame a log (reader.h).  */
#ifndef AOF_REPLAY_H
#define AOF_REPLAY_H

#include "aof/record.h"
#include "aof/recovery.h"

struct aof_replay;

enum aof_replay_status {
    AOF_REPLAY_RECORD,
    AOF_REPLAY_BARRIER, /* `record` is of all shards; the same again until aof_replay_barrier */
    AOF_REPLAY_END,
    AOF_REPLAY_DAMAGE,  /* aof_replay_fault says where */
    AOF_REPLAY_SYSTEM,
    AOF_REPLAY_NO_MEMORY,
};

struct aof_replay_place {
    const char *file;
    uint64_t offset;   /* of the frame; bytes done */
    uint64_t bytes;    /* up to the cut */
    int64_t wall_ms;   /* of the frame */
    const char *fault; /* NULL: none */
    int error;
};

/* Of generation manifest.generations[at]; AOF_REPLAY_RECORD: it is open. Borrows recovery and files until close, which comes in
 * any case. */
MUST_USE enum aof_replay_status aof_replay_open(struct aof_replay **out, const struct aof_recovery *recovery, const struct aof_files *files,
                                                uint32_t at);
void aof_replay_close(struct aof_replay *replay);
uint32_t aof_replay_log_count(const struct aof_replay *replay);
/* The next record of a log, an effect; lent until the next call for that log. */
MUST_USE enum aof_replay_status aof_replay_next(struct aof_replay *replay, uint32_t log, struct aof_record *out);
/* All logs are at a barrier: *out is its record, and they go on. AOF_REPLAY_DAMAGE: they are not at the same one, or some are at
 * their end; then the place of log *log is where.  */
MUST_USE enum aof_replay_status aof_replay_barrier(struct aof_replay *replay, struct aof_record *out, uint32_t *log);
struct aof_replay_place aof_replay_place(const struct aof_replay *replay, uint32_t log);

#endif

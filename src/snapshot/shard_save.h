/* shard_save.h - what one shard does for a snapshot: its keys and rows, as they were at the cut, become chunks of the file.
 *
 * At the cut (all batons are held) nothing is copied. Keys go in groups (data/key_groups.h), a bit each: a group is written when its turn comes,
 * in steps of the shard's own thread, or before the first of its keys changes, by whoever changes it. Pages of tables go the same way. So each
 * key and row is written once, and the memory on top is the bits and the chunks that the saver has not taken yet.
 *
 * A big value (SAVE_BIG_BYTES and more) is not written with its group, but in steps, with the key pinned: who writes it waits, as for any
 * job that reads it (`guard` of struct shard). Where nobody can wait (a key that is evicted, a command inside of a script) it is written in one go.
 *
 * Threads    Under the baton of the shard; begin: under all.
 * Memory     MEM_SNAPSHOT.
 * Invariant  S1 a group whose bit is not set has only keys that are as they were at the cut, and all that were; the same for pages, up to the rows
 *            that were added behind. S2 a big value of a written group is in the file, or pinned and in `values`.
 * What is dropped or flushed as a whole stays readable, and is freed (shard/lazy_free.h) when the rest of it is written, in steps.
 *
 * Limits     While the disk is behind, nothing of that is freed.  */
#ifndef SNAPSHOT_SHARD_SAVE_H
#define SNAPSHOT_SHARD_SAVE_H

#include "shard/server.h"
#include "snapshot/save_limits.h"
#include "snapshot/saver.h"

struct saved_tables; /* saved_tables.h */
struct shard_save;

/* Queues of the saver: 0 the head; of shard i: 1 + 2 i what is small, 2 + 2 i big values. */
static inline uint32_t save_queue_count(uint32_t shard_count)
{
    return 1 + SAVER_SHARD_QUEUES * shard_count;
}

/* Under all batons. From now on the shard's changes wait for what they were to be written. NULL: no memory, nothing has begun. */
MUST_USE struct shard_save *shard_save_begin(struct shard *shard, struct saver *saver, const struct saved_tables *tables);
/* False: the saver is behind. */
bool shard_save_may_step(const struct shard_save *save);
/* Some more; stops early when the saver is behind, and after one group or page with `is_slow`. True: all is written, and shard_save_end is due. */
MUST_USE bool shard_save_step(struct thread *thread, struct shard_save *save, uint64_t end_ticks, bool is_slow);
/* Was memory refused? Then the snapshot cannot be finished. */
bool shard_save_has_failed(const struct shard_save *save);
/* Are there big values for whose end somebody may wait? */
bool shard_save_has_values(const struct shard_save *save);
/* Closes the queues and frees everything, written or not. */
void shard_save_end(struct thread *thread, struct shard_save *save);

/* Keys that were there at the cut, and how many of them are written; relaxed, any thread. */
uint64_t shard_save_keys(const struct shard_save *save);
uint64_t shard_save_written_keys(const struct shard_save *save);

#endif

/* cut.h - how far each shard's log is committed: the largest consistent cut of what is durable.
 *
 * A frame is *committed* when it is durable and every unit that it or an earlier frame of its shard has is durable in all its
 * participants, and so on for what these frames follow. Whoever was told that a change is safe was told so after its frame was
 * committed: recovery drops everything of a shard from its first incomplete unit on, since what follows may depend on it.
 *
 * While the server runs aof_cut_add_unit is told of each unit, and aof_cut_durable of each fsync. Recovery uses the same: entries
 * from each log apart, from the largest `committed` on.
 *
 * Each shard has a queue of the units that are not committed, in the order of its frames. A look for a new cut begins at what is
 * durable and lowers a shard to before its first unit that another shard has not got; that takes units from others, which are
 * lowered in turn. Each unit under way is looked at once a participant.
 *
 * Threads    Any; a mutex inside, held for O(units under way). aof_cut_committed without it.
 * Memory     A block a unit and what the queues need, in thread memory, until it is committed.
 * Invariant  committed <= durable, neither goes back; the committed vector is consistent at any time.  */
#ifndef AOF_CUT_H
#define AOF_CUT_H

#include "aof/record.h"

struct aof_cut;

/* NULL: no memory. */
struct aof_cut *aof_cut_create(uint32_t shard_count) MUST_USE;
void aof_cut_destroy(struct aof_cut *cut);

/* From here on: nothing of the shard up to `sequence` is missing, and it is committed. Before anything else of that shard. */
void aof_cut_start(struct aof_cut *cut, uint32_t shard, uint64_t sequence);
/* A unit over at least two shards, whose frames come behind those of all units that were added for these shards, or are the
 * same. False: no memory, nothing has changed.  */
MUST_USE bool aof_cut_add_unit(struct aof_cut *cut, const struct aof_participant *participants, uint32_t count);
/* Recovery: what one participant's log says of a unit. */
MUST_USE bool aof_cut_add_entry(struct aof_cut *cut, uint32_t shard, const struct aof_participant *participants, uint32_t count);
/* All frames of the shard up to `sequence` are on disk (or a finished base has what is in them). `moved` has room for the number
 * of each shard; returns how many shards are committed further than before, and which.  */
uint32_t aof_cut_durable(struct aof_cut *cut, uint32_t shard, uint64_t sequence, uint32_t *moved);
uint64_t aof_cut_committed(const struct aof_cut *cut, uint32_t shard);
/* Entries of the shard that are not committed. */
uint32_t aof_cut_waiting(struct aof_cut *cut, uint32_t shard);

#endif

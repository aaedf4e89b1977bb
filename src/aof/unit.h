/* unit.h - ends a unit in all its logs at once, so that they and the cut name the same frames.
 *
 * Threads    Under the batons of all the writers' shards.  */
#ifndef AOF_UNIT_H
#define AOF_UNIT_H

#include "aof/cut.h"
#include "aof/writer.h"

/* Ends a unit whose records are in the open frames of `writers`, in ascending order of their shards: a UNIT END in each, and the
 * cut knows of it. One writer alone is fine: its frame is whole or not there. False: no memory, or a log had FAILED; then those
 * that could not take it have, and the unit is not committed until a base has it.  */
MUST_USE bool aof_unit_end(struct aof_writer *const *writers, uint32_t count, uint64_t unit, struct aof_cut *cut);
/* The same for the open frames themselves, which are closed right after that, before any record comes to one of these logs. `unit` is a number that no
 * unit has.  */
MUST_USE bool aof_flush_end(struct aof_writer *const *writers, uint32_t count, uint64_t unit, struct aof_cut *cut);

#endif

/* part_run.h - parts of jobs under way: part.h, as the jobs' and the steppers' side see it.
 *
 * A part is in one of these states. A thread claims it for a step with a compare-and-swap; so does whoever closes it.
 *
 *   IDLE <--> RUNNING --> DONE
 *     |          |
 *     +----------+------> CLOSED      the job ends, or another part has failed: by the job's thread, from IDLE only
 *
 * An offer travels: it is a message to the thread of the part's shard, then a stepper there, then a message home. It goes home when the
 * part is DONE or CLOSED, or the server stops; nobody waits for it but the memory.
 *
 * Threads    Where it says "home": the job's thread.
 * Memory     `struct parts` is a block of its own, freed at home when the job has given it up and all offers are back.
 * Invariant  P1 a part's step is run by whoever claimed it, and by nobody once it is DONE or CLOSED; P2 executor->abroad_count counts
 *            the offers that are not back; P3 who waits for others' steps (is_home_waiting) is told by the next one that ends.  */
#ifndef EXEC_PART_RUN_H
#define EXEC_PART_RUN_H

#include "exec/part.h"
#include "exec/stepper.h"

struct parts;

/* Home: steps of parts until one job step is over. STEP_ENDED: all are done, or one has failed; the caller calls parts_end. After STEP_WAIT
 * `stepper` is told to go on.  */
MUST_USE enum step_status parts_step(struct thread *thread, struct parts *parts, struct stepper *stepper);
/* Home, inside of another command, whose batons are held: all steps, one after the other. False: one takes a baton that is not held; then
 * none has begun.  */
MUST_USE bool parts_run_inside(struct thread *thread, struct parts *parts);
/* Home: when it returns no step of a part is under way, and none begins. Gives the time that the steps took, in ticks, and how much of
 * that other threads have spent. No baton is held that a part takes, except inside.  */
uint64_t parts_end(struct thread *thread, struct parts *parts);

#endif

/* dispatch.h - from received bytes to calls: which command is it, may it run, and on which shard.
 *
 * Threads    The connection's. Route functions read the catalogue inside an epoch section of this thread.
 * Invariant  An exclusive call begins its window: everything before it in the pipeline has been answered.
 * Limits     TURN_ROUNDS_MAX rounds in a turn.  */
#ifndef CLIENT_DISPATCH_H
#define CLIENT_DISPATCH_H

struct thread;

/* Takes the commands of connections that are ready into rounds, and runs those. */
void dispatch_rounds(struct thread *thread);

#endif

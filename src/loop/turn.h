/* turn.h - a shard thread's loop.
 *
 *   wait -> completions and messages -> rounds of commands -> a step of each job and part -> background tasks of the own shard
 *        -> one send a connection -> declare sleep, look once more -> wait
 *
 * Threads    This one.
 * Invariant  T1 no baton is held across ring_turn; T2 a thread that sleeps has declared it before its last look at its mailbox
 *            and its shard's inbox, so whoever adds to either afterwards sees the declaration and wakes it.  */
#ifndef LOOP_TURN_H
#define LOOP_TURN_H

/* A thread's main function: opens its parts, turns until the server stops, ends its connections. `worker`: a struct worker whose
 * thread's server, number, executor and clients are set. Returns NULL.  */
void *worker_main(void *worker);

#endif

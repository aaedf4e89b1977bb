/* round.h - the commands of a turn: calls in windows (one a connection) and batches (one a shard).
 *
 * A round is filled, run and emptied within a turn. When another thread holds a shard, that batch is handed over and the round stays until
 * it is back. What cannot be answered then (a job, a lock, a connection that does not take its replies) is parked: window.h.
 *
 * Threads    The connections' thread.
 * Invariant  R1 a connection has at most one window; R2 a window is given back only while none of its calls is in a batch that has not
 *            come home (queued == 0).
 * Limits     ROUND_CALLS calls, ROUND_WORDS words; ROUND_SPARE_MAX rounds are kept for reuse.  */
#ifndef EXEC_ROUND_H
#define EXEC_ROUND_H

#include "exec/batch.h"
#include "exec/chain.h"

enum { ROUND_CALLS = 256, ROUND_WORDS = 2048, ROUND_CALL_WORDS = 16 };

struct round {
    struct call calls[ROUND_CALLS];
    struct window windows[ROUND_CALLS];
    struct bytes words[ROUND_WORDS];
    uint32_t call_count, window_count, word_count;
    uint32_t batches_out;            /* handed to other threads */
    struct window *listed;           /* every window that has calls in this round, resumed ones included */
    struct round *next;              /* spare list */
    struct buffer replies;           /* of calls that ran on this thread alone */
    struct chain chain;
    struct batch batches[];          /* one a shard */
};

/* One round is there from the start, so that a quiet server's memory does not move. False: no memory. */
MUST_USE bool rounds_open(struct thread *thread);
void rounds_close(struct thread *thread);
/* An empty one; NULL: no memory. round_run gives it back. */
struct round *round_get(struct thread *thread);
/* Called regularly: a spare round that nobody needed since the last call goes; the last one gives back what its replies grew to. */
void rounds_trim(struct thread *thread);
/* What spare rounds hold beyond one round as it was made. */
size_t rounds_spare_bytes(const struct thread *thread);

/* Has it room for another command of usual length? */
static inline bool round_has_room(const struct round *round)
{
    return round->call_count < ROUND_CALLS && round->word_count + ROUND_CALL_WORDS <= ROUND_WORDS;
}

/* An empty window of a connection that has none; `unsent`: bytes of its replies that are not sent yet. */
struct window *round_add_window(struct round *round, struct session *session, size_t unsent);
/* A parked window goes on in this round. */
void round_resume_window(struct round *round, struct window *window, size_t unsent);
/* One call more of the window that was added last. */
struct call *round_add_call(struct round *round, struct window *window);
/* The last call was not taken after all. */
void round_undo_call(struct round *round, struct window *window);

/* The call goes to the batch of call->shard. */
static inline void round_queue_call(struct round *round, struct call *call)
{
    batch_add_call(&round->batches[call->shard], call);
}

/* Runs or hands over what the round has; each window is given back as soon as none of its calls is in a batch. Takes the round. */
void round_run(struct thread *thread, struct round *round);

#endif

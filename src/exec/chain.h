/* chain.h - `pipeline-order strict`: no client sees a later command of a connection without an earlier one.
 *
 * A window whose calls are all on one shard needs nothing: they run in one batch. The calls of a window that is spread over shards get
 * positions: one after the other on the same shard share a position, the next one on another shard has a higher one. The position
 * also says the shard, so windows of a round share positions:
 *
 *   shard of a position:   0  1  0  1  0  1 ...        position = generation * shards + (shard, counted from the thread's own)
 *   window A: a0 b1 c1     a0 b1
 *                             c1
 *   window B: d1 e0 f1        d1 e0 f1                  the chain: {a0} {b1 c1 d1} {e0} {f1}
 *
 * The chain is run position by position, each under the baton of its shard alone, never two at once. Where a shard is held, the
 * chain is pushed into its inbox; whoever holds the shard runs that position and sends the chain on. So all that ran before a call
 * was seen before it.
 *
 * Threads    A chain belongs to whoever runs or moves it; it travels by inboxes, and back to its maker as a message.
 * Invariant  H1 the positions of a window's calls never fall; H2 a position has calls of one shard only; H3 a call that cannot run cuts
 *            its window on all shards.
 * Limits     chain_position_count: a window that would pass it ends earlier.  */
#ifndef EXEC_CHAIN_H
#define EXEC_CHAIN_H

#include "exec/batch.h"

enum {
    CHAIN_POSITIONS_MIN = 512,
    CHAIN_GENERATIONS_MIN = 8, /* positions of each shard, at least */
};

/* The calls of one position. */
struct chain_slot {
    struct call *first, *last;
};

struct chain {
    struct batch batch;              /* the calls of one position; what travels from shard to shard */
    uint32_t position;               /* of batch */
    uint32_t call_count;
    uint32_t position_count;         /* chain_position_count */
    uint64_t *used;                  /* a bit for each position */
    struct chain_slot *slots;        /* one for each position, set when it is used */
    uint8_t *prefetched;             /* for each shard: so many of its calls come next whose memory was asked for */
};

/* How many positions a chain has; a multiple of 64. */
uint32_t chain_position_count(uint32_t shard_count);
/* Does `pipeline-order strict` have anything to do here? */
bool chain_is_needed(const struct thread *thread);
/* Gives the call, which goes to call->shard, its position behind the window's others. */
void chain_place(struct thread *thread, struct window *window, struct call *call);
/* May the window have one more call, wherever that goes? */
bool chain_has_room(const struct thread *thread, const struct window *window);
/* The window's placed calls go to their shards' batches, or to the chain when they are on several shards. */
void chain_queue_window(struct chain *chain, struct batch *batches, struct window *window);
/* Makes the first position with calls the chain's batch. */
void chain_begin(struct chain *chain);
/* The same with the next one; false: all have run, or the batch is no chain's. */
bool chain_next(struct batch *batch);
/* The next call behind `call` in the order of the positions; NULL: the first one. NULL: no more. */
struct call *chain_call_after(const struct chain *chain, const struct call *call);
/* The next call behind `call` on the same shard. */
struct call *chain_call_after_on_shard(const struct chain *chain, const struct call *call);
void chain_reset(struct chain *chain);

/* The next call of a batch, or of the chain that it is; NULL: the first one. */
static inline struct call *batch_call_after(const struct batch *batch, const struct call *call)
{
    if (batch->chain != NULL) {
        return chain_call_after(batch->chain, call);
    }
    return call == NULL ? batch->first : call->next;
}

#endif

/* window.h - the commands of one connection that are under way: a connection has one window at most.
 *
 *               .--------- nothing is left ----------------.
 *               |                                          v
 *   (new) -> IN_ROUND --> PARKED ----------------------> (gone)      PARKED: the connection is about to be freed
 *                           |  ^                           ^
 *                           v  | something is left          |
 *                         RESUMED ------- nothing is left --'
 *
 * IN_ROUND and RESUMED windows are listed in a round; when none of their calls is in a batch any more, the round gives them to
 * executor->window_is_back, which answers what is DONE. What is left is PARKED: copied, words and all, into a block of its own, so
 * that rounds and receive buffers are free again. Long words stay in the query buffer, which then is the window's. RESUMED: that block's
 * calls have been given to a round.
 *
 * Threads    The connection's; `reply_bytes` and `cut_shards`: any thread that runs a batch.
 * Invariant  W1 every change of `state` is made by window_enter; W2 a PARKED window has no call in a batch.  */
#ifndef EXEC_WINDOW_H
#define EXEC_WINDOW_H

#include "base/attributes.h"
#include "exec/call.h"

#include <stdatomic.h>

struct session;

enum window_state { WINDOW_IN_ROUND, WINDOW_PARKED, WINDOW_RESUMED };

struct window {
    struct session *session;         /* the connection's; to this room only a name */
    struct call *calls;
    uint32_t count, flushed;         /* calls, and how many of them have been answered */
    uint32_t queued;                 /* calls in batches */
    uint16_t position, place;        /* of its last call that was placed: chain.c */
    bool is_spread;                  /* its placed calls are on several shards */
    bool has_placed;
    uint8_t state;                   /* enum window_state: window_enter */
    size_t parked_bytes;             /* of its own block; 0: it is in a round's */
    struct buffer input;             /* with that block: where the words are that were not copied; capacity 0: they were */
    struct window *next;             /* in the round's list */
    /* any thread that runs a batch: */
    _Atomic size_t reply_bytes;      /* unsent replies of the connection and of this window; relaxed */
    _Atomic uint64_t cut_shards;     /* window_cut; relaxed */
};

/* The one place where a window's state changes. */
static inline void window_enter(struct window *window, enum window_state state)
{
    assert(state == WINDOW_PARKED ? window->state != WINDOW_PARKED && window->queued == 0
                                  : state == WINDOW_RESUMED && window->state == WINDOW_PARKED);
    window->state = (uint8_t)state;
}

/* A call could not run: from here on the window's calls on this shard wait, since a command never passes an earlier one of its connection.
 * In strict order those on other shards wait, too. On the shard's holder.
 *
 * Shards whose numbers differ by 64 share a bit. A call that is cut without need runs when the window goes on, so that costs time and
 * nothing else; and a window is no longer for 256 shards than for two.  */
static inline void window_cut(struct window *window, uint32_t shard)
{
    const uint64_t cut = window->is_spread ? ~UINT64_C(0) : UINT64_C(1) << shard % 64;
    atomic_fetch_or_explicit(&window->cut_shards, cut, memory_order_relaxed);
}

static inline bool window_is_cut(const struct window *window, uint32_t shard)
{
    return (atomic_load_explicit(&window->cut_shards, memory_order_relaxed) >> shard % 64 & 1) != 0;
}

/* The first call that is not answered. */
static inline struct call *window_first_call(const struct window *window)
{
    assert(window->flushed < window->count);
    return &window->calls[window->flushed];
}

/* What is left of the window moves into a block of its own: window, calls, words, the words' bytes. PARKED. Replies that are done but wait
 * for an earlier one leave the round's buffers. NULL: no memory; the window is as it was, except for such replies.
 *
 * input    where the words are: it is taken, and they stay there; capacity 0: they are copied. Not with a window that was RESUMED, which
 *          is in such a block and stays there.  */
MUST_USE struct window *window_park(struct window *window, struct buffer *input);
/* What the words of its calls take that are not answered. */
size_t window_words_bytes(const struct window *window);
/* Frees the words of the call, its reply and its transaction. Without any baton. */
void call_drop(struct call *call);
/* Drops the calls that were not answered; a parked window's block is freed. No job, no ticket and nobody blocked may be left (jobs_abandon); a call of all threads
 * goes on without the call.  */
void window_drop(struct window *window);
size_t window_memory_bytes(const struct window *window);

#endif

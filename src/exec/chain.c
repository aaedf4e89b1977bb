/* chain.c - `pipeline-order strict`: no client sees a later command of a connection without an earlier one.
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
 * Threads    A chain belongs to whoever runs or moves it; it travels by inboxes, and back to its maker as mail.
 * Invariant  H1 the positions of a window's calls never fall; H2 a position has calls of one shard only; H3 a call that cannot run cuts
 *            its window on all shards.
 * Limits     CHAIN_POSITIONS: a window that would pass them ends earlier.  */
#include "shard/thread_private.h"

#include <assert.h>

bool chain_is_needed(const struct thread *thread)
{
    const struct server *server = thread->server;
    return server->shard_count > 1 &&
           atomic_load_explicit(&server->config->pipeline_order, memory_order_relaxed) == PIPELINE_STRICT;
}

bool chain_has_room(const struct thread *thread, const struct window *window)
{
    return window->position + thread->server->shard_count < CHAIN_POSITIONS;
}

void chain_place(struct thread *thread, struct window *window, struct call *call)
{
    const uint32_t shards = thread->server->shard_count;
    /* A shard's place in each generation; the thread's own shard is the first. */
    const uint32_t place = call->shard >= thread->number ? call->shard - thread->number : call->shard + shards - thread->number;
    uint32_t position = window->position - window->place + place;
    if (window->has_placed && place != window->place) {
        position += place < window->place ? shards : 0;
        window->is_spread = true;
    }
    assert(position < CHAIN_POSITIONS);
    call->position = (uint16_t)position;
    call->state = CALL_PLACED;
    window->position = (uint16_t)position;
    window->place = (uint16_t)place;
    window->has_placed = true;
}

static void chain_add(struct chain *chain, struct call *call)
{
    const uint32_t position = call->position;
    const uint64_t bit = UINT64_C(1) << (position % 64);
    call->state = CALL_QUEUED;
    call->next = NULL;
    if ((chain->used[position / 64] & bit) == 0) {
        chain->used[position / 64] |= bit;
        chain->first[position] = call;
    } else {
        assert(chain->last[position]->shard == call->shard);
        chain->last[position]->next = call;
    }
    chain->last[position] = call;
    chain->call_count++;
    call->window->queued++;
}

void chain_queue_window(struct round *round, struct window *window)
{
    if (!window->has_placed) {
        return;
    }
    for (uint32_t i = window->flushed; i < window->count; i++) {
        struct call *call = &window->calls[i];
        if (call->state != CALL_PLACED) {
            continue;
        }
        if (window->is_spread) {
            chain_add(&round->chain, call);
        } else {
            round_queue_call(round, call);
        }
    }
}

/* --- on the way --- */

/* The first used position from `from` on; CHAIN_POSITIONS: none. */
static uint32_t position_from(const struct chain *chain, uint32_t from)
{
    for (uint32_t word = from / 64; word < CHAIN_POSITIONS / 64; word++) {
        uint64_t left = chain->used[word];
        if (word == from / 64) {
            left &= ~UINT64_C(0) << (from % 64);
        }
        if (left != 0) {
            return word * 64 + (uint32_t)__builtin_ctzll(left);
        }
    }
    return CHAIN_POSITIONS;
}

static bool set_position(struct chain *chain, uint32_t position)
{
    if (position == CHAIN_POSITIONS) {
        return false;
    }
    struct batch *batch = &chain->batch;
    chain->position = position;
    batch->first = chain->first[position];
    batch->shard = &batch->home->server->shards[batch->first->shard];
    return true;
}

void chain_begin(struct chain *chain)
{
    const bool has_calls = set_position(chain, position_from(chain, 0));
    assert(has_calls);
    (void)has_calls;
}

bool chain_next(struct batch *batch)
{
    struct chain *chain = batch->chain;
    return chain != NULL && set_position(chain, position_from(chain, chain->position + 1));
}

struct call *chain_call_after(const struct chain *chain, const struct call *call)
{
    if (call != NULL && call->next != NULL) {
        return call->next;
    }
    const uint32_t position = position_from(chain, call == NULL ? 0 : call->position + 1u);
    return position == CHAIN_POSITIONS ? NULL : chain->first[position];
}

struct call *chain_call_after_on_shard(const struct chain *chain, const struct call *call)
{
    if (call->next != NULL) {
        return call->next;
    }
    const uint32_t shards = chain->batch.home->server->shard_count;
    for (uint32_t position = call->position + shards; position < CHAIN_POSITIONS; position += shards) {
        if ((chain->used[position / 64] >> position % 64 & 1) != 0) {
            return chain->first[position];
        }
    }
    return NULL;
}

void chain_reset(struct chain *chain)
{
    if (chain->call_count > 0) {
        memset(chain->used, 0, sizeof chain->used);
        memset(chain->prefetched, 0, sizeof chain->prefetched);
        chain->call_count = 0;
    }
}

/* chain.c - see chain.h.  */
#include "exec/chain.h"

#include "shard/server.h"
#include "shard/thread.h"

#include <assert.h>
#include <string.h>

uint32_t chain_position_count(uint32_t shard_count)
{
    const uint32_t wanted = CHAIN_GENERATIONS_MIN * shard_count;
    return wanted <= CHAIN_POSITIONS_MIN ? CHAIN_POSITIONS_MIN : (wanted + 63) & ~63u;
}

bool chain_is_needed(const struct thread *thread)
{
    const struct server *server = thread->server;
    return server->shard_count > 1 &&
           atomic_load_explicit(&server->config->pipeline_order, memory_order_relaxed) == PIPELINE_STRICT;
}

bool chain_has_room(const struct thread *thread, const struct window *window)
{
    const uint32_t shards = thread->server->shard_count;
    return window->position + shards < chain_position_count(shards);
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
    assert(position < chain_position_count(shards));
    call->position = (uint16_t)position;
    call_enter(call, CALL_PLACED);
    window->position = (uint16_t)position;
    window->place = (uint16_t)place;
    window->has_placed = true;
}

static void chain_add(struct chain *chain, struct call *call)
{
    const uint32_t position = call->position;
    const uint64_t bit = UINT64_C(1) << (position % 64);
    struct chain_slot *slot = &chain->slots[position];
    call_enter(call, CALL_QUEUED);
    call->next = NULL;
    if ((chain->used[position / 64] & bit) == 0) {
        chain->used[position / 64] |= bit;
        slot->first = call;
    } else {
        assert(slot->last->shard == call->shard);
        slot->last->next = call;
    }
    slot->last = call;
    chain->call_count++;
    call->window->queued++;
}

void chain_queue_window(struct chain *chain, struct batch *batches, struct window *window)
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
            chain_add(chain, call);
        } else {
            batch_add_call(&batches[call->shard], call);
        }
    }
}

/* --- on the way --- */

/* The first used position from `from` on; position_count: none. */
static uint32_t position_from(const struct chain *chain, uint32_t from)
{
    for (uint32_t word = from / 64; word < chain->position_count / 64; word++) {
        uint64_t left = chain->used[word];
        if (word == from / 64) {
            left &= ~UINT64_C(0) << (from % 64);
        }
        if (left != 0) {
            return word * 64 + (uint32_t)__builtin_ctzll(left);
        }
    }
    return chain->position_count;
}

static bool set_position(struct chain *chain, uint32_t position)
{
    if (position == chain->position_count) {
        return false;
    }
    struct batch *batch = &chain->batch;
    chain->position = position;
    batch->first = chain->slots[position].first;
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
    return position == chain->position_count ? NULL : chain->slots[position].first;
}

struct call *chain_call_after_on_shard(const struct chain *chain, const struct call *call)
{
    if (call->next != NULL) {
        return call->next;
    }
    const uint32_t shards = chain->batch.home->server->shard_count;
    for (uint32_t position = call->position + shards; position < chain->position_count; position += shards) {
        if ((chain->used[position / 64] >> position % 64 & 1) != 0) {
            return chain->slots[position].first;
        }
    }
    return NULL;
}

void chain_reset(struct chain *chain)
{
    if (chain->call_count > 0) {
        memset(chain->used, 0, chain->position_count / 64 * sizeof *chain->used);
        memset(chain->prefetched, 0, chain->batch.home->server->shard_count);
        chain->call_count = 0;
    }
}

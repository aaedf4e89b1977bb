/* round.c - see round.h.  */
#include "exec/round.h"

#include "exec/executor.h"
#include "exec/run.h"
#include "mem/heap.h"
#include "shard/server.h"
#include "shard/thread.h"

#include <assert.h>
#include <string.h>

enum {
    ROUND_SPARE_MAX = 4,
    BATCH_REPLY_KEEP = 65536,       /* a batch's reply buffer is cut back to its start */
    BATCH_REPLY_START_MAX = 8192,
    BATCH_REPLY_START_ALL = 131072, /* of all batches of a round; but not less than */
    BATCH_REPLY_START_MIN = 512,    /* for each of them */
};

/* Room for replies that a batch has from the start. */
static size_t reply_start_bytes(const struct thread *thread)
{
    const size_t share = BATCH_REPLY_START_ALL / thread->server->shard_count;
    return share > BATCH_REPLY_START_MAX ? BATCH_REPLY_START_MAX : share < BATCH_REPLY_START_MIN ? BATCH_REPLY_START_MIN : share;
}

/* Layout of the block: round, batches, the chain's slots, its bits, its counts. */
static size_t round_bytes(const struct thread *thread)
{
    const uint32_t shards = thread->server->shard_count;
    const uint32_t positions = chain_position_count(shards);
    return sizeof(struct round) + shards * sizeof(struct batch) + positions * sizeof(struct chain_slot) +
           positions / 64 * sizeof(uint64_t) + shards * sizeof(uint8_t);
}

static void batch_came_home(struct thread *thread, struct message *message);

static void batch_open(struct batch *batch, struct round *round, struct thread *home)
{
    batch->message.deliver = batch_came_home;
    batch->round = round;
    batch->home = home;
    batch->replies = BUFFER_EMPTY(MEM_OUTPUT_BUFFER);
}

static void chain_open(struct chain *chain, struct round *round, struct thread *home)
{
    const uint32_t shards = home->server->shard_count;
    batch_open(&chain->batch, round, home);
    chain->batch.chain = chain;
    chain->position_count = chain_position_count(shards);
    chain->slots = (struct chain_slot *)(round->batches + shards);
    chain->used = (uint64_t *)(chain->slots + chain->position_count);
    chain->prefetched = (uint8_t *)(chain->used + chain->position_count / 64);
}

static struct round *round_create(struct thread *thread)
{
    struct round *round = thread_alloc_zeroed(MEM_SERVER, round_bytes(thread));
    if (round == NULL) {
        return NULL;
    }
    round->replies = BUFFER_EMPTY(MEM_OUTPUT_BUFFER);
    bool is_there = buffer_reserve(&round->replies, BATCH_REPLY_START_MAX);
    for (uint32_t i = 0; i < thread->server->shard_count; i++) {
        struct batch *batch = &round->batches[i];
        batch_open(batch, round, thread);
        batch->shard = &thread->server->shards[i];
        is_there = buffer_reserve(&batch->replies, reply_start_bytes(thread)) && is_there;
    }
    chain_open(&round->chain, round, thread);
    (void)is_there; /* a refusal shows when a reply needs the room */
    return round;
}

static void round_destroy(struct thread *thread, struct round *round)
{
    for (uint32_t i = 0; i < thread->server->shard_count; i++) {
        buffer_release(&round->batches[i].replies);
    }
    buffer_release(&round->chain.batch.replies);
    buffer_release(&round->replies);
    thread_free(MEM_SERVER, round, round_bytes(thread));
}

struct round *round_get(struct thread *thread)
{
    struct executor *executor = thread->executor;
    struct round *round = executor->spare_rounds;
    if (round == NULL) {
        return round_create(thread);
    }
    executor->spare_rounds = round->next;
    executor->spare_count--;
    executor->spare_least = executor->spare_count < executor->spare_least ? executor->spare_count : executor->spare_least;
    round->next = NULL;
    return round;
}

static void reset_buffer(struct buffer *buffer, size_t start)
{
    buffer->len = 0;
    if (UNLIKELY(buffer->capacity > BATCH_REPLY_KEEP)) {
        buffer_shrink(buffer, start);
    }
}

static void round_put(struct thread *thread, struct round *round)
{
    struct executor *executor = thread->executor;
    const size_t start = reply_start_bytes(thread);
    assert(round->batches_out == 0);
    round->call_count = round->window_count = round->word_count = 0;
    round->listed = NULL;
    chain_reset(&round->chain);
    reset_buffer(&round->replies, BATCH_REPLY_START_MAX);
    reset_buffer(&round->chain.batch.replies, BATCH_REPLY_START_MAX);
    for (uint32_t i = 0; i < thread->server->shard_count; i++) {
        reset_buffer(&round->batches[i].replies, start);
        round->batches[i].first = round->batches[i].last = NULL;
        round->batches[i].count = 0;
    }
    if (executor->spare_count >= ROUND_SPARE_MAX) {
        round_destroy(thread, round);
        return;
    }
    round->next = executor->spare_rounds;
    executor->spare_rounds = round;
    executor->spare_count++;
}

bool rounds_open(struct thread *thread)
{
    struct round *round = round_get(thread);
    if (round != NULL) {
        round_put(thread, round);
    }
    return round != NULL;
}

void rounds_close(struct thread *thread)
{
    while (thread->executor->spare_rounds != NULL) {
        round_destroy(thread, round_get(thread));
    }
}

void rounds_trim(struct thread *thread)
{
    struct executor *executor = thread->executor;
    const uint32_t unused = executor->spare_least;
    executor->spare_least = executor->spare_count;
    struct round *round = executor->spare_rounds;
    if (unused == 0) {
        return;
    }
    if (executor->spare_count > 1) {
        executor->spare_rounds = round->next;
        executor->spare_least = --executor->spare_count;
        round_destroy(thread, round);
        return;
    }
    buffer_shrink(&round->replies, BATCH_REPLY_START_MAX);
    buffer_shrink(&round->chain.batch.replies, BATCH_REPLY_START_MAX);
    for (uint32_t i = 0; i < thread->server->shard_count; i++) {
        buffer_shrink(&round->batches[i].replies, reply_start_bytes(thread));
    }
}

static size_t grown_bytes(const struct buffer *replies, size_t start)
{
    const size_t block = thread_block_bytes(start);
    return replies->capacity > block ? replies->capacity - block : 0;
}

size_t rounds_spare_bytes(const struct thread *thread)
{
    const struct executor *executor = thread->executor;
    size_t bytes = executor->spare_count > 1 ? (executor->spare_count - 1) * round_bytes(thread) : 0;
    for (const struct round *round = executor->spare_rounds; round != NULL; round = round->next) {
        bytes += grown_bytes(&round->replies, BATCH_REPLY_START_MAX) +
                 grown_bytes(&round->chain.batch.replies, BATCH_REPLY_START_MAX);
        for (uint32_t i = 0; i < thread->server->shard_count; i++) {
            bytes += grown_bytes(&round->batches[i].replies, reply_start_bytes(thread));
        }
    }
    return bytes;
}

/* --- filling --- */

static void list_window(struct round *round, struct window *window)
{
    window->next = round->listed;
    round->listed = window;
}

struct window *round_add_window(struct round *round, struct session *session, size_t unsent)
{
    assert(round->window_count < ROUND_CALLS);
    struct window *window = &round->windows[round->window_count++];
    window->session = session;
    window->calls = &round->calls[round->call_count];
    window->count = window->flushed = window->queued = 0;
    window->position = window->place = 0;
    window->is_spread = window->has_placed = false;
    window->state = WINDOW_IN_ROUND;
    window->parked_bytes = 0;
    atomic_store_explicit(&window->reply_bytes, unsent, memory_order_relaxed);
    atomic_store_explicit(&window->cut_shards, 0, memory_order_relaxed);
    list_window(round, window);
    return window;
}

void round_resume_window(struct round *round, struct window *window, size_t unsent)
{
    window_enter(window, WINDOW_RESUMED);
    window->position = window->place = 0;
    window->is_spread = window->has_placed = false;
    atomic_store_explicit(&window->reply_bytes, unsent, memory_order_relaxed);
    atomic_store_explicit(&window->cut_shards, 0, memory_order_relaxed);
    list_window(round, window);
}

struct call *round_add_call(struct round *round, struct window *window)
{
    assert(round->call_count < ROUND_CALLS);
    struct call *call = &round->calls[round->call_count++];
    assert(call == window->calls + window->count);
    window->count++;
    call->window = window;
    call->next = NULL;
    call->state = CALL_READY;
    call->routed = NULL;
    call->routed_number = call->routed_of = 0;
    call->ticket = NULL;
    call->transaction = NULL;
    call->is_routed = call->is_exclusive = call->is_error = call->ends_connection = call->is_broken = false;
    call->ticks = 0;
    call->reply_len = 0;
    call->logged.sequence = 0;
    call->tracked = 0;
    call->own = BUFFER_EMPTY(MEM_OUTPUT_BUFFER);
    return call;
}

void round_undo_call(struct round *round, struct window *window)
{
    struct call *call = &window->calls[window->count - 1];
    assert(call->state == CALL_READY && call == &round->calls[round->call_count - 1]);
    call_drop(call);
    window->count--;
    round->call_count--;
}

/* --- running --- */

/* The batch has run: its calls are their windows' again. */
static void batch_unqueue(struct batch *batch)
{
    for (struct call *call = batch_call_after(batch, NULL); call != NULL; call = batch_call_after(batch, call)) {
        call->window->queued--;
    }
}

static void windows_are_back(struct thread *thread, struct round *round)
{
    struct window *next;
    for (struct window *window = round->listed; window != NULL; window = next) {
        next = window->next;
        if (window->queued == 0) {
            thread->executor->window_is_back(thread, window);
        }
    }
}

/* Another thread ran it, or it waited in an inbox until this thread ran it. */
static void batch_came_home(struct thread *thread, struct message *message)
{
    struct batch *batch = (struct batch *)((char *)message - offsetof(struct batch, message));
    struct round *round = batch->round;
    struct call *next;
    assert(batch->home == thread && round->batches_out > 0 && thread->executor->abroad_count > 0);
    thread->executor->abroad_count--;
    for (struct call *call = batch_call_after(batch, NULL); call != NULL; call = next) {
        next = batch_call_after(batch, call); /* first: the call may be gone with its window */
        struct window *window = call->window;
        if (--window->queued == 0) {
            thread->executor->window_is_back(thread, window);
        }
    }
    if (--round->batches_out == 0) {
        round_put(thread, round);
    }
}

static void submit(struct thread *thread, struct batch *batch)
{
    struct round *round = batch->round;
    round->batches_out++;
    thread->executor->abroad_count++;
    if (batch_submit(thread, batch)) {
        round->batches_out--;
        thread->executor->abroad_count--;
        batch_unqueue(batch);
    }
}

void round_run(struct thread *thread, struct round *round)
{
    uint32_t shard_count = thread->server->shard_count;
    for (uint32_t i = 0; i < shard_count; i++) {
        struct batch *batch = &round->batches[(thread->number + i) % shard_count];
        if (batch->count > 0) {
            submit(thread, batch);
        }
    }
    if (round->chain.call_count > 0) {
        chain_begin(&round->chain);
        submit(thread, &round->chain.batch);
    }
    windows_are_back(thread, round);
    if (round->batches_out == 0) {
        round_put(thread, round);
    }
}

/* round.c - the commands of a turn: calls in windows (one a connection) and batches (one a shard), and their answers in order.
 *
 * A round is filled, run and emptied within a turn. When another thread holds a shard, that batch is handed over and
 * the round stays until it is back. What cannot be answered then (a job, a lock, a connection that does not take its
 * replies) is parked: copied into a block of the connection's own, words included, so that rounds and receive buffers are free.
 *
 * Threads    The connection's thread.
 * Invariant  R1 a connection has at most one window; R2 a window is flushed only while none of its calls is in a batch that
 *            has not come back (queued == 0); R3 replies leave in the order of the calls.  */
#include "mem/heap.h"
#include "shard/thread_private.h"

#include <assert.h>
#include <stdalign.h>
#include <string.h>

enum { REPLY_COPY_MAX = 4096 }; /* a shorter reply of its own is copied: a chunk more costs more than that */

static size_t round_bytes(const struct thread *thread)
{
    return sizeof(struct round) + thread->server->shard_count * sizeof(struct batch);
}

static void batch_was_run_elsewhere(struct thread *thread, struct mail *mail);

static struct round *round_create(struct thread *thread)
{
    struct round *round = thread_alloc_zeroed(MEM_SERVER, round_bytes(thread));
    if (round == NULL) {
        return NULL;
    }
    round->replies = BUFFER_EMPTY(MEM_OUTPUT_BUFFER);
    bool is_there = buffer_reserve(&round->replies, BATCH_REPLY_START);
    for (uint32_t i = 0; i < thread->server->shard_count; i++) {
        struct batch *batch = &round->batches[i];
        batch->mail.deliver = batch_was_run_elsewhere;
        batch->round = round;
        batch->home = thread;
        batch->shard = &thread->server->shards[i];
        batch->replies = BUFFER_EMPTY(MEM_OUTPUT_BUFFER);
        is_there = buffer_reserve(&batch->replies, BATCH_REPLY_START) && is_there;
    }
    round->chain.batch = (struct batch){.mail = {.deliver = batch_was_run_elsewhere},
                                        .round = round,
                                        .chain = &round->chain,
                                        .home = thread,
                                        .replies = BUFFER_EMPTY(MEM_OUTPUT_BUFFER)};
    (void)is_there; /* a refusal shows when a reply needs the room */
    return round;
}

void round_destroy(struct thread *thread, struct round *round)
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
    struct round *round = thread->spare_rounds;
    if (round == NULL) {
        return round_create(thread);
    }
    thread->spare_rounds = round->next;
    thread->spare_count--;
    thread->spare_least = thread->spare_count < thread->spare_least ? thread->spare_count : thread->spare_least;
    round->next = NULL;
    return round;
}

static void reset_buffer(struct buffer *buffer)
{
    buffer->len = 0;
    if (UNLIKELY(buffer->capacity > BATCH_REPLY_KEEP)) {
        buffer_shrink(buffer, BATCH_REPLY_START);
    }
}

void round_put(struct thread *thread, struct round *round)
{
    assert(round->batches_out == 0);
    round->call_count = round->window_count = round->word_count = 0;
    round->listed = NULL;
    chain_reset(&round->chain);
    reset_buffer(&round->replies);
    reset_buffer(&round->chain.batch.replies);
    for (uint32_t i = 0; i < thread->server->shard_count; i++) {
        reset_buffer(&round->batches[i].replies);
        round->batches[i].first = round->batches[i].last = NULL;
        round->batches[i].count = 0;
    }
    if (thread->spare_count >= ROUND_SPARE_MAX) {
        round_destroy(thread, round);
        return;
    }
    round->next = thread->spare_rounds;
    thread->spare_rounds = round;
    thread->spare_count++;
}

void rounds_trim(struct thread *thread)
{
    const uint32_t unused = thread->spare_least;
    thread->spare_least = thread->spare_count;
    struct round *round = thread->spare_rounds;
    if (unused == 0) {
        return;
    }
    if (thread->spare_count > 1) {
        thread->spare_rounds = round->next;
        thread->spare_least = --thread->spare_count;
        round_destroy(thread, round);
        return;
    }
    buffer_shrink(&round->replies, BATCH_REPLY_START);
    buffer_shrink(&round->chain.batch.replies, BATCH_REPLY_START);
    for (uint32_t i = 0; i < thread->server->shard_count; i++) {
        buffer_shrink(&round->batches[i].replies, BATCH_REPLY_START);
    }
}

static size_t grown_bytes(const struct buffer *replies)
{
    const size_t start = thread_block_bytes(BATCH_REPLY_START);
    return replies->capacity > start ? replies->capacity - start : 0;
}

size_t rounds_spare_bytes(const struct thread *thread)
{
    size_t bytes = thread->spare_count > 1 ? (thread->spare_count - 1) * round_bytes(thread) : 0;
    for (const struct round *round = thread->spare_rounds; round != NULL; round = round->next) {
        bytes += grown_bytes(&round->replies) + grown_bytes(&round->chain.batch.replies);
        for (uint32_t i = 0; i < thread->server->shard_count; i++) {
            bytes += grown_bytes(&round->batches[i].replies);
        }
    }
    return bytes;
}

/* --- filling --- */

void round_list_window(struct round *round, struct window *window)
{
    if (!window->is_listed) {
        window->is_listed = true;
        window->next = round->listed;
        round->listed = window;
    }
}

struct window *round_add_window(struct round *round, struct connection *connection)
{
    assert(round->window_count < ROUND_CALLS && connection->window == NULL);
    struct window *window = &round->windows[round->window_count++];
    window->connection = connection;
    window->calls = &round->calls[round->call_count];
    window->count = window->flushed = window->queued = 0;
    window->position = window->place = 0;
    window->is_spread = window->has_placed = false;
    window->is_parked = window->is_listed = false;
    window->parked_bytes = 0;
    atomic_store_explicit(&window->reply_bytes, connection->output.bytes, memory_order_relaxed);
    atomic_store_explicit(&window->cut_shards, 0, memory_order_relaxed);
    connection->window = window;
    round_list_window(round, window);
    return window;
}

struct call *round_add_call(struct round *round, struct window *window)
{
    assert(round->call_count < ROUND_CALLS);
    struct call *call = &round->calls[round->call_count++];
    assert(call == window->calls + window->count);
    window->count++;
    call->window = window;
    call->next = NULL;
    call->routed = NULL;
    call->routed_number = 0;
    call->is_routed = call->is_alone = call->is_error = call->must_close = call->is_broken = false;
    call->ticks = 0;
    call->reply_len = 0;
    call->own = BUFFER_EMPTY(MEM_OUTPUT_BUFFER);
    call->job = NULL;
    return call;
}

void round_queue_call(struct round *round, struct call *call)
{
    struct batch *batch = &round->batches[call->shard];
    call->state = CALL_QUEUED;
    call->next = NULL;
    if (batch->last == NULL) {
        batch->first = call;
    } else {
        batch->last->next = call;
    }
    batch->last = call;
    batch->count++;
    call->window->queued++;
}

/* --- answering --- */

static void call_drop(struct call *call)
{
    buffer_release(&call->own);
    parsed_words_free(call->own_words, call->own_words_capacity);
    call->own_words = NULL;
}

static void report_slow(struct thread *thread, const struct call *call)
{
    const struct command_observer *observer = thread->server->observer;
    if (observer == NULL || call->spec == NULL) {
        return;
    }
    struct slow_command what = {
        .spec = call->spec,
        .argv = call->argv,
        .argc = call->argc,
        .duration_us = (uint64_t)((double)call->ticks / thread->server->ticks_per_us),
        .now_ms = thread->now_ms,
        .session = &call->window->connection->session,
    };
    observer->slow_command(thread->server, &what);
}

static void call_answer(struct thread *thread, struct call *call)
{
    struct connection *connection = call->window->connection;
    bool is_sent = true;
    if (UNLIKELY(call->ticks > thread->slow_ticks)) {
        report_slow(thread, call);
    }
    if (!call->is_silent && !call->is_broken) {
        if (call->own.capacity > 0 && call->own.len <= REPLY_COPY_MAX) {
            is_sent = output_append(&connection->output, &thread->chunks, buffer_bytes(&call->own));
        } else if (call->own.capacity > 0) {
            is_sent = output_take(&connection->output, &thread->chunks, &call->own);
        } else {
            struct bytes text = {call->replies->data + call->reply_start, call->reply_len};
            is_sent = output_append(&connection->output, &thread->chunks, text);
        }
    }
    if (UNLIKELY(call->is_broken || !is_sent)) {
        connection_close(connection);
    }
    if (UNLIKELY(call->must_close)) {
        if (call->spec == NULL && !call->is_silent) {
            connection_linger(connection); /* a protocol error: more is coming, and is not read */
        } else {
            connection->close_after_replies = true;
        }
    }
    if (UNLIKELY(call->own_words != NULL || call->own.capacity > 0)) {
        call_drop(call);
    }
}

/* Answers from calls[flushed] on. Runs of small replies that stand side by side in one buffer go out in one copy. */
static void answer_in_order(struct thread *thread, struct window *window)
{
    struct connection *connection = window->connection;
    while (window->flushed < window->count && window->calls[window->flushed].state == CALL_DONE) {
        struct call *first = &window->calls[window->flushed];
        struct call *end = window->calls + window->count;
        size_t len = 0;
        struct call *call = first;
        while (call < end && call->state == CALL_DONE && call->own.capacity == 0 && !call->is_silent &&
               !call->is_broken && !call->must_close && call->own_words == NULL && call->replies == first->replies &&
               call->reply_start == first->reply_start + len && call->ticks <= thread->slow_ticks) {
            len += call->reply_len;
            call++;
        }
        if (call == first) {
            call_answer(thread, first);
            window->flushed++;
            continue;
        }
        window->flushed += (uint32_t)(call - first);
        struct bytes text = {first->replies->data + first->reply_start, len};
        if (!output_append(&connection->output, &thread->chunks, text)) {
            connection_close(connection);
        }
    }
}

void window_drop(struct window *window)
{
    for (uint32_t i = window->flushed; i < window->count; i++) {
        call_drop(&window->calls[i]);
    }
    window->connection->window = NULL;
    if (window->is_parked) {
        thread_free(MEM_CLIENT, window, window->parked_bytes);
    }
}

/* --- parking --- */

/* Replies that are done but wait for an earlier one leave the round's buffers. */
static bool own_replies(struct window *window)
{
    for (uint32_t i = window->flushed; i < window->count; i++) {
        struct call *call = &window->calls[i];
        if (call->state == CALL_DONE && call->own.capacity == 0 && call->reply_len > 0) {
            struct bytes text = {call->replies->data + call->reply_start, call->reply_len};
            if (!buffer_append(&call->own, text)) {
                return false;
            }
        }
    }
    return true;
}

static size_t parked_bytes_needed(const struct window *window, uint32_t *words)
{
    size_t bytes = 0;
    *words = 0;
    for (uint32_t i = window->flushed; i < window->count; i++) {
        *words += window->calls[i].argc;
        for (uint32_t j = 0; j < window->calls[i].argc; j++) {
            bytes += window->calls[i].argv[j].len;
        }
    }
    return sizeof(struct window) + (window->count - window->flushed) * sizeof(struct call) +
           *words * sizeof(struct bytes) + bytes + alignof(max_align_t);
}

static void copy_call(struct call *to, const struct call *from, struct window *window, struct bytes **words, char **text)
{
    *to = *from;
    to->window = window;
    to->next = NULL;
    to->argv = *words;
    to->own_words = NULL;
    for (uint32_t j = 0; j < from->argc; j++) {
        (*words)[j] = (struct bytes){*text, from->argv[j].len};
        if (from->argv[j].len > 0) {
            memcpy(*text, from->argv[j].data, from->argv[j].len);
        }
        *text += from->argv[j].len;
    }
    *words += from->argc;
}

/* Layout of the block: window, calls, words, the words' bytes. NULL: no memory. */
static struct window *window_park(struct window *window)
{
    uint32_t word_count;
    size_t bytes = parked_bytes_needed(window, &word_count);
    struct window *parked = thread_alloc(MEM_CLIENT, bytes);
    if (parked == NULL) {
        return NULL;
    }
    struct connection *connection = window->connection;
    *parked = (struct window){.connection = connection,
                              .calls = (struct call *)(parked + 1),
                              .count = window->count - window->flushed,
                              .is_parked = true,
                              .parked_bytes = bytes};
    struct bytes *words = (struct bytes *)(parked->calls + parked->count);
    char *text = (char *)(words + word_count);
    for (uint32_t i = 0; i < parked->count; i++) {
        struct call *from = &window->calls[window->flushed + i];
        copy_call(&parked->calls[i], from, parked, &words, &text);
        parsed_words_free(from->own_words, from->own_words_capacity);
        from->own_words = NULL;
    }
    connection->window = parked;
    return parked;
}

size_t window_memory_bytes(const struct window *window)
{
    size_t total = window->is_parked ? thread_block_bytes(window->parked_bytes) : 0;
    if (window->queued > 0) {
        return total; /* whoever runs these calls writes to them now */
    }
    for (uint32_t i = window->flushed; i < window->count; i++) {
        total += window->calls[i].own.capacity;
    }
    return total;
}

/* What is left of the window goes on later: by which list depends on what it waits for. */
static void window_continue_later(struct thread *thread, struct window *window)
{
    struct connection *connection = window->connection;
    struct call *first = &window->calls[window->flushed];
    if (first->state == CALL_BUSY) {
        if (first->job != NULL && connection->job == NULL) {
            struct job *job = first->job;
            first->job = NULL;
            if (!job_begin(thread, first, job)) {
                window_flush(thread, window);
            }
        }
        return;
    }
    if (first->state == CALL_WAITING) {
        connection_list_add(connection, LIST_WAITING);
        return;
    }
    if (first->state == CALL_DEFERRED && !connection_has_room_for(connection, first->spec)) {
        connection->waits_for_room = true;
    }
    if (connection_has_output_room(connection)) {
        connection_list_add(connection, LIST_READY);
    }
    /* Otherwise connection_was_sent adds it to LIST_READY. */
}

void window_flush(struct thread *thread, struct window *window)
{
    assert(window->queued == 0);
    struct connection *connection = window->connection;
    answer_in_order(thread, window);
    if (connection->output.bytes > 0) {
        connection_list_add(connection, LIST_DIRTY);
    }
    if (connection->is_closing && connection->visits == 0) {
        job_abandon(thread, connection);
        window_drop(window);
        connection_list_add(connection, LIST_DIRTY); /* perhaps nothing else was under way: it can be freed */
        return;
    }
    if (window->flushed == window->count) {
        window_drop(window);
        connection_window_ended(connection);
        return;
    }
    bool is_safe = own_replies(window);
    if (is_safe && !window->is_parked) {
        struct window *parked = window_park(window);
        is_safe = parked != NULL;
        window = is_safe ? parked : window;
        if (is_safe) {
            connection_join_backlog(connection);
        }
    }
    if (!is_safe) {
        job_abandon(thread, connection);
        window_drop(window);
        connection_close(connection);
        return;
    }
    window_continue_later(thread, window);
}

/* --- running --- */

/* The next call of a batch, or of the chain that it is. */
static struct call *batch_call_after(const struct batch *batch, const struct call *call)
{
    if (batch->chain != NULL) {
        return chain_call_after(batch->chain, call);
    }
    return call == NULL ? batch->first : call->next;
}

/* The batch has run: its calls are their windows' again. */
static void batch_unqueue(struct batch *batch)
{
    for (struct call *call = batch_call_after(batch, NULL); call != NULL; call = batch_call_after(batch, call)) {
        call->window->queued--;
    }
}

static void flush_listed(struct thread *thread, struct round *round)
{
    struct window *next;
    for (struct window *window = round->listed; window != NULL; window = next) {
        next = window->next;
        if (window->queued == 0) {
            window->is_listed = false;
            window_flush(thread, window);
        }
    }
}

/* The mail of a batch that another thread ran (or that waited in an inbox until this thread ran it). */
static void batch_was_run_elsewhere(struct thread *thread, struct mail *mail)
{
    struct batch *batch = (struct batch *)((char *)mail - offsetof(struct batch, mail));
    struct round *round = batch->round;
    struct call *next;
    assert(round->batches_out > 0);
    for (struct call *call = batch_call_after(batch, NULL); call != NULL; call = next) {
        next = batch_call_after(batch, call); /* first: the call may be gone with its window */
        struct window *window = call->window;
        if (--window->queued == 0) {
            window->is_listed = false;
            window_flush(thread, window);
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
    if (batch_submit(thread, batch)) {
        round->batches_out--;
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
    flush_listed(thread, round);
    if (round->batches_out == 0) {
        round_put(thread, round);
    }
}

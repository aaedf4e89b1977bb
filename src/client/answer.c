/* answer.c - see answer.h.  */
#include "client/answer.h"

#include "client/connection.h"
#include "client/hold.h"
#include "client/input.h"
#include "client/ready.h"
#include "exec/block.h"
#include "exec/exec.h"
#include "exec/finish.h"
#include "exec/job.h"
#include "exec/waiting.h"
#include "exec/window.h"
#include "shard/server.h"

enum {
    REPLY_COPY_MAX = 4096, /* a shorter reply of its own is copied: a chunk more costs more than that */
    PARK_STAY_MIN = 65536, /* so many bytes of words are not copied when a window is parked */
};

/* --- replies --- */

static void call_answer(struct thread *thread, struct call *call)
{
    struct connection *connection = connection_of(call->window->session);
    bool is_sent = true;
    if (UNLIKELY(call->logged.sequence != 0)) {
        connection_hold(connection, call->logged, connection->output.bytes);
    }
    if (call_is_costly(thread, call)) {
        call_report_costly(thread, call, call->window->session);
    }
    if (!call->is_silent && !call->is_broken) {
        if (call->own.capacity > 0 && call->own.len <= REPLY_COPY_MAX) {
            is_sent = output_append(&connection->output, &thread->clients->chunks, buffer_bytes(&call->own));
        } else if (call->own.capacity > 0) {
            is_sent = output_take(&connection->output, &thread->clients->chunks, &call->own);
        } else {
            struct bytes text = {buffer_at(call->replies, call->reply_start), call->reply_len};
            is_sent = output_append(&connection->output, &thread->clients->chunks, text);
        }
    }
    if (UNLIKELY(call->is_broken || !is_sent)) {
        connection_close(connection);
    }
    if (UNLIKELY(call->ends_connection)) {
        if (call->spec == NULL && !call->is_silent) {
            connection_linger(connection); /* a protocol error: more is coming, and is not read */
        } else {
            connection_finish(connection);
        }
    }
    if (UNLIKELY(call->own_words != NULL || call->own.capacity > 0 || call->transaction != NULL)) {
        call_drop(call);
    }
}

/* Answers from calls[flushed] on. Runs of small replies that stand side by side in one buffer go out in one copy. */
static void answer_in_order(struct thread *thread, struct window *window)
{
    struct connection *connection = connection_of(window->session);
    while (window->flushed < window->count && window->calls[window->flushed].state == CALL_DONE) {
        struct call *first = &window->calls[window->flushed];
        struct call *end = window->calls + window->count;
        size_t len = 0;
        struct log_mark mark = {0};
        struct call *call = first;
        while (call < end && call->state == CALL_DONE && call->own.capacity == 0 && !call->is_silent &&
               !call->is_broken && !call->ends_connection && call->own_words == NULL && call->transaction == NULL && call->replies == first->replies &&
               call->reply_start == first->reply_start + len && !call_is_costly(thread, call)) {
            len += call->reply_len;
            if (UNLIKELY(call->logged.sequence != 0)) {
                mark = log_mark_join(mark, call->logged);
            }
            call++;
        }
        if (call == first) {
            call_answer(thread, first);
            window->flushed++;
            continue;
        }
        window->flushed += (uint32_t)(call - first);
        struct bytes text = {buffer_at(first->replies, first->reply_start), len};
        if (UNLIKELY(mark.sequence != 0)) {
            connection_hold(connection, mark, connection->output.bytes);
        }
        if (!output_append(&connection->output, &thread->clients->chunks, text)) {
            connection_close(connection);
        }
    }
}

/* --- the window --- */

/* It is answered: input that waited is next. */
static void window_ended(struct connection *connection)
{
    if (connection_is_closing(connection)) {
        connection_list_add(connection, LIST_DIRTY);
        return;
    }
    if (UNLIKELY(!connection->is_receiving)) {
        connection_list_add(connection, LIST_DIRTY); /* perhaps it can be read again */
    }
    if (LIKELY(connection->backlog.capacity == 0 && connection_input(connection).len == 0)) {
        connection_keep_rest(connection);
        return;
    }
    if (connection->backlog.len > 0) {
        connection_join_backlog(connection);
    } else if (!connection->wants_more || connection->held < 0) {
        connection_keep_rest(connection);
    }
    connection_continue(connection);
    connection_release_held(connection);
}

/* Ends the window, with what is left of it. */
static void abandon(struct thread *thread, struct connection *connection, struct window *window)
{
    jobs_abandon(thread, window);
    window_drop(window);
    connection->window = NULL;
}

/* What is left of the window goes on later: by which list depends on what it waits for. */
static void continue_later(struct connection *connection, const struct window *window)
{
    const struct call *first = window_first_call(window);
    if (first->state == CALL_BLOCKED && connection->is_input_ended) {
        connection_list_add(connection, LIST_DIRTY); /* nobody waits for it */
    }
    if (first->state == CALL_JOB || first->state == CALL_ABROAD || first->state == CALL_BLOCKED) {
        return; /* it comes back when that has ended */
    }
    if (window_has_told_call(window)) {
        connection_list_add(connection, LIST_READY);
        return;
    }
    if (first->state == CALL_WAITING) {
        return; /* connection_is_due */
    }
    if (first->state == CALL_DEFERRED && !connection_has_room_for(connection, first->spec)) {
        connection->waits_for_room = true;
    }
    if (connection_has_output_room(connection)) {
        connection_list_add(connection, LIST_READY);
    }
    /* Otherwise connection_continue adds it to LIST_READY. */
}

/* Its first call has started a job, or is blocked. False: the call is answered: no memory, or it has been served already. */
static bool begin_job(struct thread *thread, struct window *window)
{
    struct call *first = window_first_call(window);
    if (first->state == CALL_BLOCKED) {
        return block_begin(thread, first);
    }
    return first->state != CALL_STARTED || job_begin(thread, first);
}

/* Parks what is left. NULL: no memory; the connection ends. */
static struct window *park(struct thread *thread, struct connection *connection, struct window *window)
{
    const bool was_in_round = window->state == WINDOW_IN_ROUND;
    struct buffer input = BUFFER_EMPTY(MEM_QUERY_BUFFER);
    if (was_in_round && window_words_bytes(window) >= PARK_STAY_MIN) {
        const bool is_given = connection_give_query(connection, &input);
        (void)is_given; /* otherwise the words are copied */
    }
    struct window *parked = window->state == WINDOW_PARKED ? window : window_park(window, &input);
    if (parked == NULL) {
        abandon(thread, connection, window);
        buffer_release(&input);
        connection_close(connection);
        return NULL;
    }
    connection->window = parked;
    if (was_in_round) {
        connection_join_backlog(connection);
    }
    return parked;
}

void window_answer(struct thread *thread, struct window *window)
{
    assert(window->queued == 0);
    struct connection *connection = connection_of(window->session);
    bool is_begun;
    do {
        answer_in_order(thread, window);
        if (connection->output.bytes > 0) {
            connection_list_add(connection, LIST_DIRTY);
        }
        if (connection_is_closing(connection)) {
            abandon(thread, connection, window);
            connection_list_add(connection, LIST_DIRTY); /* perhaps nothing else was under way: it can be freed */
            return;
        }
        if (window->flushed == window->count) {
            window_drop(window);
            connection->window = NULL;
            window_ended(connection);
            return;
        }
        window = park(thread, connection, window);
        if (window == NULL) {
            return;
        }
        is_begun = begin_job(thread, window);
    } while (!is_begun);
    jobs_withdraw(thread, window);
    continue_later(connection, window);
}

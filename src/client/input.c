/* input.c - what a client sent, from the receive to the parser; and how fast it is taken.
 *
 *   receive buffer (held) --parsed in place--> calls
 *        |  a command's rest, or more than one buffer
 *        v
 *   query buffer  <-- backlog (what came while calls point into the input)
 *
 * Rules. Input is taken as fast as it is run: while INPUT_AHEAD_BYTES wait behind the command that is next, nothing more is
 * read. The exception is a connection whose commands wait for the client to take its replies: many clients write a whole
 * pipeline before they read, so it is read on, up to client-query-buffer-limit, and while all clients' buffers together are within
 * clients-pending-limit. docs/ARCHITECTURE.md, "Backpressure", has both.
 *
 * A multishot receive delivers what the socket has, up to 512 KiB at once. What is too much of it waits in its receive buffers in a
 * queue of the thread (deferred); the connection is then paced: received 16 KiB at a time, until its socket is empty.
 *
 * Threads    The connection's.
 * Invariant  C1 input is in `held` or in `query`, never in both; C2 while there is a window that is not parked, nothing is added to
 *            either; C3 the bytes of a connection are taken in the order of their completions: while it has a deferred buffer, what
 *            comes is deferred, too.
 * Limits     INPUT_AHEAD_BYTES, STRANGER_INPUT_MAX, DEFERRED_WAITING_MAX; client-query-buffer-limit, clients-pending-limit.  */
#include "mem/heap.h"
#include "shard/log.h"
#include "shard/thread_private.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>

enum {
    INPUT_AHEAD_BYTES = 49152,     /* with the 16 KiB that may come at once: 64 KiB */
    INPUT_AHEAD_NEAR_BYTES = 32768, /* the same when maxmemory is near; room beyond it is kept short then */
    INPUT_GROWTH_MIN = 262144,     /* room that a long query buffer gets ahead */
    INPUT_MISSING_LONG = 131072,   /* a command that lacks more is not received piece by piece */
    STRANGER_INPUT_MAX = 65536,    /* before AUTH */
    DEFERRED_WAITING_MAX = RECEIVE_BUFFERS / 4,
};

static const struct config *config_of(const struct connection *connection)
{
    return connection->thread->server->config;
}

/* --- where input is --- */

struct bytes connection_input(const struct connection *connection)
{
    if (connection->held >= 0) {
        const char *data = ring_buffer(&connection->thread->ring, (uint16_t)connection->held);
        return (struct bytes){data + connection->held_at, connection->held_len - connection->held_at};
    }
    return (struct bytes){connection->query.data + connection->query_at, connection->query.len - connection->query_at};
}

void connection_consume(struct connection *connection, size_t count)
{
    if (connection->held >= 0) {
        connection->held_at += (uint32_t)count;
        assert(connection->held_at <= connection->held_len);
    } else {
        connection->query_at += count;
        assert(connection->query_at <= connection->query.len);
    }
}

size_t connection_waiting_bytes(const struct connection *connection)
{
    const size_t held = connection->held >= 0 ? connection->held_len - connection->held_at : 0;
    return held + connection->query.len - connection->query_at + connection->backlog.len;
}

static bool keep(struct connection *connection, struct buffer *buffer, struct bytes text)
{
    bool is_kept = true;
    if (UNLIKELY(buffer->len + text.len > INPUT_AHEAD_NEAR_BYTES) && buffer->capacity - buffer->len < text.len) {
        if (connection_is_stranger(connection) || evict_is_near(connection->thread->server)) {
            is_kept = buffer_reserve_exactly(buffer, text.len);
        } else if (!connection_has_output_room(connection)) {
            const size_t ahead = buffer->len / 16 > INPUT_GROWTH_MIN ? buffer->len / 16 : INPUT_GROWTH_MIN;
            is_kept = buffer_reserve_exactly(buffer, text.len + ahead);
        }
    }
    if (!is_kept || !buffer_append(buffer, text)) {
        fprintf(stderr, "out of memory: closing a connection\n");
        connection_close(connection);
        return false;
    }
    return true;
}

/* What was read of the query buffer goes. Of a long one not before half of it is read: then each byte is moved once at most,
 * however many windows it takes. */
static void compact_query(struct connection *connection)
{
    struct buffer *query = &connection->query;
    const size_t left = query->len - connection->query_at;
    const bool is_short = left <= INPUT_AHEAD_BYTES + RING_BUFFER_BYTES && connection->query_at >= RING_BUFFER_BYTES;
    if (connection->query_at < left && !is_short) {
        return;
    }
    buffer_consume(query, connection->query_at);
    connection->query_at = 0;
    if (query->capacity > INPUT_AHEAD_NEAR_BYTES && evict_is_near(connection->thread->server)) {
        buffer_shrink(query, query->len);
    }
}

void connection_keep_rest(struct connection *connection)
{
    struct ring *ring = &connection->thread->ring;
    if (connection->held >= 0) {
        struct bytes rest = connection_input(connection);
        uint16_t buffer = (uint16_t)connection->held;
        connection->held = -1;
        if (rest.len > 0) {
            assert(connection->query.len == 0);
            keep(connection, &connection->query, rest);
        }
        ring_buffer_return(ring, buffer);
    } else {
        compact_query(connection);
    }
    if (connection->query.len == 0) {
        buffer_release(&connection->query);
    }
}

void connection_join_backlog(struct connection *connection)
{
    connection_keep_rest(connection);
    if (connection->backlog.len == 0) {
        return;
    }
    if (connection->query.len == 0) {
        buffer_release(&connection->query);
        connection->query = connection->backlog;
        connection->backlog = BUFFER_EMPTY(MEM_QUERY_BUFFER);
    } else if (keep(connection, &connection->query, buffer_bytes(&connection->backlog))) {
        buffer_release(&connection->backlog);
    }
    connection->wants_more = true;
}

void connection_drop_input(struct connection *connection)
{
    assert(connection->window == NULL);
    if (connection->held >= 0) {
        ring_buffer_return(&connection->thread->ring, (uint16_t)connection->held);
        connection->held = -1;
    }
    buffer_release(&connection->query);
    buffer_release(&connection->backlog);
    connection->query_at = 0;
    connection->wants_more = false;
    parser_reset(&connection->parser);
}

/* --- how much is taken --- */

/* Of all connections. */
static int64_t clients_pending_bytes(const struct server *server)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < server->shard_count; i++) {
        const struct mem_counters *counters = __atomic_load_n(&server->threads[i].counters, __ATOMIC_ACQUIRE);
        if (counters == NULL) {
            continue; /* it is starting */
        }
        sum += __atomic_load_n(&counters->class_bytes[MEM_QUERY_BUFFER], __ATOMIC_RELAXED);
        sum += __atomic_load_n(&counters->class_bytes[MEM_OUTPUT_BUFFER], __ATOMIC_RELAXED);
    }
    return sum;
}

void thread_update_pending(struct thread *thread)
{
    const struct config *config = thread->server->config;
    int64_t limit = atomic_load_explicit(&config->clients_pending_limit, memory_order_relaxed);
    const int64_t maxmemory = atomic_load_explicit(&config->maxmemory, memory_order_relaxed);
    if (maxmemory > 0 && (limit == 0 || maxmemory / PENDING_MAXMEMORY_PARTS < limit)) {
        limit = maxmemory / PENDING_MAXMEMORY_PARTS;
    }
    thread->is_pending_too_much = limit > 0 && clients_pending_bytes(thread->server) > limit;
}

bool thread_output_is_full(struct thread *thread, size_t unsent)
{
    if (LIKELY(unsent <= OUTPUT_SOFT_SHORT) || unsent > OUTPUT_SOFT) {
        return unsent > OUTPUT_SOFT;
    }
    thread_update_pending(thread);
    return thread->is_pending_too_much;
}

bool connection_has_room_for(const struct connection *connection, const struct command_spec *spec)
{
    const size_t unsent = connection->output.bytes;
    if (LIKELY(unsent <= OUTPUT_SOFT_STRANGER)) {
        return true;
    }
    if (connection_is_stranger(connection)) {
        return false;
    }
    return !thread_output_is_full(connection->thread, unsent) ||
           ((spec->flags & COMMAND_WRITE) != 0 && unsent <= OUTPUT_WRITES_MAX);
}

bool connection_has_output_room(const struct connection *connection)
{
    const size_t unsent = connection->output.bytes;
    if (LIKELY(unsent <= OUTPUT_SOFT_STRANGER)) {
        return true;
    }
    if (connection_is_stranger(connection)) {
        return false;
    }
    /* Over the soft limit it is tried until its next command is known to be one that has no room. */
    return !thread_output_is_full(connection->thread, unsent) || (!connection->waits_for_room && unsent <= OUTPUT_WRITES_MAX);
}

/* Over the limit of what a client may have waiting? Words that are complete do not count, as in Redis: a command of many may be
 * longer. */
static bool is_query_too_long(const struct connection *connection)
{
    int64_t limit = atomic_load_explicit(&config_of(connection)->client_query_buffer_limit, memory_order_relaxed);
    return connection_waiting_bytes(connection) > (size_t)limit + parser_done_bytes(&connection->parser);
}

/* Is there enough to run, so that more of it should not be taken? What belongs to the command that is next does not count. */
static bool is_ahead(const struct connection *connection)
{
    const size_t waiting = connection_waiting_bytes(connection);
    if (LIKELY(waiting < INPUT_AHEAD_NEAR_BYTES) || (!connection->wants_more && connection->window == NULL)) {
        return false;
    }
    const size_t enough = evict_is_near(connection->thread->server) ? INPUT_AHEAD_NEAR_BYTES : INPUT_AHEAD_BYTES;
    return waiting >= enough + connection->parser.bytes_needed;
}

/* Its commands wait for the client, and the client perhaps for its own writes to end. */
static bool may_read_ahead(const struct connection *connection)
{
    if (connection_has_output_room(connection) || connection_is_stranger(connection)) {
        return false;
    }
    thread_update_pending(connection->thread);
    return !connection->thread->is_pending_too_much;
}

/* Its commands are about to run, in this turn or a few turns later: then it may keep receive buffers until they have. Of those whose
 * commands wait for something else, which may take for ever, all together keep DEFERRED_WAITING_MAX. */
static bool runs_soon(const struct connection *connection)
{
    const struct window *window = connection->window;
    return window != NULL ? !window->is_parked : connection->is_in_list[LIST_READY];
}

static bool has_enough(const struct connection *connection)
{
    return UNLIKELY(is_ahead(connection)) && !may_read_ahead(connection);
}

/* --- receiving --- */

/* The command that is next needs far more than one receive brings. */
static bool is_far_from_complete(const struct connection *connection)
{
    return connection->window == NULL &&
           connection->parser.bytes_needed > connection_waiting_bytes(connection) + INPUT_MISSING_LONG;
}

void connection_start_receiving(struct connection *connection)
{
    struct ring *ring = &connection->thread->ring;
    if (UNLIKELY(connection->is_paced) && !is_far_from_complete(connection)) {
        ring_receive_once(ring, connection->fd, EVENT_RECEIVE, connection);
    } else {
        ring_receive(ring, connection->fd, EVENT_RECEIVE, connection);
    }
    connection->is_receiving = true;
    connection->requests++;
}

void connection_stop_receiving(struct connection *connection)
{
    if (connection->is_receiving && !connection->is_cancelling) {
        ring_cancel(&connection->thread->ring, EVENT_RECEIVE, connection, EVENT_CANCEL);
        connection->requests++;
        connection->is_cancelling = true;
    }
}

void connection_adjust_receiving(struct connection *connection)
{
    if (connection->is_closing || connection->is_input_ended) {
        return;
    }
    if (UNLIKELY(connection->is_lingering)) {
        connection->is_paced = false; /* what comes is dropped */
    } else if (connection->deferred > 0 || has_enough(connection)) {
        connection->is_paced = true;
        connection_stop_receiving(connection);
        return;
    }
    if (!connection->is_receiving && !connection->is_cancelling) {
        connection_start_receiving(connection);
    }
}

/* The client is over its limit: because one command is, or because it sends on and on without taking its replies. */
static void refuse_long_query(struct connection *connection)
{
    struct thread *thread = connection->thread;
    stat_add(&thread->stats.query_limit_disconnections, 1);
    log_write(thread->server->config, LOG_LEVEL_WARNING,
              "client-query-buffer-limit: closing client id=%llu with %zu bytes waiting and %zu bytes of replies not taken",
              (unsigned long long)connection->session.id, connection_waiting_bytes(connection), connection->output.bytes);
    connection_refuse(connection, "ERR client-query-buffer-limit reached: more is waiting than this client may send ahead");
}

/* Adds to what waits, which is not parsed where it is. False: the connection has ended. */
static bool keep_bytes(struct connection *connection, struct bytes text)
{
    struct thread *thread = connection->thread;
    bool is_kept;
    if (connection->window != NULL && !connection->window->is_parked) {
        is_kept = keep(connection, &connection->backlog, text);
    } else {
        connection_keep_rest(connection);
        is_kept = !connection->is_closing && keep(connection, &connection->query, text);
    }
    thread->turn_input_bytes += text.len;
    client_memory_note(connection);
    evict_for_buffers(thread, 0);
    stat_raise(&thread->stats.query_bytes_max, connection_waiting_bytes(connection));
    return is_kept;
}

/* What was added is a part of a command, or belongs to commands that do not run: is that too much? True: the connection ends. */
static bool refuse_if_too_long(struct connection *connection)
{
    if (UNLIKELY(is_query_too_long(connection))) {
        refuse_long_query(connection);
        return true;
    }
    return false;
}

void connection_release_held(struct connection *connection)
{
    if (UNLIKELY(connection->held >= 0 && connection->window == NULL && !connection->is_in_list[LIST_READY])) {
        connection_keep_rest(connection);
    }
}

static void take_bytes(struct connection *connection, uint16_t buffer, uint32_t len)
{
    struct thread *thread = connection->thread;
    if (LIKELY(connection->window == NULL && connection->held < 0 && connection->query.len == 0)) {
        connection->held = buffer;
        connection->held_at = 0;
        connection->held_len = len;
    } else {
        const bool is_kept = keep_bytes(connection, (struct bytes){ring_buffer(&thread->ring, buffer), len});
        ring_buffer_return(&thread->ring, buffer);
        if (!is_kept) {
            return;
        }
        if (connection->window == NULL && connection_input(connection).len < connection->parser.bytes_needed) {
            if (UNLIKELY(connection_is_stranger(connection) && connection->query.len > STRANGER_INPUT_MAX)) {
                connection_close(connection);
            }
            refuse_if_too_long(connection);
            return; /* a command's part; it is not looked at before the rest is there */
        }
        if (!runs_soon(connection) && !connection_has_output_room(connection) && refuse_if_too_long(connection)) {
            return;
        }
    }
    connection->wants_more = true;
    if (UNLIKELY(has_enough(connection))) {
        connection_list_add(connection, LIST_DIRTY); /* it is not read for some time */
    }
    connection_continue(connection);
    connection_release_held(connection);
}

static void defer_input(struct thread *thread, const struct deferred_input *input)
{
    assert(thread->deferred_count < RECEIVE_BUFFERS);
    thread->deferred[thread->deferred_count++] = *input;
    input->connection->deferred++;
    input->connection->requests++;
    connection_list_add(input->connection, LIST_DIRTY);
}

/* False: the buffer waits on. What its connection has deferred behind it waits, too, whatever has_enough says then. */
static bool take_deferred(const struct deferred_input *input, bool are_too_many)
{
    struct connection *connection = input->connection;
    const bool is_dropped = connection->is_closing || connection->close_after_replies;
    const bool may_wait = !is_dropped && (!are_too_many || runs_soon(connection));
    if (may_wait && (connection->is_deferring || has_enough(connection))) {
        connection->is_deferring = true;
        return false;
    }
    assert(is_dropped || !connection->is_deferring); /* C3 */
    connection->deferred--;
    connection->requests--;
    if (is_dropped) {
        ring_buffer_return(&connection->thread->ring, input->buffer);
    } else if (connection_is_stranger(connection) && has_enough(connection)) {
        ring_buffer_return(&connection->thread->ring, input->buffer);
        connection_close(connection);
    } else {
        take_bytes(connection, input->buffer, input->len);
    }
    connection_list_add(connection, LIST_DIRTY); /* perhaps it can be read again, or freed */
    return true;
}

void deferred_input_take(struct thread *thread)
{
    uint32_t left = 0, taken = 0;
    for (uint32_t i = 0; i < thread->deferred_count; i++) {
        thread->deferred[i].connection->is_deferring = false;
    }
    for (uint32_t i = 0; i < thread->deferred_count; i++) {
        const struct deferred_input input = thread->deferred[i];
        if (take_deferred(&input, thread->deferred_count - taken > DEFERRED_WAITING_MAX)) {
            taken++;
        } else {
            thread->deferred[left++] = input;
        }
    }
    thread->deferred_count = left;
}

static void received_bytes(struct connection *connection, const struct ring_event *event)
{
    struct thread *thread = connection->thread;
    const uint32_t len = (uint32_t)event->result;
    stat_add(&thread->stats.net_input_bytes, len);
    if (UNLIKELY(connection->is_closing || connection->close_after_replies)) {
        ring_buffer_return(&thread->ring, event->buffer);
        return;
    }
    connection->session.input_bytes_total += len;
    connection->session.active_ms = thread->now_ms;
    if (UNLIKELY(connection->is_paced && len < RING_BUFFER_BYTES && connection->deferred == 0)) {
        connection->is_paced = false; /* its socket is empty */
    }
    if (UNLIKELY(connection->deferred > 0 || has_enough(connection))) {
        defer_input(thread, &(struct deferred_input){connection, len, event->buffer});
    } else {
        take_bytes(connection, event->buffer, len);
    }
}

void connection_received(struct thread *thread, struct connection *connection, const struct ring_event *event)
{
    stat_add(&thread->stats.reads_processed, 1);
    if (event->is_last) {
        connection->is_receiving = false;
        connection->requests--;
    }
    if (event->result > 0 && event->has_buffer) {
        received_bytes(connection, event);
    } else if (event->has_buffer) {
        ring_buffer_return(&thread->ring, event->buffer);
    }
    if (event->result == 0 && !event->has_buffer) {
        /* What it has sent is still answered. */
        connection->is_input_ended = true;
    } else if (event->result < 0 && event->result != -ENOBUFS && event->result != -ECANCELED) {
        connection_close(connection);
    }
    if (event->is_last) {
        connection_list_add(connection, LIST_DIRTY); /* reads on at the end of the turn, when buffers are back */
    }
}

void connection_was_cancelled(struct thread *thread, struct connection *connection)
{
    (void)thread;
    connection->requests--;
    connection->is_cancelling = false;
    connection_list_add(connection, LIST_DIRTY);
}

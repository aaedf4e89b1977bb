/* receive.c - see receive.h.  */
#include "client/receive.h"

#include "client/client_memory.h"
#include "client/input.h"
#include "client/ready.h"
#include "client/refuse.h"
#include "exec/pending.h"
#include "exec/window.h"
#include "shard/evict.h"
#include "shard/log.h"
#include "shard/server.h"

#include <errno.h>

enum {
    INPUT_MISSING_LONG = 131072,       /* a command that lacks more, */
    INPUT_BEGUN_LONG = 262144,         /* or has as much already, is received into the query buffer, */
    LENT_BYTES = 131072,               /* so much at once, */
    LENT_WORDS_BYTES = 65536,          /* or so much, which is parsed, */
    LENT_BYTES_MIN = RING_BUFFER_BYTES,
    TURN_LENT_BYTES = 262144,          /* and of all connections in a turn, but for LENT_BYTES_MIN of each */
    UNAUTHENTICATED_INPUT_MAX = 65536, /* before AUTH */
    DEFERRED_WAITING_MAX = RECEIVE_BUFFERS / 4,
    HANDSHAKE_AHEAD_BYTES = 16384,     /* that wait for the next step of a handshake */
    NO_BUFFER = -1,
};

_Static_assert(RECEIVE_BUFFERS <= UINT8_MAX, "a connection's `deferred` may count all of them");

/* --- how much is taken --- */

/* Over the limit of what a client may have waiting? Words that are complete do not count, as in Redis: a command of many may be
 * longer. */
static bool is_query_too_long(const struct connection *connection)
{
    int64_t limit = atomic_load_explicit(&connection->thread->server->config->client_query_buffer_limit, memory_order_relaxed);
    return connection_waiting_bytes(connection) > (size_t)limit + parser_done_bytes(&connection->parser);
}

/* Is there enough to run, so that more of it should not be taken? What belongs to the command that is next does not count. */
static bool is_ahead(const struct connection *connection, size_t waiting)
{
    if (!connection->wants_more && connection->window == NULL) {
        return false;
    }
    const size_t enough = evict_is_near(connection->thread->server) ? INPUT_AHEAD_NEAR_BYTES : INPUT_AHEAD_BYTES;
    return waiting >= enough + connection->parser.bytes_needed;
}

/* Its commands wait for the client, and the client perhaps for its own writes to end. */
static bool may_read_ahead(const struct connection *connection)
{
    if (connection_has_output_room(connection) || connection_is_unauthenticated(connection)) {
        return false;
    }
    pending_update(connection->thread);
    return !connection->thread->executor->is_pending_too_much;
}

/* Its commands are about to run, in this turn or a few turns later: then it may keep receive buffers until they have. Of those whose
 * commands wait for something else, which may take for ever, all together keep DEFERRED_WAITING_MAX. */
static bool runs_soon(const struct connection *connection)
{
    const struct window *window = connection->window;
    return window != NULL ? window->state == WINDOW_IN_ROUND : connection->is_in_list[LIST_READY];
}

static inline bool has_enough(const struct connection *connection)
{
    if (connection_is_in_handshake(connection)) {
        return connection->tls->early.len >= HANDSHAKE_AHEAD_BYTES;
    }
    const size_t waiting = connection_waiting_bytes(connection);
    return UNLIKELY(waiting >= INPUT_AHEAD_NEAR_BYTES) && is_ahead(connection, waiting) && !may_read_ahead(connection);
}

/* --- receiving --- */

/* The rest of a long command goes where it is to stand. */
static bool is_long_command_under_way(const struct connection *connection)
{
    const size_t needed = connection->parser.bytes_needed;
    const size_t waiting = connection->query.len - connection->query_at;
    return UNLIKELY(needed > waiting) && (needed > waiting + INPUT_MISSING_LONG || waiting >= INPUT_BEGUN_LONG) && waiting > 0 &&
           connection->window == NULL && connection->tls == NULL && connection_is_open(connection);
}

/* How much of it at once. Of a command of many words it is known only that the next one is not there. */
static uint32_t lent_bytes(const struct connection *connection)
{
    const size_t missing = connection->parser.bytes_needed - (connection->query.len - connection->query_at);
    const size_t lent = connection->thread->clients->turn_lent_bytes;
    size_t most = missing > LENT_BYTES ? LENT_BYTES : missing > LENT_WORDS_BYTES ? missing : LENT_WORDS_BYTES;
    if (lent + most > TURN_LENT_BYTES || evict_is_near(connection->thread->server) || connection_is_unauthenticated(connection)) {
        most = LENT_BYTES_MIN;
    }
    return (uint32_t)most;
}

/* False: no memory, and the connection is closing. */
static bool receive_into_query(struct connection *connection)
{
    struct buffer *query = &connection->query;
    const uint32_t len = lent_bytes(connection);
    if (!connection_make_room(connection, query, len)) {
        return false;
    }
    ring_receive_into(&connection->thread->ring, connection->fd, query->data + query->len, len, REQUEST_RECEIVE, &connection->owner);
    connection->thread->clients->turn_lent_bytes += len;
    connection->is_query_lent = true;
    return true;
}

void connection_start_receiving(struct connection *connection)
{
    struct ring *ring = &connection->thread->ring;
    assert(!connection->is_receiving);
    assert(!connection->is_cancelling); /* the cancel might end this one */
    assert(!connection->is_query_lent);
    if (is_long_command_under_way(connection)) {
        if (!receive_into_query(connection)) {
            return;
        }
    } else if (UNLIKELY(connection->is_paced)) {
        ring_receive_once(ring, connection->fd, REQUEST_RECEIVE, &connection->owner);
    } else {
        ring_receive(ring, connection->fd, REQUEST_RECEIVE, &connection->owner);
    }
    connection->is_receiving = true;
    connection->requests++;
}

void connection_stop_receiving(struct connection *connection)
{
    if (connection->is_receiving && !connection->is_cancelling) {
        ring_cancel(&connection->thread->ring, connection->fd, REQUEST_RECEIVE, &connection->owner, REQUEST_CANCEL);
        connection->requests++;
        connection->is_cancelling = true;
    }
}

void connection_adjust_receiving(struct connection *connection)
{
    if (connection_is_closing(connection) || connection->is_input_ended) {
        return;
    }
    if (connection_is_lingering(connection)) {
        connection->is_paced = false; /* what comes is dropped */
    } else if (connection->deferred > 0 || has_enough(connection)) {
        connection->is_paced = true;
        connection_stop_receiving(connection);
        return;
    }
    if (!connection->is_receiving && !connection->is_cancelling) {
        connection_start_receiving(connection);
    } else if (connection->is_receiving && !connection->is_query_lent && is_long_command_under_way(connection)) {
        connection_stop_receiving(connection);
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

/* So much was added to what waits. */
static void note_kept(struct connection *connection, size_t len)
{
    struct thread *thread = connection->thread;
    thread->clients->turn_input_bytes += len;
    client_memory_note(connection);
    evict_for_buffers(thread);
    stat_raise(&thread->stats.query_bytes_max, connection_waiting_bytes(connection));
}

/* Adds to what waits, which is not parsed where it is. False: the connection has ended. */
static bool keep_bytes(struct connection *connection, struct bytes text)
{
    bool is_kept;
    if (connection->window != NULL && connection->window->state == WINDOW_IN_ROUND) {
        is_kept = connection_keep_input(connection, &connection->backlog, text);
    } else {
        connection_keep_rest(connection);
        is_kept = !connection_is_closing(connection) && connection_keep_input(connection, &connection->query, text);
    }
    note_kept(connection, text.len);
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

/* What was added is a command's part, which is not looked at before the rest is there; is that too much? Then the connection ends. */
static bool is_part_of_command(struct connection *connection)
{
    if (connection_input(connection).len >= connection->parser.bytes_needed) {
        return false;
    }
    if (UNLIKELY(connection_is_unauthenticated(connection) && connection->query.len > UNAUTHENTICATED_INPUT_MAX)) {
        connection_close(connection);
    }
    if (!refuse_if_too_long(connection) && is_long_command_under_way(connection)) {
        connection_list_add(connection, LIST_DIRTY); /* the rest is received in another way */
    }
    return true;
}

/* `buffer`: the receive buffer that begins with the text, taken; NO_BUFFER: the text is lent. Inline where there is no TLS: 30 instructions a
 * request fewer than as a function of several callers (callgrind, GET without a pipeline).  */
static inline __attribute__((always_inline)) void take_text(struct connection *connection, struct bytes text, int32_t buffer)
{
    struct thread *thread = connection->thread;
    debug_assert(connection_is_open(connection));
    debug_assert(text.len > 0);
    debug_assert(text.len <= RING_BUFFER_BYTES);
    if (LIKELY(connection->window == NULL && connection->held < 0 && connection->query.len == 0 && buffer != NO_BUFFER)) {
        connection->held = buffer;
        connection->held_at = 0;
        connection->held_len = (uint32_t)text.len;
    } else {
        const bool is_kept = keep_bytes(connection, text);
        if (buffer != NO_BUFFER) {
            ring_buffer_return(&thread->ring, (uint16_t)buffer);
        }
        if (!is_kept) {
            return;
        }
        if (connection->window == NULL && is_part_of_command(connection)) {
            return;
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

/* The kernel has put `len` bytes behind what was in the query buffer. */
static void take_lent(struct connection *connection, uint32_t len)
{
    connection->query.len += len;
    note_kept(connection, len);
    if (connection_is_open(connection) && !is_part_of_command(connection)) {
        connection->wants_more = true;
        connection_continue(connection);
    }
}

/* --- TLS --- */

static __attribute__((noinline)) void take_decrypted(struct connection *connection, struct bytes text, int32_t buffer)
{
    take_text(connection, text, buffer);
}

/* What reading has ended with, if it was not text. */
static void take_outcome(struct connection *connection, enum tls_outcome outcome)
{
    char reason[TLS_ERROR_MAX];
    if (outcome == TLS_PEER_ENDS) {
        connection->is_input_ended = true; /* what it has sent is still answered */
        connection_list_add(connection, LIST_DIRTY);
    } else if (outcome == TLS_IS_WRONG) {
        tls_error_take(reason);
        log_write(connection->thread->server->config, LOG_LEVEL_VERBOSE, "TLS: closing client id=%llu: %s",
                  (unsigned long long)connection->session.id, reason);
        connection_close(connection);
    }
}

void connection_take_fed(struct connection *connection)
{
    struct tls_stream *tls = connection->tls;
    char text[TLS_RECORD_BYTES];
    size_t len;
    enum tls_outcome outcome = TLS_DONE;
    while (outcome == TLS_DONE && tls_stream_has_more(tls) && connection_is_open(connection)) {
        outcome = tls_stream_read(tls, text, sizeof text, &len);
        if (outcome == TLS_DONE) {
            take_decrypted(connection, (struct bytes){text, len}, NO_BUFFER);
        }
    }
    take_outcome(connection, outcome);
}

/* Where its records were received, text is read: so it is as if it had been received. */
static void take_cipher_in_place(struct connection *connection, uint16_t buffer, uint32_t len)
{
    struct tls_stream *tls = connection->tls;
    char *data = ring_buffer(&connection->thread->ring, buffer);
    size_t done = 0, read;
    enum tls_outcome outcome = TLS_DONE;
    tls_stream_feed(tls, (struct bytes){data, len});
    while (outcome == TLS_DONE && tls_stream_has_more(tls)) {
        outcome = tls_stream_read(tls, data + done, len - done, &read);
        done += outcome == TLS_DONE ? read : 0;
        debug_assert(outcome != TLS_DONE || done + tls->pipe.fed.len < len);
    }
    if (done > 0) {
        take_decrypted(connection, (struct bytes){data, done}, buffer);
    } else {
        ring_buffer_return(&connection->thread->ring, buffer);
    }
    take_outcome(connection, outcome);
}

static void keep_for_handshake(struct connection *connection, struct bytes received)
{
    if (buffer_append(&connection->tls->early, received)) {
        connection_list_add(connection, LIST_HANDSHAKE);
    } else {
        connection_close(connection);
    }
}

static __attribute__((noinline)) void take_tls(struct connection *connection, uint16_t buffer, uint32_t len)
{
    const struct bytes received = {ring_buffer(&connection->thread->ring, buffer), len};
    if (connection->tls->phase != TLS_HANDSHAKE && !connection->is_input_ended && tls_stream_is_between_records(connection->tls)) {
        take_cipher_in_place(connection, buffer, len);
        return;
    }
    if (connection->tls->phase == TLS_HANDSHAKE) {
        keep_for_handshake(connection, received);
    } else if (!connection->is_input_ended) {
        tls_stream_feed(connection->tls, received);
        connection_take_fed(connection);
    }
    ring_buffer_return(&connection->thread->ring, buffer);
}

static void take_bytes(struct connection *connection, uint16_t buffer, uint32_t len)
{
    if (UNLIKELY(connection->tls != NULL)) {
        take_tls(connection, buffer, len);
    } else {
        take_text(connection, (struct bytes){ring_buffer(&connection->thread->ring, buffer), len}, buffer);
    }
}

/* --- what waits --- */

static void defer_input(struct thread *thread, const struct deferred_input *input)
{
    struct clients *clients = thread->clients;
    assert(clients->deferred_count < RECEIVE_BUFFERS);
    clients->deferred[clients->deferred_count++] = *input;
    input->connection->deferred++;
    input->connection->requests++;
    connection_list_add(input->connection, LIST_DIRTY);
}

/* False: the buffer waits on. What its connection has deferred behind it waits, too, whatever has_enough says then. */
static bool take_deferred(const struct deferred_input *input, bool are_too_many)
{
    struct connection *connection = input->connection;
    const bool is_dropped = !connection_is_open(connection);
    const bool may_wait = !is_dropped && (!are_too_many || runs_soon(connection));
    if (may_wait && (connection->is_deferring || has_enough(connection))) {
        connection->is_deferring = true;
        return false;
    }
    assert(is_dropped || !connection->is_deferring); /* C3 */
    assert(connection->deferred > 0);
    connection->deferred--;
    connection->requests--;
    if (is_dropped) {
        ring_buffer_return(&connection->thread->ring, input->buffer);
    } else if (connection_is_unauthenticated(connection) && has_enough(connection)) {
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
    struct clients *clients = thread->clients;
    uint32_t left = 0, taken = 0;
    for (uint32_t i = 0; i < clients->deferred_count; i++) {
        clients->deferred[i].connection->is_deferring = false;
    }
    for (uint32_t i = 0; i < clients->deferred_count; i++) {
        const struct deferred_input input = clients->deferred[i];
        if (take_deferred(&input, clients->deferred_count - taken > DEFERRED_WAITING_MAX)) {
            taken++;
        } else {
            clients->deferred[left++] = input;
        }
    }
    assert(left + taken == clients->deferred_count); /* none came meanwhile */
    clients->deferred_count = left;
}

static void note_received(struct connection *connection, uint32_t len)
{
    struct thread *thread = connection->thread;
    stat_add(&thread->stats.net_input_bytes, len);
    connection->session.input_bytes_total += len;
    connection->session.active_ms = thread->now_ms;
}

/* The kernel gives the query buffer back, with what it has put there. */
static void end_loan(struct connection *connection, const struct ring_event *event)
{
    connection->is_query_lent = false;
    if (!connection_is_open(connection)) {
        connection_drop_query(connection);
    } else if (event->result > 0) {
        note_received(connection, (uint32_t)event->result);
        take_lent(connection, (uint32_t)event->result);
    }
}

static void received_bytes(struct connection *connection, const struct ring_event *event)
{
    struct thread *thread = connection->thread;
    const uint32_t len = (uint32_t)event->result;
    if (!connection_is_open(connection)) {
        stat_add(&thread->stats.net_input_bytes, len);
        ring_buffer_return(&thread->ring, event->buffer);
        return;
    }
    note_received(connection, len);
    if (UNLIKELY(connection->is_paced && len < RING_BUFFER_BYTES && connection->deferred == 0)) {
        connection->is_paced = false; /* its socket is empty */
    }
    if (UNLIKELY(connection->deferred > 0 || has_enough(connection))) {
        defer_input(thread, &(struct deferred_input){connection, len, event->buffer});
    } else {
        take_bytes(connection, event->buffer, len);
    }
}

void connection_received(struct connection *connection, const struct ring_event *event)
{
    struct thread *thread = connection->thread;
    debug_assert(connection->is_receiving);
    debug_assert(connection_requests_are_right(connection));
    stat_add(&thread->stats.reads_processed, 1);
    if (event->is_last) {
        connection->is_receiving = false;
        connection->requests--;
    }
    if (UNLIKELY(connection->is_query_lent)) {
        end_loan(connection, event);
    } else if (event->result > 0 && event->has_buffer) {
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

void connection_was_cancelled(struct connection *connection)
{
    assert(connection->is_cancelling);
    connection->requests--;
    connection->is_cancelling = false;
    connection_list_add(connection, LIST_DIRTY);
}

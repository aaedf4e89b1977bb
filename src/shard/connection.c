/* connection.c - one client's socket: what it sent, what is to be sent to it, and its end.
 *
 *   receiving: a multishot receive fills the thread's receive buffers. Bytes are parsed where they are (held). A command's
 *   rest moves to the query buffer; what comes while commands are under way goes to the backlog.
 *   closing:   is_closing -> requests end (shutdown) -> nothing under way -> freed by connection_settle.
 *
 * Threads    Its thread.
 * Invariant  C1 input is in `held` or in `query`, never in both; C2 while there is a window nothing is added to either.
 * Limits     CONNECTION_OUTPUT_SOFT: no commands beyond it. CONNECTION_QUERY_SOFT (QUERY_KEEP_BYTES when maxmemory is near): not
 *            read beyond it while commands may not run. client-query-buffer-limit, client-output-buffer-limit: closed.  */
#include "mem/heap.h"
#include "net/listener.h"
#include "shard/thread_private.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

enum {
    QUERY_KEEP_BYTES = 32768,   /* what waits, and room for it, beyond that is kept short when maxmemory is near */
    OUTPUT_CHECK_BYTES = 16384, /* fewer unsent bytes are not held against a limit at every turn */
};

static const struct config *config_of(const struct connection *connection)
{
    return connection->thread->server->config;
}

/* --- lists --- */

void connection_list_add(struct connection *connection, enum connection_list list)
{
    struct thread *thread = connection->thread;
    if (connection->is_in_list[list]) {
        return;
    }
    connection->is_in_list[list] = true;
    connection->list_next[list] = NULL;
    if (thread->list_last[list] == NULL) {
        thread->list_first[list] = connection;
    } else {
        thread->list_last[list]->list_next[list] = connection;
    }
    thread->list_last[list] = connection;
}

struct connection *connection_list_take(struct thread *thread, enum connection_list list)
{
    struct connection *connection = thread->list_first[list];
    if (connection != NULL) {
        thread->list_first[list] = connection->list_next[list];
        if (thread->list_first[list] == NULL) {
            thread->list_last[list] = NULL;
        }
        connection->is_in_list[list] = false;
    }
    return connection;
}

static void list_remove(struct connection *connection, enum connection_list list)
{
    struct thread *thread = connection->thread;
    if (!connection->is_in_list[list]) {
        return;
    }
    struct connection *before = NULL;
    for (struct connection *at = thread->list_first[list]; at != connection; at = at->list_next[list]) {
        before = at;
    }
    if (before == NULL) {
        thread->list_first[list] = connection->list_next[list];
    } else {
        before->list_next[list] = connection->list_next[list];
    }
    if (thread->list_last[list] == connection) {
        thread->list_last[list] = before;
    }
    connection->is_in_list[list] = false;
}

/* --- birth --- */

static void start_receiving(struct connection *connection)
{
    ring_receive(&connection->thread->ring, connection->fd, EVENT_RECEIVE, connection);
    connection->is_receiving = true;
    connection->requests++;
}

static void stop_receiving(struct connection *connection)
{
    if (connection->is_receiving && !connection->is_cancelling) {
        ring_cancel(&connection->thread->ring, EVENT_RECEIVE, connection, EVENT_CANCEL);
        connection->requests++;
        connection->is_cancelling = true;
    }
}

struct connection *connection_create(struct thread *thread, int fd)
{
    struct connection *connection = thread_alloc_zeroed(MEM_CLIENT, sizeof *connection);
    if (connection == NULL) {
        return NULL;
    }
    connection->thread = thread;
    connection->fd = fd;
    connection->held = -1;
    connection->query = BUFFER_EMPTY(MEM_QUERY_BUFFER);
    connection->backlog = BUFFER_EMPTY(MEM_QUERY_BUFFER);
    connection->session = (struct session){
        .id = atomic_fetch_add_explicit(&thread->server->next_client_id, 1, memory_order_relaxed),
        .protocol = 2,
        .created_ms = thread->now_ms,
        .active_ms = thread->now_ms,
        .name = BUFFER_EMPTY(MEM_CLIENT),
        .lib_name = BUFFER_EMPTY(MEM_CLIENT),
        .lib_version = BUFFER_EMPTY(MEM_CLIENT),
    };
    connection->next = thread->connections;
    if (connection->next != NULL) {
        connection->next->previous = connection;
    }
    thread->connections = connection;
    stat_add(&thread->stats.connections_received, 1);
    stat_add(&thread->stats.connections_current, 1);
    start_receiving(connection);
    return connection;
}

/* --- input --- */

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

static void no_memory(struct connection *connection)
{
    fprintf(stderr, "out of memory: closing a connection\n");
    connection_close(connection);
}

static void keep(struct connection *connection, struct buffer *buffer, struct bytes text)
{
    const bool is_kept_short = buffer->len + text.len > QUERY_KEEP_BYTES && evict_is_near(connection->thread->server);
    if ((is_kept_short && !buffer_reserve_exactly(buffer, text.len)) || !buffer_append(buffer, text)) {
        no_memory(connection);
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
    } else if (2 * connection->query_at >= connection->query.len) {
        /* Not before half of it is read: then each byte is moved once at most, however many windows it takes. */
        buffer_consume(&connection->query, connection->query_at);
        connection->query_at = 0;
        if (connection->query.capacity > QUERY_KEEP_BYTES && evict_is_near(connection->thread->server)) {
            buffer_shrink(&connection->query, connection->query.len);
        }
    }
    if (connection->query.len == 0) {
        buffer_release(&connection->query);
    }
}

/* Bytes that were received and not read yet, but for what stands in a receive buffer. */
static size_t waiting_bytes(const struct connection *connection)
{
    return connection->query.len - connection->query_at + connection->backlog.len;
}

/* Over the limit of what a client may have waiting? */
static bool is_query_too_long(const struct connection *connection)
{
    int64_t limit = atomic_load_explicit(&config_of(connection)->client_query_buffer_limit, memory_order_relaxed);
    return waiting_bytes(connection) > (size_t)limit;
}

static bool may_run(const struct connection *connection)
{
    return connection->window == NULL && connection_has_output_room(connection) &&
           !connection->is_in_list[LIST_PAUSED];
}

/* Does more wait than is good while commands may not run? Near maxmemory that is less. */
static bool is_query_long(const struct connection *connection)
{
    const size_t waiting = waiting_bytes(connection);
    return waiting > QUERY_KEEP_BYTES &&
           (waiting > CONNECTION_QUERY_SOFT || evict_is_near(connection->thread->server));
}

/* Reads on, or stops reading a connection whose commands wait while more and more of them come. */
static void adjust_receiving(struct connection *connection)
{
    if (connection->is_closing || connection->is_input_ended) {
        return;
    }
    if (is_query_long(connection) && !may_run(connection)) {
        stop_receiving(connection);
    } else if (!connection->is_receiving && !connection->is_cancelling) {
        start_receiving(connection);
    }
}

static void take_bytes(struct connection *connection, uint16_t buffer, uint32_t len)
{
    struct thread *thread = connection->thread;
    struct bytes text = {ring_buffer(&thread->ring, buffer), len};
    connection->session.input_bytes_total += len;
    connection->session.active_ms = thread->now_ms;
    stat_add(&thread->stats.net_input_bytes, len);
    if (LIKELY(connection->window == NULL && connection->held < 0 && connection->query.len == 0)) {
        connection->held = buffer;
        connection->held_at = 0;
        connection->held_len = len;
    } else {
        if (connection->window != NULL) {
            keep(connection, &connection->backlog, text);
        } else {
            connection_keep_rest(connection);
            keep(connection, &connection->query, text);
        }
        ring_buffer_return(&thread->ring, buffer);
        thread->turn_input_bytes += len;
        if (UNLIKELY(is_query_long(connection))) {
            connection_list_add(connection, LIST_DIRTY); /* perhaps it must not be read for some time */
        }
        client_memory_note(connection);
        evict_for_buffers(thread, 0);
        stat_raise(&thread->stats.query_bytes_max, waiting_bytes(connection));
        if (UNLIKELY(is_query_too_long(connection))) {
            stat_add(&thread->stats.query_limit_disconnections, 1);
            socket_abort_at_close(connection->fd);
            connection_close(connection);
            return;
        }
    }
    connection->wants_more = true;
    connection_continue(connection);
}

void connection_received(struct thread *thread, struct connection *connection, const struct ring_event *event)
{
    stat_add(&thread->stats.reads_processed, 1);
    if (event->is_last) {
        connection->is_receiving = false;
        connection->requests--;
    }
    if (event->result > 0 && event->has_buffer) {
        if (connection->is_closing || connection->close_after_replies) {
            ring_buffer_return(&thread->ring, event->buffer);
        } else {
            take_bytes(connection, event->buffer, (uint32_t)event->result);
        }
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

void connection_continue(struct connection *connection)
{
    if (connection->is_closing || connection->close_after_replies || !connection_has_output_room(connection)) {
        return;
    }
    const struct window *window = connection->window;
    if (window == NULL) {
        if (connection->wants_more && !connection->is_in_list[LIST_PAUSED]) {
            connection_list_add(connection, LIST_READY);
        }
    } else if (window->is_parked && window->queued == 0) {
        uint8_t state = window->calls[window->flushed].state;
        if (state == CALL_DEFERRED || state == CALL_REROUTE) {
            connection_list_add(connection, LIST_READY);
        }
    }
}

void connection_window_ended(struct connection *connection)
{
    if (connection->is_closing) {
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
    if (!connection->wants_more || connection->backlog.len > 0 || connection->held < 0) {
        connection_keep_rest(connection);
    }
    if (connection->backlog.len > 0) {
        if (connection->query.len == 0) {
            buffer_release(&connection->query);
            connection->query = connection->backlog;
            connection->backlog = BUFFER_EMPTY(MEM_QUERY_BUFFER);
        } else {
            keep(connection, &connection->query, buffer_bytes(&connection->backlog));
            buffer_release(&connection->backlog);
        }
        connection->wants_more = true;
    }
    connection_continue(connection);
}

/* --- output --- */

bool connection_has_output_room(const struct connection *connection)
{
    return connection->output.bytes <= CONNECTION_OUTPUT_SOFT;
}

static void start_sending(struct connection *connection)
{
    struct thread *thread = connection->thread;
    int count = output_gather(&connection->output, connection->pieces);
    assert(count > 0);
    if (LIKELY(count == 1)) {
        ring_send(&thread->ring, connection->fd, connection->pieces[0].iov_base, connection->pieces[0].iov_len, EVENT_SEND,
                  connection);
    } else {
        connection->message = (struct msghdr){.msg_iov = connection->pieces, .msg_iovlen = (size_t)count};
        ring_send_message(&thread->ring, connection->fd, &connection->message, EVENT_SEND, connection);
    }
    connection->is_sending = true;
    connection->requests++;
}

void connection_was_sent(struct thread *thread, struct connection *connection, const struct ring_event *event)
{
    connection->is_sending = false;
    connection->requests--;
    stat_add(&thread->stats.writes_processed, 1);
    if (UNLIKELY(event->result < 0)) {
        if (event->result != -EINTR && event->result != -EAGAIN) {
            connection_close(connection);
        }
        connection_list_add(connection, LIST_DIRTY);
        return;
    }
    size_t sent = (size_t)event->result;
    stat_add(&thread->stats.net_output_bytes, sent);
    connection->session.output_bytes_total += sent;
    output_sent(&connection->output, &thread->chunks, sent);
    client_memory_note(connection);
    if (UNLIKELY(connection->output.bytes > 0 || connection->is_closing || connection->close_after_replies)) {
        connection_list_add(connection, LIST_DIRTY);
    }
    if (UNLIKELY(connection->wants_more || connection->window != NULL)) {
        connection_continue(connection);
    }
    if (UNLIKELY(!connection->is_receiving)) {
        connection_list_add(connection, LIST_DIRTY);
    }
}

/* client-output-buffer-limit; who is fed counts as a pubsub client, as in Redis. */
static const struct config_output_limit *output_limit(const struct connection *connection)
{
    return &config_of(connection)->output_limits[session_is_fed(&connection->session) ? OUTPUT_PUBSUB : OUTPUT_NORMAL];
}

static void check_output_limits(struct connection *connection)
{
    const struct config_output_limit *limit = output_limit(connection);
    uint64_t hard = atomic_load_explicit(&limit->hard_bytes, memory_order_relaxed);
    uint64_t soft = atomic_load_explicit(&limit->soft_bytes, memory_order_relaxed);
    int64_t soft_ms = (int64_t)atomic_load_explicit(&limit->soft_seconds, memory_order_relaxed) * 1000;
    struct thread *thread = connection->thread;
    size_t bytes = connection->output.bytes;
    stat_raise(&thread->stats.output_bytes_max, bytes);
    bool is_over = hard != 0 && bytes > hard;
    if (soft != 0 && bytes > soft) {
        if (connection->output_soft_since_ms == 0) {
            connection->output_soft_since_ms = thread->now_ms;
        }
        is_over = is_over || thread->now_ms - connection->output_soft_since_ms > soft_ms;
    } else {
        connection->output_soft_since_ms = 0;
    }
    if (is_over) {
        stat_add(&thread->stats.output_limit_disconnections, 1);
        connection_close(connection);
    }
}

void connection_check_limits(struct connection *connection)
{
    int64_t timeout_ms = atomic_load_explicit(&config_of(connection)->timeout, memory_order_relaxed) * 1000;
    int64_t idle_ms = connection->thread->now_ms - connection->session.active_ms;
    if (timeout_ms > 0 && idle_ms > timeout_ms && !connection->session.is_monitor && connection->window == NULL) {
        connection_close(connection);
        return;
    }
    if (connection->output.bytes > 0) {
        check_output_limits(connection);
    }
    client_memory_note(connection);
}

/* --- end --- */

void connection_close(struct connection *connection)
{
    if (connection->is_closing) {
        return;
    }
    connection->is_closing = true;
    shutdown(connection->fd, SHUT_RDWR);
    connection_list_add(connection, LIST_DIRTY);
}

static void release_session(struct connection *connection)
{
    struct session *session = &connection->session;
    struct thread *thread = connection->thread;
    if (session->is_monitor) {
        atomic_fetch_sub_explicit(&thread->server->monitors_current, 1, memory_order_relaxed);
        stat_add(&thread->stats.monitors_current, (uint64_t)-1);
    }
    buffer_release(&session->name);
    buffer_release(&session->lib_name);
    buffer_release(&session->lib_version);
}

static void connection_free(struct connection *connection)
{
    struct thread *thread = connection->thread;
    for (int list = 0; list < CONNECTION_LISTS; list++) {
        list_remove(connection, (enum connection_list)list);
    }
    if (connection->held >= 0) {
        ring_buffer_return(&thread->ring, (uint16_t)connection->held);
    }
    client_memory_forget(connection);
    buffer_release(&connection->query);
    buffer_release(&connection->backlog);
    parser_reset(&connection->parser);
    output_clear(&connection->output, &thread->chunks);
    release_session(connection);
    close(connection->fd);
    if (connection->previous != NULL) {
        connection->previous->next = connection->next;
    } else {
        thread->connections = connection->next;
    }
    if (connection->next != NULL) {
        connection->next->previous = connection->previous;
    }
    stat_add(&thread->stats.connections_current, (uint64_t)-1);
    atomic_fetch_sub_explicit(&thread->connection_count, 1, memory_order_relaxed);
    atomic_fetch_sub_explicit(&thread->server->clients_current, 1, memory_order_relaxed);
    thread_free(MEM_CLIENT, connection, sizeof *connection);
}

static void settle_closing(struct connection *connection)
{
    struct window *window = connection->window;
    if (window != NULL && window->queued == 0 && connection->visits == 0) {
        job_abandon(connection->thread, connection);
        window_drop(window);
    }
    /* The shutdown should end it, but a kernel may miss that when data arrive at the same moment. */
    stop_receiving(connection);
    if (connection->window == NULL && connection->requests == 0) {
        connection_free(connection);
    }
}

/* All that will be answered has been answered and sent. */
static bool is_finished(const struct connection *connection)
{
    return connection->window == NULL &&
           (connection->close_after_replies || (connection->is_input_ended && !connection->wants_more));
}

void connection_settle(struct connection *connection)
{
    if (UNLIKELY(connection->session.must_close)) {
        connection->close_after_replies = true;
    }
    if (UNLIKELY(connection->is_closing)) {
        settle_closing(connection);
        return;
    }
    if (UNLIKELY(connection->output.bytes > OUTPUT_CHECK_BYTES || connection->output_soft_since_ms != 0)) {
        check_output_limits(connection);
        if (connection->is_closing) {
            return; /* it is in this list again */
        }
    }
    client_memory_note(connection);
    if (connection->output.bytes > 0) {
        if (!connection->is_sending) {
            start_sending(connection);
        }
    } else if (UNLIKELY(is_finished(connection))) {
        connection_close(connection);
    }
    if (UNLIKELY(!connection->is_receiving || is_query_long(connection))) {
        adjust_receiving(connection);
    }
}

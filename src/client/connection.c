/* connection.c - one client's socket: its replies, its limits, its end. What it sends: input.c.
 *
 *   open -> closing:   connection_close. No more commands; in LIST_CLOSING.
 *        -> ending:    its requests were told to end (connections_end: ENDINGS_MAX at once, since what ends is delivered in the
 *                      order in which it ended: others would wait behind all of them). In LIST_DIRTY whenever one has.
 *        -> freed:     no request, call or visit is under way, and it is in no other list
 *   open -> lingering: connection_refuse. What it sends is dropped; when its replies are sent it is told that no more come;
 *                      closing when it has ended, too, or LINGER_MS later.
 *
 * Threads    Its thread.
 * Limits     OUTPUT_SOFT and its sisters: no commands beyond it. client-output-buffer-limit: closed.  */
#include "base/clock.h"
#include "mem/heap.h"
#include "shard/log.h"
#include "shard/thread_private.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

enum {
    OUTPUT_CHECK_BYTES = 16384, /* fewer unsent bytes are not held against a limit at every turn */
    LINGER_MS = 2000,
    PENDING_PATIENCE_MS = 2000, /* over clients-pending-limit: who has not taken any reply for so long may be closed */
    STRANGER_SOFT_MS = 1000,    /* a client that has not logged in may leave its replies unread for so long */
    ENDINGS_MAX = 16,           /* connections whose requests are ending */
    ENDINGS_A_LOOK = 8,         /* connections ended between two looks at the clock */
    CROWD_EVENTS = 16,          /* completions in a turn that say that more wait in the kernel */
    PUT_OFF_ALL_MS = 30,        /* for so long no connection is ended because of that, */
    PUT_OFF_MS = 500,           /* and for so long few are */
};

static const struct config *config_of(const struct connection *connection)
{
    return connection->thread->server->config;
}

/* --- lists --- */

void connection_list_add(struct connection *connection, enum connection_list list)
{
    struct thread *thread = connection->thread;
    if (UNLIKELY(connection->is_closing)) {
        list = connection->is_ending ? LIST_DIRTY : LIST_CLOSING; /* nothing else is done with it */
    }
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

static bool is_in_any_list(const struct connection *connection)
{
    for (int list = 0; list < CONNECTION_LISTS; list++) {
        if (connection->is_in_list[list]) {
            return true;
        }
    }
    return false;
}

/* --- birth --- */

struct connection *connection_create(struct thread *thread, int fd)
{
    struct connection *connection = thread_alloc_zeroed(MEM_CLIENT, sizeof *connection);
    if (connection == NULL) {
        return NULL;
    }
    connection->thread = thread;
    connection->fd = fd;
    connection->held = -1;
    connection->sent_ms = thread->now_ms;
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
    connection_start_receiving(connection);
    return connection;
}

/* --- going on --- */

bool connection_is_stranger(const struct connection *connection)
{
    return UNLIKELY(!connection->session.is_authenticated) &&
           atomic_load_explicit(&config_of(connection)->has_password, memory_order_relaxed) != 0;
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
    if (connection->backlog.len > 0) {
        connection_join_backlog(connection);
    } else if (!connection->wants_more || connection->held < 0) {
        connection_keep_rest(connection);
    }
    connection_continue(connection);
    connection_release_held(connection);
}

/* --- output --- */

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

static void look_for_room(struct connection *connection)
{
    if (UNLIKELY(connection->waits_for_room) && !thread_output_is_full(connection->thread, connection->output.bytes)) {
        connection->waits_for_room = false;
    }
}

/* A send copies all that it is given while the thread waits: many long ones in a turn would hold up everybody else's short one. */
void connections_send_bulk(struct thread *thread)
{
    size_t given = 0;
    struct connection *connection;
    while (given < TURN_BULK_BYTES && (connection = connection_list_take(thread, LIST_BULK)) != NULL) {
        if (connection->is_closing) {
            connection_list_add(connection, LIST_CLOSING); /* where it stands until it is in no other list */
        } else if (!connection->is_sending && connection->output.bytes > 0) {
            given += connection->output.bytes < OUTPUT_GATHER_BYTES ? connection->output.bytes : OUTPUT_GATHER_BYTES;
            start_sending(connection);
        }
    }
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
    connection->sent_ms = thread->now_ms;
    stat_add(&thread->stats.net_output_bytes, sent);
    connection->session.output_bytes_total += sent;
    output_sent(&connection->output, &thread->chunks, sent);
    look_for_room(connection);
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
    if (UNLIKELY(connection_is_stranger(connection))) {
        soft = OUTPUT_SOFT_STRANGER;
        soft_ms = STRANGER_SOFT_MS;
    }
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

bool connection_is_stuck(const struct connection *connection)
{
    const int64_t now_ms = connection->thread->now_ms;
    return !connection->is_closing && !connection->is_lingering && connection->output.bytes > OUTPUT_SOFT_SHORT &&
           now_ms - connection->sent_ms >= PENDING_PATIENCE_MS;
}

void connection_refuse_stuck(struct connection *connection)
{
    struct server *server = connection->thread->server;
    log_write(server->config, LOG_LEVEL_WARNING,
              "clients-pending-limit: closing client id=%llu, which takes no replies: %zu bytes of them, %zu bytes of requests wait",
              (unsigned long long)connection->session.id, connection->output.bytes, connection_waiting_bytes(connection));
    stat_add(&connection->thread->stats.output_limit_disconnections, 1);
    connection_refuse(connection, "ERR clients-pending-limit reached, and this client takes no replies");
}

void connection_check_limits(struct connection *connection)
{
    int64_t timeout_ms = atomic_load_explicit(&config_of(connection)->timeout, memory_order_relaxed) * 1000;
    int64_t idle_ms = connection->thread->now_ms - connection->session.active_ms;
    const struct window *window = connection->window;
    const bool is_at_work = window != NULL ? !window->is_parked || connection_has_output_room(connection)
                                           : connection->is_in_list[LIST_PAUSED];
    const bool is_idle = timeout_ms > 0 && idle_ms > timeout_ms && !session_is_fed(&connection->session) && !is_at_work;
    const bool was_long = connection->is_lingering && connection->thread->now_ms >= connection->linger_until_ms;
    if (is_idle || was_long) {
        connection_close(connection);
        return;
    }
    if (connection->output.bytes > 0) {
        check_output_limits(connection);
    }
    if (UNLIKELY(!connection->is_receiving)) {
        /* Perhaps it may be read ahead again, or run: others have given way. */
        connection_list_add(connection, LIST_DIRTY);
        look_for_room(connection);
        if (connection->wants_more || connection->window != NULL) {
            connection_continue(connection);
        }
    }
    client_memory_note(connection);
}

/* --- end --- */

/* Unless others work for it. */
static void connection_drop_window(struct connection *connection)
{
    struct window *window = connection->window;
    if (window != NULL && window->queued == 0 && connection->visits == 0) {
        job_abandon(connection->thread, connection);
        window_drop(window);
    }
}

void connection_close(struct connection *connection)
{
    if (connection->is_closing) {
        return;
    }
    connection->is_closing = true;
    if (!connection->is_sending) {
        output_clear(&connection->output, &connection->thread->chunks); /* others may need the memory before its turn comes */
    }
    connection_list_add(connection, LIST_CLOSING);
}

void connection_linger(struct connection *connection)
{
    if (!connection->is_lingering) {
        connection->close_after_replies = true;
        connection->is_lingering = true;
        connection->linger_until_ms = connection->thread->now_ms + LINGER_MS;
        connection_list_add(connection, LIST_DIRTY);
    }
}

void connection_refuse(struct connection *connection, const char *text)
{
    struct thread *thread = connection->thread;
    const struct window *window = connection->window;
    if (window != NULL && (window->queued > 0 || connection->visits > 0)) {
        connection_close(connection); /* others still work for it: its replies would not be in order */
        return;
    }
    connection_drop_window(connection);
    connection_drop_input(connection);
    struct buffer line = BUFFER_EMPTY(MEM_OUTPUT_BUFFER);
    const bool is_made = buffer_append_format(&line, "-%s\r\n", text) &&
                         output_append(&connection->output, &thread->chunks, buffer_bytes(&line));
    buffer_release(&line);
    if (is_made) {
        connection_linger(connection);
    } else {
        connection_close(connection);
    }
}

static void release_session(struct connection *connection)
{
    struct session *session = &connection->session;
    struct thread *thread = connection->thread;
    for (int feed = 0; feed < FEED_COUNT; feed++) {
        feed_leave(thread, session, (enum feed)feed);
    }
    buffer_release(&session->name);
    buffer_release(&session->lib_name);
    buffer_release(&session->lib_version);
}

static void connection_free(struct connection *connection)
{
    struct thread *thread = connection->thread;
    assert(connection->deferred == 0);
    client_memory_forget(connection);
    connection_drop_input(connection);
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

/* A receive ends by a cancel, which is asked for once; only a send, which may wait for the peer for ever, needs a shutdown. */
static void end_requests(struct connection *connection)
{
    connection->is_ending = true;
    connection->thread->endings++;
    connection_stop_receiving(connection);
    if (connection->is_sending) {
        shutdown(connection->fd, SHUT_RDWR);
    }
}

static void end_connection(struct connection *connection)
{
    connection_drop_window(connection);
    if (!connection->is_ending && connection->requests > 0) {
        end_requests(connection);
    }
    if (connection->window == NULL && connection->requests == 0 && !is_in_any_list(connection)) {
        connection->thread->endings -= connection->is_ending;
        connection_free(connection);
    }
}

/* How many connections may be ended in this turn.
 *
 * Closing a socket costs more than all else that is done for a connection that has gone. When thousands go at once, the kernel
 * delivers their ends some twenty a turn, and whoever asks for something meanwhile stands behind them: they are seen first, and
 * closed afterwards; but not put off for long, since a busy thread has crowds of completions all the time. */
static uint32_t endings_limit(struct thread *thread, uint64_t now)
{
    if (thread->list_first[LIST_CLOSING] == NULL) {
        thread->closing_since_ticks = 0;
        return 0;
    }
    if (thread->closing_since_ticks == 0) {
        thread->closing_since_ticks = now;
    }
    const double ms = (double)(now - thread->closing_since_ticks) / (1000 * thread->server->ticks_per_us);
    if (thread->turn_events < CROWD_EVENTS || ms >= PUT_OFF_MS) {
        return UINT32_MAX;
    }
    return ms >= PUT_OFF_ALL_MS ? 1 : 0;
}

void connections_end(struct thread *thread)
{
    const uint64_t now = clock_ticks();
    const uint64_t end = now + (uint64_t)(TURN_CLOSING_US * thread->server->ticks_per_us);
    const uint32_t limit = endings_limit(thread, now);
    for (uint32_t count = 0; count < limit && thread->endings < ENDINGS_MAX; count++) {
        if (count % ENDINGS_A_LOOK == ENDINGS_A_LOOK - 1 && clock_ticks() >= end) {
            break;
        }
        struct connection *connection = connection_list_take(thread, LIST_CLOSING);
        if (connection == NULL) {
            break;
        }
        end_connection(connection);
    }
}

/* All that will be answered has been answered and sent. */
static bool is_finished(const struct connection *connection)
{
    return connection->window == NULL &&
           (connection->close_after_replies ||
            (connection->is_input_ended && !connection->wants_more && connection->deferred == 0));
}

/* Everything is sent. */
static void finish(struct connection *connection)
{
    if (!connection->is_lingering || connection->is_input_ended) {
        connection_close(connection);
    } else if (!connection->is_shut) {
        connection->is_shut = true;
        shutdown(connection->fd, SHUT_WR);
    }
}

void connection_settle(struct connection *connection)
{
    if (UNLIKELY(connection->session.must_close)) {
        connection->close_after_replies = true;
    }
    if (UNLIKELY(connection->output.bytes > OUTPUT_CHECK_BYTES || connection->output_soft_since_ms != 0)) {
        check_output_limits(connection);
    }
    if (UNLIKELY(connection->is_closing)) {
        if (connection->is_ending) {
            end_connection(connection);
        }
        return;
    }
    client_memory_note(connection);
    if (connection->output.bytes > BULK_OUTPUT_BYTES) {
        connection_list_add(connection, LIST_BULK);
    } else if (connection->output.bytes > 0) {
        if (!connection->is_sending) {
            start_sending(connection);
        }
    } else if (UNLIKELY(is_finished(connection))) {
        finish(connection);
    }
    connection_adjust_receiving(connection);
}

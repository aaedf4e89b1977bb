/* lifetime.c - see lifetime.h.  */
#include "client/lifetime.h"

#include "base/clock.h"
#include "client/client_memory.h"
#include "client/feed.h"
#include "client/hold.h"
#include "client/input.h"
#include "client/receive.h"
#include "client/refuse.h"
#include "client/send.h"
#include "client/session_cache.h"
#include "client/session_user.h"
#include "client/subscription.h"
#include "exec/prepared.h"
#include "exec/transaction.h"
#include "mem/heap.h"
#include "shard/server.h"

#include <unistd.h>

enum {
    TURN_CLOSING_US = 500,      /* for ending connections, in a turn */
    ENDINGS_MAX = 16,           /* connections whose requests are ending */
    ENDINGS_A_LOOK = 8,         /* connections ended between two looks at the clock */
    CROWD_EVENTS = 16,          /* completions in a turn that say that more wait in the kernel */
    PUT_OFF_ALL_MS = 30,        /* for so long no connection is ended because of that, */
    PUT_OFF_MS = 500,           /* and for so long few are */
};

_Static_assert(sizeof(struct connection) <= 768, "the next size of a block is 128 bytes more, for each connection");

/* --- birth --- */

static void on_event(struct ring_owner *owner, const struct ring_event *event)
{
    struct connection *connection = (struct connection *)((char *)owner - offsetof(struct connection, owner));
    if (event->kind == REQUEST_RECEIVE) {
        connection_received(connection, event);
    } else if (event->kind == REQUEST_SEND) {
        connection_was_sent(connection, event);
    } else {
        connection_was_cancelled(connection);
    }
}

struct connection *connection_create(struct thread *thread, int fd)
{
    assert(fd >= 0);
    struct connection *connection = thread_alloc_zeroed(MEM_CLIENT, sizeof *connection);
    if (connection == NULL) {
        return NULL;
    }
    connection->owner.on_event = on_event;
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
    session_begin_user(thread, &connection->session);
    connection->next = thread->clients->connections;
    if (connection->next != NULL) {
        connection->next->previous = connection;
    }
    thread->clients->connections = connection;
    stat_add(&thread->stats.connections_received, 1);
    stat_add(&thread->stats.connections_current, 1);
    connection_start_receiving(connection);
    return connection;
}

void connection_use_tls(struct connection *connection)
{
    struct tls_context *context = tls_hold_context(connection->thread->server->tls);
    assert(context != NULL); /* nobody listens for TLS without */
    connection->session.is_tls = true;
    connection->tls = tls_stream_create(context, &connection->thread->clients->chunks);
    if (connection->tls == NULL) {
        tls_context_drop(context);
        connection_close(connection);
    }
}

/* --- end --- */

static void release_session(struct connection *connection)
{
    struct session *session = &connection->session;
    struct thread *thread = connection->thread;
    for (int feed = 0; feed < FEED_COUNT; feed++) {
        feed_leave(thread, session, (enum feed)feed);
    }
    session_unsubscribe(thread, session);
    session_drop_cache(session);
    session_end_user(session);
    transaction_destroy(session->transaction);
    session->transaction = NULL;
    prepared_end(&session->prepared);
    buffer_release(&session->name);
    buffer_release(&session->lib_name);
    buffer_release(&session->lib_version);
}

static bool is_listed(const struct connection *connection)
{
    const struct connection *previous = connection->previous;
    return (previous == NULL ? connection->thread->clients->connections : previous->next) == connection;
}

static void connection_free(struct connection *connection)
{
    struct thread *thread = connection->thread;
    assert(connection->deferred == 0);
    assert(is_listed(connection));
    client_memory_forget(connection);
    connection_drop_holds(connection);
    connection_drop_input(connection);
    output_clear(&connection->output, &thread->clients->chunks);
    tls_stream_destroy(connection->tls);
    release_session(connection);
    close(connection->fd);
    if (connection->previous != NULL) {
        connection->previous->next = connection->next;
    } else {
        thread->clients->connections = connection->next;
    }
    if (connection->next != NULL) {
        connection->next->previous = connection->previous;
    }
    stat_add(&thread->stats.connections_current, (uint64_t)-1);
    const uint32_t of_thread = atomic_fetch_sub_explicit(&thread->clients->connection_count, 1, memory_order_relaxed);
    const uint32_t of_server = atomic_fetch_sub_explicit(&thread->server->clients_current, 1, memory_order_relaxed);
    assert(of_thread > 0);
    assert(of_server > 0);
    thread_free(MEM_CLIENT, connection, sizeof *connection);
}

/* A receive ends by a cancel, which is asked for once; only a send, which may wait for the peer for ever, needs a shutdown. */
static void end_requests(struct connection *connection)
{
    connection_enter(connection, CONNECTION_ENDING);
    connection->thread->clients->endings++;
    assert(connection->thread->clients->endings <= ENDINGS_MAX);
    connection_stop_receiving(connection);
    if (connection->is_sending) {
        shutdown(connection->fd, SHUT_RDWR);
    }
}

void connection_end(struct connection *connection)
{
    assert(connection_is_closing(connection));
    assert(connection_requests_are_right(connection));
    connection_drop_window(connection);
    if (connection->state == CONNECTION_CLOSING && connection->requests > 0) {
        end_requests(connection);
    }
    if (connection->window == NULL && connection->requests == 0 && !connection_is_in_any_list(connection)) {
        assert(connection->state != CONNECTION_ENDING || connection->thread->clients->endings > 0);
        connection->thread->clients->endings -= connection->state == CONNECTION_ENDING;
        connection_free(connection);
    }
}

/* How many connections may be ended in this turn.
 *
 * Closing a socket costs more than all else that is done for a connection that has gone. When thousands go at once, the kernel
 * delivers their ends some twenty a turn, and whoever asks for something meanwhile stands behind them: they are seen first, and
 * closed afterwards; but not put off for long, since a busy thread has crowds of completions all the time. */
static uint32_t endings_limit(struct thread *thread, uint64_t now, uint32_t turn_events)
{
    struct clients *clients = thread->clients;
    if (clients->list_first[LIST_CLOSING] == NULL) {
        clients->closing_since_ticks = 0;
        return 0;
    }
    if (clients->closing_since_ticks == 0) {
        clients->closing_since_ticks = now;
    }
    const double ms = (double)(now - clients->closing_since_ticks) / (1000 * thread->server->ticks_per_us);
    if (turn_events < CROWD_EVENTS || ms >= PUT_OFF_MS) {
        return UINT32_MAX;
    }
    return ms >= PUT_OFF_ALL_MS ? 1 : 0;
}

void connections_end(struct thread *thread, uint32_t turn_events)
{
    const uint64_t now = clock_ticks();
    const uint64_t end = now + (uint64_t)(TURN_CLOSING_US * thread->server->ticks_per_us);
    const uint32_t limit = endings_limit(thread, now, turn_events);
    for (uint32_t count = 0; count < limit && thread->clients->endings < ENDINGS_MAX; count++) {
        if (count % ENDINGS_A_LOOK == ENDINGS_A_LOOK - 1 && clock_ticks() >= end) {
            break;
        }
        struct connection *connection = connection_list_take(thread, LIST_CLOSING);
        if (connection == NULL) {
            break;
        }
        connection_end(connection);
    }
}

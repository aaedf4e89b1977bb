/* limits.c - see limits.h.  */
#include "client/limits.h"

#include "client/client_memory.h"
#include "client/handshake.h"
#include "client/ready.h"
#include "client/refuse.h"
#include "exec/pending.h"
#include "exec/window.h"
#include "shard/log.h"
#include "shard/server.h"

#include <assert.h>

enum {
    PENDING_PATIENCE_MS = 2000,     /* over clients-pending-limit: who has not taken any reply for so long may be closed */
    UNAUTHENTICATED_SOFT_MS = 1000, /* a client that has not logged in may leave its replies unread for so long */
};

/* --- unsent replies --- */

/* client-output-buffer-limit; who is fed counts as a pubsub client, as in Redis, and who is sent a file by SYNC as a replica. */
static const struct config_output_limit *output_limit(const struct connection *connection)
{
    const struct session *session = &connection->session;
    const enum config_output_class fed = session_is_fed(session) ? OUTPUT_PUBSUB : OUTPUT_NORMAL;
    return &connection->thread->server->config->output_limits[session->is_copying ? OUTPUT_REPLICA : fed];
}

void connection_check_output(struct connection *connection)
{
    const struct config_output_limit *limit = output_limit(connection);
    uint64_t hard = atomic_load_explicit(&limit->hard_bytes, memory_order_relaxed);
    uint64_t soft = atomic_load_explicit(&limit->soft_bytes, memory_order_relaxed);
    int64_t soft_ms = (int64_t)atomic_load_explicit(&limit->soft_seconds, memory_order_relaxed) * 1000;
    if (UNLIKELY(connection_is_unauthenticated(connection))) {
        soft = OUTPUT_SOFT_UNAUTHENTICATED;
        soft_ms = UNAUTHENTICATED_SOFT_MS;
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
    if (is_over && !connection_is_closing(connection)) {
        stat_add(&thread->stats.output_limit_disconnections, 1);
        connection_close(connection);
    }
}

/* It has not taken any of its replies for some time; they are many. */
static bool is_stuck(const struct connection *connection)
{
    const int64_t now_ms = connection->thread->now_ms;
    return !connection_is_closing(connection) && !connection_is_lingering(connection) && connection->output.bytes > OUTPUT_SOFT_SHORT &&
           now_ms - connection->sent_ms >= PENDING_PATIENCE_MS;
}

/* All clients' buffers are over clients-pending-limit: this one ends, with an error. */
static void refuse_stuck(struct connection *connection)
{
    struct server *server = connection->thread->server;
    log_write(server->config, LOG_LEVEL_WARNING,
              "clients-pending-limit: closing client id=%llu, which takes no replies: %zu bytes of them, %zu bytes of requests wait",
              (unsigned long long)connection->session.id, connection->output.bytes, connection_waiting_bytes(connection));
    stat_add(&connection->thread->stats.output_limit_disconnections, 1);
    connection_refuse(connection, "ERR clients-pending-limit reached, and this client takes no replies");
}

/* --- all of them --- */

static void check_limits(struct connection *connection)
{
    if (connection_is_in_handshake(connection) && connection_handshake_is_late(connection)) {
        return;
    }
    int64_t timeout_ms = atomic_load_explicit(&connection->thread->server->config->timeout, memory_order_relaxed) * 1000;
    int64_t idle_ms = connection->thread->now_ms - connection->session.active_ms;
    const struct window *window = connection->window;
    const bool is_at_work = window != NULL ? window->state == WINDOW_IN_ROUND || connection_has_output_room(connection)
                                           : connection->is_in_list[LIST_PAUSED];
    const bool is_idle = timeout_ms > 0 && idle_ms > timeout_ms && !session_is_fed(&connection->session) && !is_at_work;
    const bool was_long = connection_is_lingering(connection) && connection->thread->now_ms >= connection->linger_until_ms;
    if (is_idle || was_long) {
        connection_close(connection);
        return;
    }
    if (connection->output.bytes > 0) {
        connection_check_output(connection);
    }
    if (UNLIKELY(!connection->is_receiving)) {
        /* Perhaps it may be read ahead again, or run: others have given way. */
        connection_list_add(connection, LIST_DIRTY);
        connection_look_for_room(connection);
        if (connection->wants_more || connection->window != NULL) {
            connection_continue(connection);
        }
    }
    client_memory_note(connection);
}

static void add_fed(struct fed_clients *fed, const struct connection *connection)
{
    const uint64_t bytes = connection->output.bytes;
    fed->count++;
    fed->waiting_bytes += bytes;
    if (bytes > fed->slowest_bytes) {
        fed->slowest_bytes = bytes;
        fed->slowest_id = connection->session.id;
    }
}

static size_t pending_bytes(const struct connection *connection)
{
    return connection->output.bytes + connection_waiting_bytes(connection);
}

void clients_check(struct thread *thread)
{
    struct clients *clients = thread->clients;
    struct fed_clients fed = {0};
    struct connection *stuck = NULL; /* the largest of them */
    struct connection *next;
    uint64_t count = 0;
    for (struct connection *connection = clients->connections; connection != NULL; connection = next) {
        next = connection->next;
        count++;
        if (connection_is_closing(connection)) {
            continue;
        }
        check_limits(connection);
        if (UNLIKELY(thread->executor->is_pending_too_much) && is_stuck(connection) &&
            (stuck == NULL || pending_bytes(connection) > pending_bytes(stuck))) {
            stuck = connection;
        }
        if (UNLIKELY(session_is_fed(&connection->session)) && !connection_is_closing(connection)) {
            add_fed(&fed, connection);
        }
    }
    assert(count == thread->stats.connections_current);
    if (UNLIKELY(stuck != NULL)) {
        refuse_stuck(stuck); /* one at a time: perhaps the others can go on then */
    }
    __atomic_store_n(&clients->fed.count, fed.count, __ATOMIC_RELAXED);
    __atomic_store_n(&clients->fed.waiting_bytes, fed.waiting_bytes, __ATOMIC_RELAXED);
    __atomic_store_n(&clients->fed.slowest_id, fed.slowest_id, __ATOMIC_RELAXED);
    __atomic_store_n(&clients->fed.slowest_bytes, fed.slowest_bytes, __ATOMIC_RELAXED);
}

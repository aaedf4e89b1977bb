/* sessions.c - see sessions.h.  */
#include "client/sessions.h"

#include "client/connection.h"
#include "exec/block.h"
#include "client/session_cache.h"
#include "exec/prepared.h"
#include "exec/transaction.h"
#include "exec/window.h"
#include "mem/heap.h"
#include "net/listener.h"
#include "shard/server.h"

void session_peer_address(const struct session *session, char out[SESSION_ADDRESS_MAX])
{
    socket_peer_text(session_fd(session), out, SESSION_ADDRESS_MAX);
}

void session_local_address(const struct session *session, char out[SESSION_ADDRESS_MAX])
{
    socket_local_text(session_fd(session), out, SESSION_ADDRESS_MAX);
}

int session_fd(const struct session *session)
{
    return connection_of(session)->fd;
}

void session_memory(const struct session *session, struct session_memory *out)
{
    const struct connection *connection = connection_of(session);
    const size_t query_len = connection->query.len - connection->query_at + connection->backlog.len;
    const size_t query_capacity = connection->query.capacity + connection->backlog.capacity;
    *out = (struct session_memory){
        .query_used = connection_waiting_bytes(connection),
        .query_free = query_capacity - query_len,
        .output_bytes = connection->output.bytes,
        .output_chunks = connection->output.chunks,
    };
    out->total_bytes = thread_block_bytes(sizeof *connection) + query_capacity +
                       output_memory_bytes(&connection->output) + parser_memory_bytes(&connection->parser) +
                       session->name.capacity + session->lib_name.capacity + session->lib_version.capacity +
                       transaction_memory_bytes(session->transaction) + prepared_memory_bytes(session->prepared) + session_subscription_bytes(session) +
                       session_cache_bytes(session);
    if (connection->tls != NULL) {
        out->total_bytes += tls_stream_memory_bytes(connection->tls);
    }
    if (connection->window != NULL) {
        out->total_bytes += window_memory_bytes(connection->window);
    }
}

struct session *thread_session_next(struct thread *thread, struct session *previous)
{
    struct connection *next = previous == NULL ? thread->clients->connections : connection_of(previous)->next;
    while (next != NULL && connection_is_closing(next)) {
        next = next->next;
    }
    return next == NULL ? NULL : &next->session;
}

void session_close(struct session *session)
{
    debug_assert(connection_of(session)->thread == thread_self());
    connection_close(connection_of(session));
}

/* The call that is blocked; NULL: none is. */
static struct call *blocked_call(const struct connection *connection)
{
    const struct window *window = connection->window;
    if (window == NULL || window->queued > 0 || connection_is_closing(connection)) {
        return NULL;
    }
    struct call *first = window_first_call(window);
    return first->state == CALL_BLOCKED ? first : NULL;
}

bool session_is_blocked(const struct session *session)
{
    return blocked_call(connection_of(session)) != NULL;
}

bool session_unblock(struct session *session, bool is_error)
{
    struct connection *connection = connection_of(session);
    debug_assert(connection->thread == thread_self());
    struct call *call = blocked_call(connection);
    return call != NULL && block_end(connection->thread, call, is_error);
}

void session_push(struct session *session, struct bytes protocol_bytes)
{
    struct connection *connection = connection_of(session);
    debug_assert(connection->thread == thread_self());
    if (connection_is_closing(connection)) {
        return;
    }
    if (!output_append(&connection->output, &connection->thread->clients->chunks, protocol_bytes)) {
        connection_close(connection);
    }
    connection_list_add(connection, LIST_DIRTY);
}

void session_push_buffer(struct session *session, struct buffer *protocol_bytes)
{
    struct connection *connection = connection_of(session);
    debug_assert(connection->thread == thread_self());
    if (!connection_is_closing(connection) && !output_take(&connection->output, &connection->thread->clients->chunks, protocol_bytes)) {
        connection_close(connection);
    }
    buffer_release(protocol_bytes);
    connection_list_add(connection, LIST_DIRTY);
}

size_t session_unsent_bytes(const struct session *session)
{
    return connection_of(session)->output.bytes;
}

void server_total_fed(const struct server *server, struct fed_clients *out)
{
    *out = (struct fed_clients){0};
    for (uint32_t i = 0; i < server->shard_count; i++) {
        const struct fed_clients *fed = &server_thread(server, i)->clients->fed;
        const uint64_t slowest = __atomic_load_n(&fed->slowest_bytes, __ATOMIC_RELAXED);
        out->count += __atomic_load_n(&fed->count, __ATOMIC_RELAXED);
        out->waiting_bytes += __atomic_load_n(&fed->waiting_bytes, __ATOMIC_RELAXED);
        if (slowest > out->slowest_bytes) {
            out->slowest_bytes = slowest;
            out->slowest_id = __atomic_load_n(&fed->slowest_id, __ATOMIC_RELAXED);
        }
    }
}

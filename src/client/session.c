/* session.c - see session.h: what other rooms may ask of a connection.  */
#include "client/session.h"

#include "mem/heap.h"
#include "net/listener.h"
#include "shard/thread_private.h"

static struct connection *connection_of(const struct session *session)
{
    return (struct connection *)(uintptr_t)session;
}

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
                       session->name.capacity + session->lib_name.capacity + session->lib_version.capacity;
    if (connection->window != NULL) {
        out->total_bytes += window_memory_bytes(connection->window);
    }
}

struct session *thread_session_next(struct thread *thread, struct session *previous)
{
    struct connection *next = previous == NULL ? thread->connections : connection_of(previous)->next;
    while (next != NULL && next->is_closing) {
        next = next->next;
    }
    return next == NULL ? NULL : &next->session;
}

void session_close(struct session *session, bool after_replies)
{
    struct connection *connection = connection_of(session);
    if (after_replies) {
        connection->close_after_replies = true;
        connection_list_add(connection, LIST_DIRTY);
    } else {
        connection_close(connection);
    }
}

void session_push(struct session *session, struct bytes protocol_bytes)
{
    struct connection *connection = connection_of(session);
    if (connection->is_closing) {
        return;
    }
    if (!output_append(&connection->output, &connection->thread->chunks, protocol_bytes)) {
        connection_close(connection);
    }
    connection_list_add(connection, LIST_DIRTY);
}

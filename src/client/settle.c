/* settle.c - see settle.h.  */
#include "client/settle.h"

#include "client/caching.h"
#include "client/client_memory.h"
#include "client/hold.h"
#include "client/connection.h"
#include "client/lifetime.h"
#include "client/limits.h"
#include "client/receive.h"
#include "client/send.h"
#include "client/sessions.h"

/* All that will be answered has been answered and sent. Who has gone is not waited for: it would take what others could have. */
static bool is_finished(const struct connection *connection)
{
    if (connection->is_input_ended && session_is_blocked(&connection->session)) {
        return true;
    }
    return connection->window == NULL && !connection->is_in_list[LIST_HANDSHAKE] &&
           (!connection_is_open(connection) ||
            (connection->is_input_ended && !connection->wants_more && connection->deferred == 0));
}

/* Everything is sent. */
static void finish(struct connection *connection)
{
    if (UNLIKELY(connection->tls != NULL) && tls_stream_end(connection->tls)) {
        connection_start_sending(connection);
        return;
    }
    if (!connection_is_lingering(connection) || connection->is_input_ended) {
        connection_close(connection);
    } else if (connection->state == CONNECTION_LINGERING) {
        connection_enter(connection, CONNECTION_SHUT);
        shutdown(connection->fd, SHUT_WR);
    }
}

static void settle(struct connection *connection)
{
    if (UNLIKELY(connection->output.bytes > OUTPUT_CHECK_BYTES || connection->output_soft_since_ms != 0)) {
        connection_check_output(connection);
    }
    if (connection_is_closing(connection)) {
        if (connection->state == CONNECTION_ENDING) {
            connection_end(connection);
        }
        return;
    }
    client_memory_note(connection);
    if (connection->output.bytes > BULK_OUTPUT_BYTES) {
        connection_list_add(connection, LIST_BULK);
    } else if (connection->output.bytes > 0 || connection_has_cipher(connection)) {
        if (!connection->is_sending && (connection_sendable(connection) > 0 || connection_has_cipher(connection))) {
            connection_start_sending(connection);
        }
    } else if (UNLIKELY(is_finished(connection))) {
        finish(connection);
    }
    connection_adjust_receiving(connection);
}

void connections_settle(struct thread *thread, uint32_t turn_events)
{
    const struct clients *clients = thread->clients;
    struct connection *connection;
    if (UNLIKELY(clients->caches_due != NULL)) {
        caches_tell(thread);
    }
    if (UNLIKELY(holds_are_due(thread))) {
        holds_release(thread);
    }
    while ((connection = connection_list_take(thread, LIST_DIRTY)) != NULL) {
        settle(connection);
    }
    connections_send_bulk(thread);
    if (UNLIKELY(clients->list_first[LIST_CLOSING] != NULL || clients->closing_since_ticks != 0)) {
        connections_end(thread, turn_events);
    }
}

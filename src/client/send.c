/* send.c - see send.h.  */
#include "client/send.h"

#include "client/client_memory.h"
#include "client/hold.h"
#include "client/ready.h"

#include <errno.h>

enum {
    TURN_BULK_BYTES = 1 << 18,
    ENCRYPTED_BYTES = 1 << 16, /* text of one connection whose records are kept until they are sent */
};

/* Puts some of the text that may be sent into records, unless records of it wait already. False: the connection is closed. */
static __attribute__((noinline)) bool encrypt_some(struct connection *connection)
{
    struct tls_stream *tls = connection->tls;
    const size_t sendable = connection_sendable(connection);
    if (tls->under_way > 0 || sendable == 0) {
        return true;
    }
    const int count = output_gather(&connection->output, sendable < ENCRYPTED_BYTES ? sendable : ENCRYPTED_BYTES, connection->pieces);
    for (int i = 0; i < count; i++) {
        if (!tls_stream_write(tls, (struct bytes){connection->pieces[i].iov_base, connection->pieces[i].iov_len})) {
            connection_close(connection);
            return false;
        }
    }
    return true;
}

void connection_start_sending(struct connection *connection)
{
    struct thread *thread = connection->thread;
    debug_assert(!connection->is_sending); /* `pieces` and `header` are lent to one send */
    const struct output *output = &connection->output;
    size_t limit = connection_sendable(connection);
    if (UNLIKELY(connection->tls != NULL)) {
        if (!encrypt_some(connection)) {
            return;
        }
        output = &connection->tls->pipe.cipher;
        limit = SIZE_MAX;
    }
    const int count = output_gather(output, limit, connection->pieces);
    assert(count > 0);
    if (LIKELY(count == 1)) {
        ring_send(&thread->ring, connection->fd, connection->pieces[0].iov_base, connection->pieces[0].iov_len, REQUEST_SEND,
                  &connection->owner);
    } else {
        connection->header = (struct msghdr){.msg_iov = connection->pieces, .msg_iovlen = (size_t)count};
        ring_send_message(&thread->ring, connection->fd, &connection->header, REQUEST_SEND, &connection->owner);
    }
    connection->is_sending = true;
    connection->requests++;
}

/* A send copies all that it is given while the thread waits: many long ones in a turn would hold up everybody else's short one. */
void connections_send_bulk(struct thread *thread)
{
    size_t given = 0;
    struct connection *connection;
    while (given < TURN_BULK_BYTES && (connection = connection_list_take(thread, LIST_BULK)) != NULL) {
        if (connection_is_closing(connection)) {
            connection_list_add(connection, LIST_CLOSING); /* where it stands until it is in no other list */
        } else if (!connection->is_sending && connection_sendable(connection) > 0) {
            const size_t bytes = connection_sendable(connection);
            given += bytes < OUTPUT_GATHER_BYTES ? bytes : OUTPUT_GATHER_BYTES;
            connection_start_sending(connection);
        }
    }
}

void connection_was_sent(struct connection *connection, const struct ring_event *event)
{
    struct thread *thread = connection->thread;
    debug_assert(connection->is_sending);
    debug_assert(connection_requests_are_right(connection));
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
    if (UNLIKELY(connection->tls != NULL)) {
        sent = tls_stream_sent(connection->tls, sent);
        connection_list_add(connection, LIST_DIRTY); /* it may have more to say than text */
    }
    output_sent(&connection->output, &thread->clients->chunks, sent);
    holds_sent(connection, sent);
    connection_look_for_room(connection);
    client_memory_note(connection);
    if (UNLIKELY(connection->output.bytes > 0 || !connection_is_open(connection))) {
        connection_list_add(connection, LIST_DIRTY);
    }
    if (UNLIKELY(connection->wants_more || connection->window != NULL)) {
        connection_continue(connection);
    }
    if (UNLIKELY(!connection->is_receiving)) {
        connection_list_add(connection, LIST_DIRTY);
    }
}

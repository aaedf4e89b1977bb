/* input.c - see input.h.  */
#include "client/input.h"

#include "client/ready.h"
#include "exec/window.h"
#include "mem/heap.h"
#include "shard/evict.h"
#include "shard/server.h"

#include <stdio.h>

enum {
    INPUT_GROWTH_MIN = 262144, /* room that a long query buffer gets ahead */
    GIVEN_REST_MAX = 1 << 20,  /* what stays of a query buffer that is given away */
};

/* C2: calls of the window point into the query buffer, which may move when it grows. */
static bool is_pointed_to(const struct connection *connection)
{
    return connection->window != NULL && connection->window->state == WINDOW_IN_ROUND;
}

/* C2, C4. */
static bool may_move(const struct connection *connection, const struct buffer *buffer)
{
    return buffer != &connection->query || (!is_pointed_to(connection) && !connection->is_query_lent);
}

bool connection_make_room(struct connection *connection, struct buffer *buffer, size_t len)
{
    assert(buffer == &connection->query || buffer == &connection->backlog);
    assert(may_move(connection, buffer));
    bool is_there = true;
    if (UNLIKELY(buffer->len + len > INPUT_AHEAD_NEAR_BYTES) && buffer->capacity - buffer->len < len) {
        if (connection_is_unauthenticated(connection) || evict_is_near(connection->thread->server)) {
            is_there = buffer_reserve_exactly(buffer, len);
        } else if (!connection_has_output_room(connection)) {
            const size_t ahead = buffer->len / 16 > INPUT_GROWTH_MIN ? buffer->len / 16 : INPUT_GROWTH_MIN;
            is_there = buffer_reserve_exactly(buffer, len + ahead);
        }
    }
    if (!is_there || !buffer_reserve(buffer, len)) {
        fprintf(stderr, "out of memory: closing a connection\n");
        connection_close(connection);
        return false;
    }
    return true;
}

bool connection_keep_input(struct connection *connection, struct buffer *buffer, struct bytes text)
{
    if (!connection_make_room(connection, buffer, text.len)) {
        return false;
    }
    memcpy(buffer->data + buffer->len, text.data, text.len);
    buffer->len += text.len;
    return true;
}

/* What was read of the query buffer goes. Of a long one not before half of it is read: then each byte is moved once at most,
 * however many windows it takes. */
static void compact_query(struct connection *connection)
{
    struct buffer *query = &connection->query;
    assert(!connection->is_query_lent);
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
            const bool is_kept = connection_keep_input(connection, &connection->query, rest);
            (void)is_kept; /* a closed connection has no input */
        }
        ring_buffer_return(ring, buffer);
    } else {
        compact_query(connection);
    }
    if (connection->query.len == 0) {
        buffer_release(&connection->query);
    }
}

void connection_release_held(struct connection *connection)
{
    if (UNLIKELY(connection->held >= 0 && connection->window == NULL && !connection->is_in_list[LIST_READY])) {
        connection_keep_rest(connection);
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
    } else if (connection_keep_input(connection, &connection->query, buffer_bytes(&connection->backlog))) {
        buffer_release(&connection->backlog);
    }
    connection->wants_more = true;
}

bool connection_give_query(struct connection *connection, struct buffer *out)
{
    struct buffer query = BUFFER_EMPTY(MEM_QUERY_BUFFER);
    assert(!connection->is_query_lent); /* a command is complete */
    if (connection->held >= 0) {
        return false;
    }
    const struct bytes rest = connection_input(connection);
    if (rest.len > GIVEN_REST_MAX || !buffer_append(&query, rest)) {
        return false;
    }
    *out = connection->query;
    connection->query = query;
    connection->query_at = 0;
    return true;
}

void connection_drop_query(struct connection *connection)
{
    assert(!connection->is_query_lent);
    buffer_release(&connection->query);
    connection->query_at = 0;
}

void connection_drop_input(struct connection *connection)
{
    assert(connection->window == NULL);
    if (connection->held >= 0) {
        ring_buffer_return(&connection->thread->ring, (uint16_t)connection->held);
        connection->held = -1;
    }
    if (!connection->is_query_lent) { /* else it is dropped when it is back */
        connection_drop_query(connection);
    }
    buffer_release(&connection->backlog);
    connection->wants_more = false;
    parser_reset(&connection->parser);
}

/* connection.c - see connection.h.  */
#include "client/connection.h"

#include "shard/server.h"

/* --- states --- */

/* Is there an arrow in the drawing of connection.h? */
static bool is_allowed(enum connection_state from, enum connection_state to)
{
    switch (to) {
    case CONNECTION_OPEN:
        return false;
    case CONNECTION_FINISHING:
        return from == CONNECTION_OPEN;
    case CONNECTION_LINGERING:
        return from == CONNECTION_OPEN || from == CONNECTION_FINISHING;
    case CONNECTION_SHUT:
        return from == CONNECTION_LINGERING;
    case CONNECTION_CLOSING:
        return from < CONNECTION_CLOSING;
    case CONNECTION_ENDING:
        return from == CONNECTION_CLOSING;
    }
    return false;
}

void connection_enter(struct connection *connection, enum connection_state state)
{
    debug_assert(connection->thread == thread_self());
    assert(is_allowed((enum connection_state)connection->state, state));
    connection->state = (uint8_t)state;
}

/* --- lists --- */

void connection_list_add(struct connection *connection, enum connection_list list)
{
    struct clients *clients = connection->thread->clients;
    if (connection_is_closing(connection)) {
        list = connection->state == CONNECTION_ENDING ? LIST_DIRTY : LIST_CLOSING; /* nothing else is done with it */
    }
    if (connection->is_in_list[list]) {
        return;
    }
    connection->is_in_list[list] = true;
    connection->list_next[list] = NULL;
    debug_assert((clients->list_first[list] == NULL) == (clients->list_last[list] == NULL));
    if (clients->list_last[list] == NULL) {
        clients->list_first[list] = connection;
    } else {
        debug_assert(clients->list_last[list]->list_next[list] == NULL);
        clients->list_last[list]->list_next[list] = connection;
    }
    clients->list_last[list] = connection;
}

struct connection *connection_list_take(struct thread *thread, enum connection_list list)
{
    struct clients *clients = thread->clients;
    struct connection *connection = clients->list_first[list];
    if (connection != NULL) {
        debug_assert(connection->is_in_list[list]);
        clients->list_first[list] = connection->list_next[list];
        if (clients->list_first[list] == NULL) {
            clients->list_last[list] = NULL;
        }
        connection->is_in_list[list] = false;
    }
    return connection;
}

bool connection_is_in_any_list(const struct connection *connection)
{
    for (int list = 0; list < CONNECTION_LISTS; list++) {
        if (connection->is_in_list[list]) {
            return true;
        }
    }
    return false;
}

/* --- on the way out --- */

void connection_close(struct connection *connection)
{
    if (connection_is_closing(connection)) {
        return;
    }
    connection_enter(connection, CONNECTION_CLOSING);
    if (!connection->is_sending) {
        output_clear(&connection->output, &connection->thread->clients->chunks); /* others may need the memory before its turn comes */
    }
    connection_list_add(connection, LIST_CLOSING);
}

void connection_finish(struct connection *connection)
{
    if (connection_is_open(connection)) {
        connection_enter(connection, CONNECTION_FINISHING);
        connection_list_add(connection, LIST_DIRTY);
    }
}

void connection_linger(struct connection *connection)
{
    if (connection->state <= CONNECTION_FINISHING) {
        connection_enter(connection, CONNECTION_LINGERING);
        connection->linger_until_ms = connection->thread->now_ms + LINGER_MS;
        connection_list_add(connection, LIST_DIRTY);
    }
}

/* --- what it is --- */

bool connection_is_unauthenticated(const struct connection *connection)
{
    return UNLIKELY(!connection->session.is_authenticated) &&
           atomic_load_explicit(&connection->thread->server->config->has_password, memory_order_relaxed) != 0;
}

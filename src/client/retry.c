/* retry.c - see retry.h.  */
#include "client/retry.h"

#include "client/connection.h"
#include "exec/waiting.h"
#include "exec/window.h"
#include "shard/server.h"

static void move_list(struct thread *thread, enum connection_list from)
{
    const struct clients *clients = thread->clients;
    struct connection *first = clients->list_first[from];
    while (clients->list_first[from] != NULL) {
        struct connection *connection = connection_list_take(thread, from);
        connection_list_add(connection, LIST_READY);
        if (connection == first && clients->list_first[from] == first) {
            break;
        }
    }
}

/* Only when the pause is over, or is another one. */
static void retry_paused(struct thread *thread)
{
    const struct server *server = thread->server;
    struct clients *clients = thread->clients;
    const int64_t until_ms = atomic_load_explicit(&server->pause_until_ms, memory_order_acquire);
    const bool is_for_writes_only = atomic_load_explicit(&server->is_pause_for_writes_only, memory_order_relaxed);
    if (until_ms > thread->now_ms && until_ms == clients->paused_until_ms &&
        is_for_writes_only == clients->was_paused_for_writes_only) {
        return;
    }
    clients->paused_until_ms = until_ms;
    clients->was_paused_for_writes_only = is_for_writes_only;
    move_list(thread, LIST_PAUSED);
}

bool paused_are_due(const struct thread *thread)
{
    const struct server *server = thread->server;
    const struct clients *clients = thread->clients;
    return clients->list_first[LIST_PAUSED] != NULL &&
           (atomic_load_explicit(&server->pause_until_ms, memory_order_acquire) != clients->paused_until_ms ||
            atomic_load_explicit(&server->is_pause_for_writes_only, memory_order_relaxed) != clients->was_paused_for_writes_only);
}

int64_t paused_wait_ms(const struct thread *thread)
{
    const struct clients *clients = thread->clients;
    if (clients->list_first[LIST_PAUSED] == NULL) {
        return INT64_MAX;
    }
    const int64_t left_ms = clients->paused_until_ms - thread->now_ms;
    return left_ms > 0 ? left_ms : 0;
}

void connections_retry(struct thread *thread)
{
    if (thread->clients->list_first[LIST_PAUSED] != NULL) {
        retry_paused(thread);
    }
}

void connection_is_due(struct thread *thread, void *session)
{
    struct connection *connection = connection_of(session);
    assert(connection->thread == thread);
    const struct window *window = connection->window;
    /* If the window is in a round, window_answer will see that its call was told. */
    if (connection_is_open(connection) && window != NULL && window->state == WINDOW_PARKED && window_has_told_call(window)) {
        connection_list_add(connection, LIST_READY);
    }
}

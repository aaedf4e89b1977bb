/* retry.c - see retry.h.  */
#include "client/retry.h"

#include "client/connection.h"
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

void connections_retry(struct thread *thread, bool are_waiting_due)
{
    struct clients *clients = thread->clients;
    if (are_waiting_due) {
        move_list(thread, LIST_WAITING);
    }
    if (clients->list_first[LIST_PAUSED] != NULL && thread->now_ms != clients->paused_ms) {
        clients->paused_ms = thread->now_ms;
        retry_paused(thread);
    }
}

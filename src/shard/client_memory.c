/* client_memory.c - maxmemory-clients: when all connections together need more, the largest are closed.
 *
 * Each thread keeps the sum over its own connections up to date and knows about how large its largest one is; whoever has
 * the largest of all closes it, so that two threads do not close one each for the same excess. CLIENT NO-EVICT exempts a
 * connection from being closed, not from being counted. Without a limit nothing is counted.
 *
 * Threads    A connection's own; the sums and maxima are read relaxed by any.  */
#include "shard/thread_private.h"

enum { CLOSED_AT_ONCE = 16 }; /* in one turn */

static int64_t clients_limit(const struct server *server)
{
    const int64_t limit = atomic_load_explicit(&server->config->maxmemory_clients, memory_order_relaxed);
    if (LIKELY(limit >= 0)) {
        return limit;
    }
    return (int64_t)((double)atomic_load_explicit(&server->config->maxmemory, memory_order_relaxed) * (double)-limit / 100);
}

static void set_relaxed(int64_t *field, int64_t value)
{
    __atomic_store_n(field, value, __ATOMIC_RELAXED);
}

void client_memory_forget(struct connection *connection)
{
    struct thread *thread = connection->thread;
    set_relaxed(&thread->clients_bytes, thread->clients_bytes - (int64_t)connection->counted_bytes);
    connection->counted_bytes = 0;
}

void client_memory_note(struct connection *connection)
{
    struct thread *thread = connection->thread;
    if (LIKELY(!thread->is_counting_clients) || connection->is_closing) {
        return;
    }
    struct session_memory memory;
    session_memory(&connection->session, &memory);
    client_memory_forget(connection);
    connection->counted_bytes = memory.total_bytes;
    set_relaxed(&thread->clients_bytes, thread->clients_bytes + (int64_t)memory.total_bytes);
    if (!connection->session.is_no_evict && (int64_t)memory.total_bytes > thread->client_bytes_max) {
        set_relaxed(&thread->client_bytes_max, (int64_t)memory.total_bytes);
    }
}

/* The own connections that may be closed, the largest first. */
struct largest {
    struct connection *connections[CLOSED_AT_ONCE];
    uint32_t count;
};

static void largest_add(struct largest *largest, struct connection *connection)
{
    uint32_t at = largest->count < CLOSED_AT_ONCE ? largest->count++ : CLOSED_AT_ONCE - 1;
    if (at == CLOSED_AT_ONCE - 1 && largest->connections[at] != NULL &&
        largest->connections[at]->counted_bytes >= connection->counted_bytes) {
        return;
    }
    for (; at > 0 && largest->connections[at - 1]->counted_bytes < connection->counted_bytes; at--) {
        largest->connections[at] = largest->connections[at - 1];
    }
    largest->connections[at] = connection;
}

/* Counts all of them anew. */
static void find_largest(struct thread *thread, struct largest *largest)
{
    *largest = (struct largest){0};
    set_relaxed(&thread->client_bytes_max, 0);
    for (struct connection *connection = thread->connections; connection != NULL; connection = connection->next) {
        client_memory_note(connection);
        if (!connection->is_closing && !connection->session.is_no_evict) {
            largest_add(largest, connection);
        }
    }
}

static int64_t all_clients_bytes(const struct server *server)
{
    int64_t total = 0;
    for (uint32_t i = 0; i < server->shard_count; i++) {
        total += __atomic_load_n(&server->threads[i].clients_bytes, __ATOMIC_RELAXED);
    }
    return total;
}

/* The thread whose largest connection is larger than `bytes`; NULL: none. */
static struct thread *thread_with_larger(const struct server *server, int64_t bytes)
{
    struct thread *found = NULL;
    for (uint32_t i = 0; i < server->shard_count; i++) {
        const int64_t largest = __atomic_load_n(&server->threads[i].client_bytes_max, __ATOMIC_RELAXED);
        if (largest > bytes) {
            found = &server->threads[i];
            bytes = largest;
        }
    }
    return found;
}

static void stop_counting(struct thread *thread)
{
    for (struct connection *connection = thread->connections; connection != NULL; connection = connection->next) {
        client_memory_forget(connection);
    }
    set_relaxed(&thread->client_bytes_max, 0);
    thread->is_counting_clients = false;
}

void client_memory_check(struct thread *thread)
{
    const int64_t limit = clients_limit(thread->server);
    if (LIKELY(limit == 0)) {
        if (UNLIKELY(thread->is_counting_clients)) {
            stop_counting(thread);
        }
        return;
    }
    struct largest largest;
    if (!thread->is_counting_clients) {
        thread->is_counting_clients = true;
        find_largest(thread, &largest);
    }
    if (LIKELY(all_clients_bytes(thread->server) <= limit)) {
        return;
    }
    find_largest(thread, &largest);
    for (uint32_t i = 0; i < largest.count && all_clients_bytes(thread->server) > limit; i++) {
        struct connection *connection = largest.connections[i];
        set_relaxed(&thread->client_bytes_max, (int64_t)connection->counted_bytes);
        struct thread *other = thread_with_larger(thread->server, (int64_t)connection->counted_bytes);
        if (other != NULL) {
            thread_wake(thread, other);
            return;
        }
        client_memory_forget(connection);
        stat_add(&thread->stats.evicted_clients, 1);
        connection_close(connection);
    }
}

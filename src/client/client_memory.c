/* client_memory.c - maxmemory-clients: when all connections together need more, the largest are closed.
 *
 * Each thread keeps the sum over its own connections up to date, and a bound of its largest one that may be closed. Closing is
 * the business of one thread at a time, the one that has the token: whoever sees an excess takes it when it is free. It counts
 * its own connections anew and closes the largest while no other thread's bound is higher; if one is, that thread is woken and
 * has the token. The token is given up when the excess is gone or nobody may be closed. CLIENT NO-EVICT exempts a connection from
 * being closed, not from being counted. Without a limit nothing is counted.
 *
 * Threads    A connection's own; sums and bounds are written by their thread and read by any; the token: any.
 * Invariant  C1 only the thread with the token closes, and its sum is without what it closed before another has the token: nobody
 *            closes twice for the same excess. C2 a bound is never lower than a connection in the sum beside it may be large,
 *            not even while it is counted anew: what is closed is the largest of all threads. C3 whoever is given the token is
 *            awake, or woken, and looks for it before it sleeps.
 * Limits     An excess that arises while the token is being given up is seen a turn of any thread later (loop/background.c).  */
#include "client/client_memory.h"

#include "client/connection.h"
#include "client/sessions.h"
#include "net/listener.h"
#include "shard/message.h"
#include "shard/server.h"

#include <assert.h>

enum {
    CLOSED_AT_ONCE = 16,           /* in one turn of the loop */
    CLIENTS_LIMIT_MIN = 128 << 10, /* as in Redis: some connection can always be made */
    TOKEN_FREE = 0,                /* of server->client_token; else 1 + a thread's number */
};

/* 0: none. */
static int64_t clients_limit(const struct server *server)
{
    int64_t limit = atomic_load_explicit(&server->config->maxmemory_clients, memory_order_relaxed);
    if (LIKELY(limit == 0)) {
        return 0;
    }
    if (limit < 0) { /* percent */
        const int64_t maxmemory = atomic_load_explicit(&server->config->maxmemory, memory_order_relaxed);
        if (maxmemory == 0) {
            return 0;
        }
        limit = (int64_t)((double)maxmemory * (double)-limit / 100);
    }
    return limit < CLIENTS_LIMIT_MIN ? CLIENTS_LIMIT_MIN : limit;
}

/* --- what is counted --- */

static void set_bound(struct thread *thread, int64_t bytes)
{
    __atomic_store_n(&thread->clients->bytes_max, bytes, __ATOMIC_RELAXED);
}

/* Who sees the sum sees the bound that was set before: all_clients_bytes. */
static void count(struct connection *connection, size_t bytes)
{
    struct thread *thread = connection->thread;
    const int64_t sum = thread->clients->bytes + (int64_t)bytes - (int64_t)connection->counted_bytes;
    assert(sum >= 0);
    connection->counted_bytes = bytes;
    __atomic_store_n(&thread->clients->bytes, sum, __ATOMIC_RELEASE);
}

void client_memory_forget(struct connection *connection)
{
    count(connection, 0);
}

void client_memory_note(struct connection *connection)
{
    struct thread *thread = connection->thread;
    if (LIKELY(!thread->clients->is_counting) || connection_is_closing(connection)) {
        return;
    }
    struct session_memory memory;
    session_memory(&connection->session, &memory);
    if (!connection->session.is_no_evict && (int64_t)memory.total_bytes > thread->clients->bytes_max) {
        set_bound(thread, (int64_t)memory.total_bytes);
    }
    count(connection, memory.total_bytes);
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

/* Counts all of them anew; the bound is exact then. */
static void find_largest(struct thread *thread, struct largest *largest)
{
    *largest = (struct largest){0};
    for (struct connection *connection = thread->clients->connections; connection != NULL; connection = connection->next) {
        client_memory_note(connection);
        if (!connection_is_closing(connection) && !connection->session.is_no_evict) {
            largest_add(largest, connection);
        }
    }
    set_bound(thread, largest->count > 0 ? (int64_t)largest->connections[0]->counted_bytes : 0);
}

static void stop_counting(struct thread *thread)
{
    for (struct connection *connection = thread->clients->connections; connection != NULL; connection = connection->next) {
        client_memory_forget(connection);
    }
    set_bound(thread, 0);
    thread->clients->is_counting = false;
}

static int64_t all_clients_bytes(const struct server *server)
{
    int64_t total = 0;
    for (uint32_t i = 0; i < server->shard_count; i++) {
        total += __atomic_load_n(&server_thread(server, i)->clients->bytes, __ATOMIC_ACQUIRE);
    }
    return total;
}

/* The thread whose largest connection may be larger than `bytes`; NULL: none. */
static struct thread *thread_with_larger(const struct server *server, int64_t bytes)
{
    struct thread *found = NULL;
    for (uint32_t i = 0; i < server->shard_count; i++) {
        const int64_t largest = __atomic_load_n(&server_thread(server, i)->clients->bytes_max, __ATOMIC_RELAXED);
        if (largest > bytes) {
            found = server_thread(server, i);
            bytes = largest;
        }
    }
    return found;
}

/* --- the token --- */

bool client_memory_has_token(const struct thread *thread)
{
    return atomic_load_explicit(&thread->server->client_token, memory_order_seq_cst) == thread->number + 1;
}

static bool take_token(struct thread *thread)
{
    uint32_t expected = TOKEN_FREE;
    return client_memory_has_token(thread) ||
           atomic_compare_exchange_strong(&thread->server->client_token, &expected, thread->number + 1);
}

static void give_token_up(struct thread *thread)
{
    assert(client_memory_has_token(thread));
    atomic_store_explicit(&thread->server->client_token, TOKEN_FREE, memory_order_seq_cst);
}

static void hand_token_on(struct thread *thread, struct thread *next)
{
    assert(client_memory_has_token(thread));
    assert(next != thread); /* its own bound is not above what it has just been set to */
    atomic_store_explicit(&thread->server->client_token, next->number + 1, memory_order_seq_cst);
    thread_wake(thread, next);
}

/* Who is in the middle of sending is reset, or it would go on waiting for room in a window that nobody opens any more. */
static void evict_connection(struct thread *thread, struct connection *connection)
{
    client_memory_forget(connection);
    stat_add(&thread->stats.evicted_clients, 1);
    if (connection->query.len > 0 || connection->backlog.len > 0) {
        socket_abort_at_close(connection->fd);
    }
    connection_close(connection);
}

/* With the token, which is kept when there may be more to close here. */
static void close_largest(struct thread *thread, int64_t limit)
{
    assert(client_memory_has_token(thread)); /* C1 */
    struct largest largest;
    find_largest(thread, &largest);
    for (uint32_t i = 0; i < CLOSED_AT_ONCE; i++) {
        if (all_clients_bytes(thread->server) <= limit) {
            give_token_up(thread);
            return;
        }
        struct connection *connection = i < largest.count ? largest.connections[i] : NULL;
        const int64_t bytes = connection == NULL ? 0 : (int64_t)connection->counted_bytes;
        set_bound(thread, bytes);
        struct thread *other = thread_with_larger(thread->server, bytes);
        if (other != NULL) {
            hand_token_on(thread, other);
            return;
        }
        if (connection == NULL) {
            give_token_up(thread);
            return;
        }
        evict_connection(thread, connection);
    }
}

/* A thread that does not count yet is not waited for: who alone is over the limit closes its largest in any case. */
void client_memory_check(struct thread *thread)
{
    const int64_t limit = clients_limit(thread->server);
    if (LIKELY(limit == 0)) {
        if (UNLIKELY(thread->clients->is_counting)) {
            stop_counting(thread);
        }
        if (UNLIKELY(client_memory_has_token(thread))) {
            give_token_up(thread);
        }
        return;
    }
    if (!thread->clients->is_counting) {
        struct largest largest;
        thread->clients->is_counting = true;
        find_largest(thread, &largest);
    }
    const bool is_excess = all_clients_bytes(thread->server) > limit && thread_with_larger(thread->server, 0) != NULL;
    if (UNLIKELY(is_excess ? take_token(thread) : client_memory_has_token(thread))) {
        close_largest(thread, limit);
    }
}

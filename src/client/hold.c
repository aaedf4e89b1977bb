/* hold.c - see hold.h.  */
#include "client/hold.h"

#include "mem/heap.h"
#include "shard/server.h"

#include <assert.h>

static size_t sequences_bytes(const struct thread *thread)
{
    return thread->server->shard_count * sizeof(uint64_t);
}

/* --- one hold --- */

static uint64_t appended_of(const struct server *server, uint32_t shard)
{
    return atomic_load_explicit(&server->logged.progress[shard].appended, memory_order_acquire);
}

static uint64_t committed_of(const struct server *server, uint32_t shard)
{
    return atomic_load_explicit(&server->logged.progress[shard].committed, memory_order_acquire);
}

static bool is_committed(const struct server *server, const struct hold *hold)
{
    if (hold->mark.shard != LOGGED_SEVERAL) {
        return committed_of(server, hold->mark.shard) >= hold->mark.sequence;
    }
    uint32_t i = 0;
    while (i < server->shard_count && committed_of(server, i) >= (hold->sequences != NULL ? hold->sequences[i] : appended_of(server, i))) {
        i++;
    }
    return i == server->shard_count;
}

static void release_sequences(const struct thread *thread, struct hold *hold)
{
    if (hold->sequences != NULL) {
        thread_free(MEM_CLIENT, hold->sequences, sequences_bytes(thread));
        hold->sequences = NULL;
    }
}

/* What was logged so far includes all that a mark of several stands for. */
static void note_sequences(const struct thread *thread, struct hold *hold)
{
    if (hold->sequences == NULL) {
        hold->sequences = thread_alloc(MEM_CLIENT, sequences_bytes(thread));
    }
    for (uint32_t i = 0; hold->sequences != NULL && i < thread->server->shard_count; i++) {
        hold->sequences[i] = appended_of(thread->server, i);
    }
}

/* --- in the thread's list --- */

static void list_add(struct connection *connection)
{
    struct clients *clients = connection->thread->clients;
    connection->holds->previous = NULL;
    connection->holds->next = clients->held;
    if (clients->held != NULL) {
        clients->held->holds->previous = connection;
    }
    clients->held = connection;
    atomic_store_explicit(&connection->thread->logged.has_held, true, memory_order_seq_cst);
}

static void list_remove(struct connection *connection)
{
    struct clients *clients = connection->thread->clients;
    if (connection->holds->previous != NULL) {
        connection->holds->previous->holds->next = connection->holds->next;
    } else {
        assert(clients->held == connection);
        clients->held = connection->holds->next;
    }
    if (connection->holds->next != NULL) {
        connection->holds->next->holds->previous = connection->holds->previous;
    }
    if (clients->held == NULL) {
        atomic_store_explicit(&connection->thread->logged.has_held, false, memory_order_relaxed);
    }
}

/* --- a connection's --- */

void connection_hold(struct connection *connection, struct log_mark mark, size_t from)
{
    struct thread *thread = connection->thread;
    assert(mark.sequence != 0);
    if (LIKELY(!server_acknowledges_log(thread->server))) {
        return;
    }
    if (connection->holds == NULL) {
        connection->holds = thread_alloc_zeroed(MEM_CLIENT, sizeof *connection->holds);
        if (connection->holds == NULL) {
            connection_close(connection);
            return;
        }
    }
    struct hold *hold = &connection->holds->of[0];
    if (hold->mark.sequence == 0) {
        list_add(connection);
        hold->from = from;
    } else {
        hold = &connection->holds->of[1];
        hold->from = hold->mark.sequence == 0 ? from : hold->from;
    }
    hold->mark = log_mark_join(hold->mark, mark);
    if (UNLIKELY(hold->mark.shard == LOGGED_SEVERAL)) {
        note_sequences(thread, hold);
    }
}

static void drop_first(struct connection *connection)
{
    release_sequences(connection->thread, &connection->holds->of[0]);
    connection->holds->of[0] = connection->holds->of[1];
    connection->holds->of[1] = (struct hold){0};
    if (connection->holds->of[0].mark.sequence == 0) {
        list_remove(connection);
    }
}

void connection_drop_holds(struct connection *connection)
{
    if (LIKELY(connection->holds == NULL)) {
        return;
    }
    while (connection->holds->of[0].mark.sequence != 0) {
        drop_first(connection);
    }
    thread_free(MEM_CLIENT, connection->holds, sizeof *connection->holds);
    connection->holds = NULL;
}

/* --- a thread's --- */

bool holds_are_due(const struct thread *thread)
{
    return thread->clients->held != NULL &&
           atomic_load_explicit(&thread->server->logged.moves, memory_order_seq_cst) != thread->clients->held_moves;
}

void holds_release(struct thread *thread)
{
    struct server *server = thread->server;
    thread->clients->held_moves = atomic_load_explicit(&server->logged.moves, memory_order_seq_cst);
    const bool has_given_up = atomic_load_explicit(&server->logged.has_given_up, memory_order_acquire);
    const bool waits = server_acknowledges_log(server);
    struct connection *next;
    for (struct connection *connection = thread->clients->held; connection != NULL; connection = next) {
        next = connection->holds->next;
        bool is_freed = false;
        while (connection->holds->of[0].mark.sequence != 0 && (!waits || is_committed(server, &connection->holds->of[0]))) {
            drop_first(connection);
            is_freed = true;
        }
        if (has_given_up && connection->holds->of[0].mark.sequence != 0) {
            connection_close(connection);
        } else if (is_freed) {
            connection_list_add(connection, LIST_DIRTY);
        }
    }
}

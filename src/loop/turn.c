/* turn.c - see turn.h.  */
#include "loop/turn.h"

#include "appendonly/appendonly.h"
#include "base/clock.h"
#include "client/answer.h"
#include "client/caching.h"
#include "client/client_memory.h"
#include "client/connection.h"
#include "client/dispatch.h"
#include "client/handshake.h"
#include "client/hold.h"
#include "client/receive.h"
#include "client/retry.h"
#include "client/settle.h"
#include "client/start.h"
#include "exec/block.h"
#include "exec/finish.h"
#include "exec/start.h"
#include "exec/stepper.h"
#include "loop/worker.h"
#include "mem/heap.h"
#include "shard/access_clock.h"
#include "shard/blocked.h"
#include "shard/inbox.h"
#include "shard/message.h"
#include "shard/server.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>

enum {
    TURN_EVENTS = 32,           /* handled between two looks at what they brought */
    TURN_INPUT_BYTES = 1 << 18, /* added to query buffers in a turn */
    EXIT_UNMAP_BYTES = 1 << 20,
    STOP_POLL_US = 1000,
    STOP_CLOSING_US = 10000000,
};

/* --- completions --- */

/* Those of one turn. */
struct events {
    uint32_t count;
    bool are_more; /* there may be more */
};

/* What was received is run before much more of it is: else query buffers would take all that a socket had. */
static struct events handle_events(struct thread *thread)
{
    struct ring_event events[TURN_EVENTS];
    struct events handled = {0};
    uint32_t count;
    thread->clients->turn_input_bytes = thread->clients->turn_lent_bytes = 0;
    do {
        count = ring_events(&thread->ring, events, TURN_EVENTS);
        handled.count += count;
        for (uint32_t i = 0; i < count; i++) {
            if (events[i].owner != NULL) {
                events[i].owner->on_event(events[i].owner, &events[i]);
            }
        }
        if (UNLIKELY(thread->clients->turn_input_bytes > TURN_INPUT_BYTES)) {
            handled.are_more = true;
            return handled;
        }
    } while (count == TURN_EVENTS);
    return handled;
}

/* --- the turn --- */

/* Gives the ticks when it began. */
static uint64_t begin_turn(struct thread *thread)
{
    thread->now_ms = clock_wall_ms();
    costly_calls_update(thread);
    stat_add(&thread->stats.turns, 1);
    return clock_ticks();
}

/* How long the thread may sleep, in microseconds; 0: something wants to go on. */
static int64_t time_to_sleep(const struct thread *thread, bool is_busy, int64_t background_us, int64_t log_us)
{
    const struct clients *clients = thread->clients;
    if (is_busy || clients->list_first[LIST_READY] != NULL || clients->list_first[LIST_BULK] != NULL ||
        clients->list_first[LIST_HANDSHAKE] != NULL || clients->list_first[LIST_CLOSING] != NULL) {
        return 0;
    }
    const int64_t jobs_ms = steppers_pause_ms(thread);
    const int64_t clients_ms = paused_wait_ms(thread);
    const int64_t blocks_ms = blocks_wait_ms(thread);
    const int64_t first_ms = jobs_ms < clients_ms ? jobs_ms : clients_ms;
    const int64_t wait_ms = first_ms < blocks_ms ? first_ms : blocks_ms;
    const int64_t wait_us = wait_ms < background_us / 1000 ? wait_ms * 1000 : background_us;
    return log_us != APPENDONLY_IDLE && log_us < wait_us ? log_us : wait_us;
}

static bool has_been_told(const struct thread *thread)
{
    return !link_is_empty(&thread->mailbox) || !inbox_is_empty(thread->shard) || client_memory_has_token(thread) ||
           paused_are_due(thread) || blocked_is_late(&thread->shard->blocked) || holds_are_due(thread);
}

static bool holds_a_baton(const struct thread *thread)
{
    const struct server *server = thread->server;
    uint32_t i = 0;
    while (i < server->shard_count && !baton_is_mine(&server->shards[i].baton)) {
        i++;
    }
    return i < server->shard_count;
}

/* Where the thread may sleep. */
static void turn_ring(struct thread *thread, int64_t timeout_us)
{
    debug_assert(!holds_a_baton(thread)); /* T1 */
    ring_turn(&thread->ring, timeout_us);
}

static void wait_for_work(struct thread *thread, int64_t timeout_us)
{
    assert(timeout_us >= 0);
    if (timeout_us > 0) {
        atomic_store_explicit(&thread->is_asleep, true, memory_order_seq_cst);
        atomic_thread_fence(memory_order_seq_cst);
        if (has_been_told(thread)) {
            timeout_us = 0;
        } else {
            stat_add(&thread->stats.sleeps, 1);
        }
    }
    turn_ring(thread, timeout_us);
    atomic_store_explicit(&thread->is_asleep, false, memory_order_seq_cst);
}

static int64_t turn(struct worker *worker)
{
    struct thread *thread = &worker->thread;
    const uint64_t turn_ticks = begin_turn(thread);
    const struct events events = handle_events(thread);
    messages_deliver(thread);
    if (UNLIKELY(thread->clients->caches_due != NULL)) {
        caches_tell(thread); /* before anything is answered that was sent later */
    }
    access_clock_update(thread);
    inbox_drain_own(thread);
    if (UNLIKELY(thread->clients->list_first[LIST_HANDSHAKE] != NULL)) {
        connections_shake_hands(thread);
    }
    connections_retry(thread);
    blocks_end_due(thread);
    dispatch_rounds(thread);
    if (UNLIKELY(thread->clients->deferred_count > 0)) {
        deferred_input_take(thread);
    }
    const bool is_busy = steppers_step(thread) || events.are_more;
    const int64_t background_us = background_run(thread, &worker->background, turn_ticks);
    const int64_t log_us = appendonly_turn(thread);
    connections_settle(thread, events.count);
    client_memory_check(thread);
    return time_to_sleep(thread, is_busy, background_us, log_us);
}

/* --- start and end --- */

static bool open_parts(struct thread *thread)
{
    errno = 0;
    if (!thread_open(thread) || !clients_open(thread) || !executor_open(thread, window_answer, connection_is_due)) {
        errno = ENOMEM;
        return false;
    }
    if (!ring_open(&thread->ring, ring_engine_of(thread->server), RECEIVE_BUFFERS)) {
        return false;
    }
    thread_heap_be_lazy();
    return true;
}

static void close_parts(struct thread *thread)
{
    ring_close(&thread->ring);
    executor_close(thread);
    clients_close(thread);
    thread_close(thread);
    while (thread_heap_unmap_step(EXIT_UNMAP_BYTES)) {
    }
}

/* First every thread takes back what others run for it, then all stop together: nobody is left waiting. */
static void stop_together(struct thread *thread)
{
    struct server *server = thread->server;
    bool is_quiet = false;
    while (atomic_load(&server->quiet_threads) < server->shard_count) {
        begin_turn(thread);
        const struct events events = handle_events(thread);
        messages_deliver(thread);
        steppers_leave(thread);
        inbox_drain_own(thread);
        while (connection_list_take(thread, LIST_READY) != NULL) {
        }
        (void)appendonly_turn(thread);
        connections_settle(thread, events.count);
        if (!is_quiet && thread->executor->abroad_count == 0) {
            is_quiet = true;
            const uint32_t quiet = atomic_fetch_add(&server->quiet_threads, 1);
            assert(quiet < server->shard_count); /* each says so once */
        }
        turn_ring(thread, STOP_POLL_US);
    }
}

/* Nobody appends any more; what is under way ends. */
static void await_log(struct thread *thread)
{
    while (thread->logged.requests > 0) {
        turn_ring(thread, STOP_POLL_US);
        (void)handle_events(thread);
    }
}

static void close_connections(struct thread *thread)
{
    const struct clients *clients = thread->clients;
    clients_close_all(thread);
    /* What is asked to end ends at once; the bound is for the kernel's sake only. */
    const int64_t end_us = clock_monotonic_us() + STOP_CLOSING_US;
    uint32_t turn_events = 0;
    while (clients->connections != NULL && clock_monotonic_us() < end_us) {
        deferred_input_take(thread);
        connections_settle(thread, turn_events);
        turn_ring(thread, clients->list_first[LIST_CLOSING] != NULL ? 0 : STOP_POLL_US);
        turn_events = handle_events(thread).count;
        messages_deliver(thread);
    }
}

void *worker_main(void *arg)
{
    struct worker *worker = arg;
    struct thread *thread = &worker->thread;
    struct server *server = thread->server;
    assert(server_thread(server, thread->number) == thread);
    assert(thread->shard == &server->shards[thread->number]);
    assert(thread->executor == &worker->executor);
    assert(thread->clients == &worker->clients);
    char name[16];
    snprintf(name, sizeof name, "shard-%u", thread->number);
    pthread_setname_np(pthread_self(), name);
    if (!open_parts(thread)) {
        atomic_store(&server->start_errno, errno == 0 ? ENOMEM : errno);
        atomic_fetch_add(&server->threads_started, 1);
        return NULL;
    }
    atomic_fetch_add(&server->threads_started, 1);
    while (atomic_load_explicit(&server->is_stopping, memory_order_relaxed) == 0) {
        uint64_t start = clock_ticks();
        int64_t sleep_us = turn(worker);
        stat_add((uint64_t *)&thread->stats.cpu_busy_ticks, clock_ticks() - start);
        wait_for_work(thread, sleep_us);
    }
    stop_together(thread);
    await_log(thread);
    close_connections(thread);
    close_parts(thread);
    return NULL;
}

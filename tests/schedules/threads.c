/* threads.c - see threads.h. The files that are included here have names of a thread, or functions of their own, that coroutines need.  */
#include "threads.h"

#include <stdlib.h>

#if !defined(SEAM_NONE)
#include "shard/baton.c"
#undef atomic_compare_exchange_strong_explicit

void threads_switched(unsigned number)
{
    own_name = number + 1;
}
#endif
#include "loop/turn.c"

enum { WAKE_LOST_PARTS = 4 };

static struct server *running;
/* For each thread: whom it will wake with its next ring_turn. */
static bool wakes[SCHEDULE_THREADS_MAX][SCHEDULE_THREADS_MAX];

static unsigned number_of(const struct ring *ring)
{
    return ((const struct thread *)((const char *)ring - offsetof(struct thread, ring)))->number;
}

/* --- the ring --- */

bool ring_open(struct ring *ring, enum ring_engine engine, uint32_t buffer_count)
{
    (void)ring, (void)engine, (void)buffer_count;
    return true;
}

void ring_close(struct ring *ring)
{
    (void)ring;
}

void ring_forget(struct ring *ring)
{
    (void)ring;
}

uint32_t ring_events(struct ring *ring, struct ring_event *events, uint32_t capacity)
{
    (void)ring, (void)events, (void)capacity;
    return 0;
}

/* As the real one: the request leaves with the sender's next turn. */
void ring_wake(struct ring *ring, const struct ring *target)
{
    const bool is_lost = seam_fault == FAULT_WAKE_LOST && schedule_random(WAKE_LOST_PARTS) == 0;
    wakes[number_of(ring)][number_of(target)] |= !is_lost;
}

/* Nobody sends errands here. */
void ring_await(struct ring *ring, int fd, uint8_t kind, struct ring_owner *owner)
{
    (void)ring, (void)fd, (void)kind, (void)owner;
    abort();
}

/* There is no log here. */
void ring_write(struct ring *ring, int fd, const void *data, uint32_t len, uint64_t offset, bool sync_follows, uint8_t kind, struct ring_owner *owner)
{
    (void)ring, (void)fd, (void)data, (void)len, (void)offset, (void)sync_follows, (void)kind, (void)owner;
    abort();
}

void ring_write_durable(struct ring *ring, int fd, const void *data, uint32_t len, uint64_t offset, uint8_t kind, struct ring_owner *owner)
{
    (void)ring, (void)fd, (void)data, (void)len, (void)offset, (void)kind, (void)owner;
    abort();
}

void ring_sync(struct ring *ring, int fd, uint8_t kind, struct ring_owner *owner)
{
    (void)ring, (void)fd, (void)kind, (void)owner;
    abort();
}

void ring_turn(struct ring *ring, int64_t timeout_us)
{
    const unsigned self = number_of(ring);
    for (uint32_t i = 0; i < running->shard_count; i++) {
        if (wakes[self][i]) {
            wakes[self][i] = false;
            schedule_wake(i);
        }
    }
    if (timeout_us > 0) {
        schedule_sleep();
    } else if (schedule_random(2) == 0) {
        schedule_yield(); /* it may turn until somebody gives a baton back */
    }
}

/* --- threads --- */

void threads_begin(struct server *server)
{
    running = server;
    for (uint32_t i = 0; i < server->shard_count; i++) {
        for (uint32_t j = 0; j < server->shard_count; j++) {
            assert(!wakes[i][j]);
        }
    }
}

void threads_open(unsigned number)
{
    struct thread *thread = server_thread(running, number);
    if (!thread_open(thread) || !executor_open(thread, window_answer, connection_is_due)) {
        abort();
    }
}

void threads_close(unsigned number)
{
    executor_close(server_thread(running, number));
    thread_close(server_thread(running, number));
    atomic_fetch_add(&running->quiet_threads, 1); /* as stop_together of turn.c says */
}

/* The loop of worker_main. */
void threads_body(unsigned number)
{
    struct worker *worker = worker_of(server_thread(running, number));
    while (!schedule_is_ending()) {
        wait_for_work(&worker->thread, turn(worker));
    }
}

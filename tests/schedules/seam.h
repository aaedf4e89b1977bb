/* seam.h - included before the first line of the server's files that run under the scheduler: what is different there.
 *
 * - Every atomic operation that orders memory is a point of the schedule: the name of its order is where the scheduler comes in. Relaxed ones
 *   order nothing, and are none.
 * - Times are the schedule's. Who spins lets others run.
 * - Few items are drained at a time in most schedules, so that they reach that limit.
 * With SEAM_NONE nothing is different: files and threads are the real ones (real_threads.c).
 *
 * - A fault, if one is chosen, leaves something out: the tests of the test. Which of them a file can have, CMakeLists.txt says by SEAM_INBOX
 *   and its like.  */
#ifndef SCHEDULES_SEAM_H
#define SCHEDULES_SEAM_H

#include "scheduler.h"

enum fault {
    FAULT_NONE,
    FAULT_WAKE_LOST,               /* net/ring.c: a wake-up in four does not arrive */
    FAULT_TWO_HOLDERS,             /* baton.c: looks and takes in two steps */
    FAULT_PUSH_LOST,               /* link.h: pushes in two steps */
    FAULT_NO_LOOK_AFTER_RELEASE,   /* inbox.c */
    FAULT_NO_TRY_AFTER_PUSH,       /* inbox.c */
    FAULT_NO_LOOK_AFTER_PUSH_ON,   /* inbox.c */
    FAULT_NO_WAKE_AT_LIMIT,        /* inbox.c */
    FAULT_NO_LOOK_BEFORE_SLEEP,    /* turn.c */
    FAULT_NO_CUT,                  /* run.c: what is behind a call that waits runs */
    FAULT_NO_CALL_OF_WAITERS,      /* pin.c: who unpins tells nobody */
    FAULT_NO_WITHDRAWAL,           /* world.c: jobs that were only started stay */
    FAULT_NO_LATE_SERVING,         /* world.c: who could not be served at once is forgotten */
    FAULT_SERVED_TWICE,            /* block_serve.c: looks and takes in two steps */
    FAULTS
};

/* Of this process; FAULT_NONE unless chosen. */
extern enum fault seam_fault;
/* Of each schedule: world.c. */
extern unsigned seam_drain_max;

#if defined(SEAM_NONE)
static const double seam_ticks_per_us = 1000;
#define SEAM_SWITCHED NULL
#else
static const double seam_ticks_per_us = 1; /* of the schedule's time */
#define SEAM_SWITCHED threads_switched

#include <sched.h>
#include <stdatomic.h>

#define memory_order_seq_cst (schedule_point(), __ATOMIC_SEQ_CST)
#define memory_order_acquire (schedule_point(), __ATOMIC_ACQUIRE)
#define memory_order_release (schedule_point(), __ATOMIC_RELEASE)
#define memory_order_acq_rel (schedule_point(), __ATOMIC_ACQ_REL)

#include "base/clock.h"
#include "exec/window.h"
#include "shard/inbox.h"
#include "shard/message.h"
#include "shard/thread.h"

#define clock_ticks schedule_ticks
#define clock_wall_ms() ((int64_t)(schedule_ticks() / 1000 + 1))
#define clock_monotonic_us() ((int64_t)schedule_ticks())
#define sched_yield schedule_yield
#define __builtin_ia32_pause schedule_yield

#define INBOX_DRAIN_MAX seam_drain_max


static inline void seam_link_push(struct link_stack *stack, struct link *link)
{
    if (seam_fault != FAULT_PUSH_LOST) {
        link_push(stack, link);
        return;
    }
    link->next = atomic_load_explicit(&stack->newest, memory_order_seq_cst);
    atomic_store_explicit(&stack->newest, link, memory_order_seq_cst);
}
#define link_push seam_link_push

#if defined(SEAM_BATON)
static inline bool seam_take(_Atomic uint32_t *holder, uint32_t *nobody, uint32_t self)
{
    if (seam_fault != FAULT_TWO_HOLDERS) {
        return atomic_compare_exchange_strong_explicit(holder, nobody, self, memory_order_seq_cst, memory_order_seq_cst);
    }
    if (atomic_load_explicit(holder, memory_order_seq_cst) != *nobody) {
        return false;
    }
    atomic_store_explicit(holder, self, memory_order_seq_cst);
    return true;
}
#undef atomic_compare_exchange_strong_explicit
#define atomic_compare_exchange_strong_explicit(holder, nobody, self, order, order_of_failure) seam_take(holder, nobody, self)
#endif

#if defined(SEAM_INBOX)
static enum { DID_LOOK, DID_PUSH, DID_RELEASE } seam_last; /* there is no point between the two calls that it connects */

static inline void seam_push(struct link_stack *stack, struct link *link)
{
    seam_link_push(stack, link);
    seam_last = DID_PUSH;
}

static inline void seam_release(struct baton *baton) RELEASE(baton)
{
    baton_release(baton);
    seam_last = DID_RELEASE;
}

static inline bool seam_inbox_is_empty(const struct shard *shard)
{
    const bool has_released = seam_last == DID_RELEASE;
    seam_last = DID_LOOK;
    return (has_released && seam_fault == FAULT_NO_LOOK_AFTER_RELEASE) || inbox_is_empty(shard);
}

static inline bool seam_try(struct baton *baton) TRY_ACQUIRE(true, baton)
{
    const bool has_pushed = seam_last == DID_PUSH;
    seam_last = DID_LOOK;
    return !(has_pushed && seam_fault == FAULT_NO_TRY_AFTER_PUSH) && baton_try(baton);
}

static inline bool seam_set_is_empty(const struct shard_set *set)
{
    return seam_fault == FAULT_NO_LOOK_AFTER_PUSH_ON || shard_set_is_empty(set);
}

static inline void seam_wake(struct thread *sender, struct thread *sleeper)
{
    if (seam_fault != FAULT_NO_WAKE_AT_LIMIT) {
        thread_wake(sender, sleeper);
    }
}
#undef link_push
#define link_push seam_push
#define baton_release seam_release
#define inbox_is_empty seam_inbox_is_empty
#define baton_try seam_try
#define shard_set_is_empty seam_set_is_empty
#define thread_wake seam_wake
#endif

#if defined(SEAM_TURN)
#define link_is_empty(stack) (seam_fault == FAULT_NO_LOOK_BEFORE_SLEEP || link_is_empty(stack))
#define inbox_is_empty(shard) (seam_fault == FAULT_NO_LOOK_BEFORE_SLEEP || inbox_is_empty(shard))
#endif

#if defined(SEAM_RUN)
static inline void seam_cut(struct window *window, uint32_t shard)
{
    if (seam_fault != FAULT_NO_CUT) {
        window_cut(window, shard);
    }
}
#define window_cut seam_cut
#endif

#if defined(SEAM_BLOCK)
static inline bool seam_bring(_Atomic uint8_t *state, uint8_t *from, uint8_t to)
{
    if (seam_fault != FAULT_SERVED_TWICE) {
        return atomic_compare_exchange_strong_explicit(state, from, to, memory_order_acq_rel, memory_order_acquire);
    }
    if (atomic_load_explicit(state, memory_order_acquire) != *from) {
        return false;
    }
    atomic_store_explicit(state, to, memory_order_release);
    return true;
}
#undef atomic_compare_exchange_strong_explicit
#define atomic_compare_exchange_strong_explicit(state, from, to, order, order_of_failure) seam_bring(state, from, to)
#endif

#if defined(SEAM_PIN)
static inline void seam_call(struct waits *waits, struct wait_subject subject, void *caller)
{
    if (seam_fault != FAULT_NO_CALL_OF_WAITERS) {
        waits_call(waits, subject, caller);
    }
}
#define waits_call seam_call
#endif

#endif
#endif

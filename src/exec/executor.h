/* executor.h - what this room keeps for a thread. Each group has one owner, the file that is named.
 *
 * Threads    The thread's own, except where a field says otherwise.  */
#ifndef EXEC_EXECUTOR_H
#define EXEC_EXECUTOR_H

#include "base/attributes.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct blocked;
struct paused;
struct round;
struct scratch_block;
struct stepper;
struct thread;
struct window;

/* None of the window's calls is in a batch any more: answers those that are done, and ends the window or sees to it that it goes on. */
typedef void window_is_back_fn(struct thread *thread, struct window *window);
/* What a call of the owner waited for may be free: it may try again. `owner`: of calls, the connection's session. */
typedef void ticket_told_fn(struct thread *thread, void *owner);

struct executor {
    window_is_back_fn *window_is_back; /* the client room's, as is the next: handed down by executor_open of start.h */
    ticket_told_fn *session_is_due;
    /* round.c */
    struct round *spare_rounds;
    uint32_t spare_count;
    uint32_t spare_least;            /* of spare_count since the last rounds_trim */
    /* batches of round.c, calls of all threads, offers of part_run.c and errands that are with other threads: at 0 this thread may end */
    uint32_t abroad_count;
    /* stepper.c */
    struct stepper *steppers, *steppers_last; /* in the order of their next steps */
    int64_t resume_ms;               /* wall: the first of those that pause goes on then; INT64_MAX: none pauses */
    /* block.c: blocked clients whose time ends, as a binary heap */
    struct blocked **deadlines;
    uint32_t deadline_count, deadline_capacity;
    /* paused.c */
    struct paused *running;          /* whose handler runs now; NULL: none that may pause */
    struct paused *spare_paused;     /* of one that has ended */
    uint64_t pause_ticks;            /* exec_pause_is_due */
    /* of the step under way */
    uint64_t step_ends_ticks;        /* exec_step_is_over */
    /* pending.c */
    bool is_pending_too_much;        /* all clients' buffers were over clients-pending-limit at the last look */
    /* scratch.c */
    struct scratch_block *scratch;
    /* finish.c */
    uint64_t slow_ticks;             /* calls that took longer are reported, and those of so many bytes or more */
    uint64_t large_request_bytes, large_reply_bytes;
    double ns_per_tick;
};

#endif

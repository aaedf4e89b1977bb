/* scheduler.h - threads as coroutines of one thread, switched where a seed says.
 *
 * A coroutine runs until it ends, sleeps, or comes to a point (schedule_point) at which the seed's numbers choose another. What they choose
 * depends on the seed and on nothing else, so a schedule is repeated by its seed. Half of the seeds switch at each point with some chance,
 * the others at a few points only (bounded preemption): most races need no more.
 *
 * real_threads.c has the same functions for threads of the system, which no seed repeats: for ThreadSanitizer.
 *
 * Memory     Stacks are made once. Points see sequential consistency: what a weaker order of memory does, ThreadSanitizer and the
 *            machine must show (tests/race).
 * Limits     SCHEDULE_THREADS_MAX coroutines; SCHEDULE_POINTS_MAX points, then the schedule is taken to have no end.  */
#ifndef SCHEDULES_SCHEDULER_H
#define SCHEDULES_SCHEDULER_H

#include <stdbool.h>
#include <stdint.h>

enum { SCHEDULE_THREADS_MAX = 4, SCHEDULE_POINTS_MAX = 200000 };

struct schedule {
    uint64_t seed;
    unsigned thread_count;
    void (*begin)(void);               /* before the coroutines, with the seed's numbers */
    void (*body)(unsigned thread);     /* of each coroutine */
    void (*switched)(unsigned thread); /* this one goes on now */
    /* Nobody can go on. True: all is done, and all sleepers are woken to end; false: it is a deadlock. */
    bool (*is_over)(void);
};

/* Runs it to its end. Returns how many points it had. A failure, by schedule_fail or an assertion, is printed with the seed and ends the
 * process with status 1.  */
uint32_t schedule_run(const struct schedule *schedule);

/* Runs `function` once for each thread, outside of a schedule. */
void schedule_each(unsigned thread_count, void (*function)(unsigned thread));

/* In a coroutine: another one may go on here. */
void schedule_point(void);
/* It waits for what another one does: another one goes on, if any can. */
void schedule_yield(void);
/* Sleeps until schedule_wake; one that was woken since its last sleep goes on. */
void schedule_sleep(void);
void schedule_wake(unsigned thread);
unsigned schedule_self(void);
bool schedule_is_ending(void);

/* The time of the schedule: each point takes one tick. */
uint64_t schedule_ticks(void);

/* Numbers of the schedule, 0 .. below - 1. */
uint32_t schedule_random(uint32_t below);
/* Something is wrong. */
__attribute__((noreturn, format(printf, 1, 2))) void schedule_fail(const char *format, ...);

#endif

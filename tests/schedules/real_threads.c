/* real_threads.c - the functions of scheduler.h for threads of the system: what runs in which order, the machine decides.
 *
 * The threads are started once. A sleeping one waits for a condition; when all sleep, and none was woken, the schedule is over.  */
#include "scheduler.h"

#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { YIELD_PARTS = 16 };

/* style: as in scheduler.c. All below the lock is touched under it. */
static struct {
    const struct schedule *schedule; /* while no schedule runs, and by its threads */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    void (*function)(unsigned thread);
    uint64_t number;                 /* counts what the threads were given to run */
    unsigned thread_count, started, running, asleep;
    bool is_woken[SCHEDULE_THREADS_MAX];
    bool is_ending;
} now = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static _Thread_local unsigned own_number;
static _Thread_local uint64_t own_random;

uint32_t schedule_random(uint32_t below)
{
    own_random = own_random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((own_random >> 32) * below >> 32);
}

void schedule_fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    fprintf(stderr, " (thread %u)\n", own_number);
    va_end(arguments);
    fflush(NULL);
    _exit(1);
}

void schedule_point(void)
{
    if (schedule_random(YIELD_PARTS) == 0) {
        sched_yield();
    }
}

void schedule_yield(void)
{
    sched_yield();
}

static bool is_anybody_woken(void)
{
    bool is_woken = false;
    for (unsigned i = 0; i < now.thread_count; i++) {
        is_woken |= now.is_woken[i];
    }
    return is_woken;
}

void schedule_sleep(void)
{
    pthread_mutex_lock(&now.lock);
    now.asleep++;
    if (now.asleep == now.thread_count && !is_anybody_woken() && !now.is_ending) {
        if (!now.schedule->is_over()) {
            schedule_fail("everybody sleeps, and work is left");
        }
        now.is_ending = true;
        pthread_cond_broadcast(&now.changed);
    }
    while (!now.is_woken[own_number] && !now.is_ending) {
        pthread_cond_wait(&now.changed, &now.lock);
    }
    now.is_woken[own_number] = false;
    now.asleep--;
    pthread_mutex_unlock(&now.lock);
}

void schedule_wake(unsigned thread)
{
    pthread_mutex_lock(&now.lock);
    now.is_woken[thread] = true;
    pthread_cond_broadcast(&now.changed);
    pthread_mutex_unlock(&now.lock);
}

unsigned schedule_self(void)
{
    return own_number;
}

bool schedule_is_ending(void)
{
    pthread_mutex_lock(&now.lock);
    const bool is_ending = now.is_ending;
    pthread_mutex_unlock(&now.lock);
    return is_ending;
}

uint64_t schedule_ticks(void)
{
    return 0;
}

/* --- the threads --- */

static void *thread_main(void *arg)
{
    uint64_t done = 0;
    own_number = (unsigned)(uintptr_t)arg;
    own_random = own_number;
    for (;;) {
        pthread_mutex_lock(&now.lock);
        while (now.number == done || own_number >= now.thread_count) {
            done = now.number;
            pthread_cond_wait(&now.changed, &now.lock);
        }
        done = now.number;
        void (*function)(unsigned thread) = now.function;
        pthread_mutex_unlock(&now.lock);
        function(own_number);
        pthread_mutex_lock(&now.lock);
        now.running--;
        pthread_cond_broadcast(&now.changed);
        pthread_mutex_unlock(&now.lock);
    }
    return NULL;
}

static void start_threads(void)
{
    for (; now.started < SCHEDULE_THREADS_MAX; now.started++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, thread_main, (void *)(uintptr_t)now.started) != 0) {
            abort();
        }
        pthread_detach(thread);
    }
}

void schedule_each(unsigned thread_count, void (*function)(unsigned thread))
{
    start_threads();
    pthread_mutex_lock(&now.lock);
    now.function = function;
    now.thread_count = now.running = thread_count;
    now.asleep = 0;
    now.is_ending = false;
    for (unsigned i = 0; i < thread_count; i++) {
        now.is_woken[i] = false;
    }
    now.number++;
    pthread_cond_broadcast(&now.changed);
    while (now.running > 0) {
        pthread_cond_wait(&now.changed, &now.lock);
    }
    pthread_mutex_unlock(&now.lock);
}

uint32_t schedule_run(const struct schedule *schedule)
{
    own_random = schedule->seed;
    now.schedule = schedule;
    schedule->begin();
    schedule_each(schedule->thread_count, schedule->body);
    return 0;
}

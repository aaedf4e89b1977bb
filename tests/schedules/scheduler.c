/* scheduler.c - see scheduler.h.  */
#include "scheduler.h"

#include <assert.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <ucontext.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define HAS_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_ASAN 1
#endif
#endif
#if defined(HAS_ASAN)
#include <sanitizer/common_interface_defs.h>
#endif

enum {
    STACK_BYTES = 256 << 10,
    PREEMPTIONS_MAX = 4,
    PREEMPTION_POINTS = 600, /* they are among so many of the first points */
};

enum state { RUNNABLE, ASLEEP, ENDED };

struct coroutine {
    ucontext_t context;
    char *stack;
    void *fake_stack; /* AddressSanitizer's */
    enum state state;
    bool is_woken;
};

/* style: one process runs one schedule at a time, and points have no argument. */
static struct {
    const struct schedule *schedule;
    struct coroutine coroutines[SCHEDULE_THREADS_MAX], outside;
    unsigned current;
    uint64_t random;
    uint32_t points;
    uint32_t switch_parts;                  /* a point switches with a chance of one in so many; 0: at the points below */
    uint32_t preemptions[PREEMPTIONS_MAX];
    uint64_t ticks;
    bool is_ending;
    const void *outside_stack;              /* AddressSanitizer's */
    size_t outside_bytes;
} now;

static uint64_t next_random(void)
{
    uint64_t mixed = now.random += UINT64_C(0x9e3779b97f4a7c15); /* splitmix64 */
    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ mixed >> 31;
}

uint32_t schedule_random(uint32_t below)
{
    return (uint32_t)((next_random() >> 32) * below >> 32);
}

void schedule_fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "seed %llu: ", (unsigned long long)now.schedule->seed);
    vfprintf(stderr, format, arguments);
    fprintf(stderr, " (thread %u, point %u)\n", now.current, now.points);
    va_end(arguments);
    fflush(NULL);
    _exit(1);
}

static void assertion_failed(int number)
{
    (void)number;
    schedule_fail("an assertion does not hold");
}

/* --- switching --- */

static void has_arrived(struct coroutine *self)
{
#if defined(HAS_ASAN)
    const void *from;
    size_t bytes;
    __sanitizer_finish_switch_fiber(self->fake_stack, &from, &bytes);
    if (now.outside_stack == NULL) {
        now.outside_stack = from; /* the first coroutine came from there */
        now.outside_bytes = bytes;
    }
#else
    (void)self;
#endif
}

static void leave_for(struct coroutine *self, struct coroutine *other)
{
#if defined(HAS_ASAN)
    const bool is_outside = other == &now.outside;
    __sanitizer_start_switch_fiber(self->state == ENDED ? NULL : &self->fake_stack, is_outside ? now.outside_stack : other->stack,
                                   is_outside ? now.outside_bytes : STACK_BYTES);
#endif
    if (swapcontext(&self->context, &other->context) != 0) {
        abort();
    }
    has_arrived(self);
}

static void go_on_with(struct coroutine *self, unsigned other)
{
    now.current = other;
    now.schedule->switched(other);
    leave_for(self, &now.coroutines[other]);
}

/* One that can go on and is not `self`; thread_count: none. */
static unsigned another(unsigned self)
{
    const unsigned count = now.schedule->thread_count;
    unsigned runnable[SCHEDULE_THREADS_MAX], found = 0;
    for (unsigned i = 0; i < count; i++) {
        if (i != self && now.coroutines[i].state == RUNNABLE) {
            runnable[found++] = i;
        }
    }
    return found == 0 ? count : runnable[schedule_random(found)];
}

static void switch_away(void)
{
    const unsigned self = now.current;
    const unsigned other = another(self);
    if (other < now.schedule->thread_count) {
        go_on_with(&now.coroutines[self], other);
    }
}

static void count_point(void)
{
    now.ticks++;
    if (++now.points > SCHEDULE_POINTS_MAX) {
        schedule_fail("it does not end");
    }
}

static bool is_switch_due(void)
{
    if (now.switch_parts > 0) {
        return schedule_random(now.switch_parts) == 0;
    }
    for (unsigned i = 0; i < PREEMPTIONS_MAX; i++) {
        if (now.preemptions[i] == now.points) {
            return true;
        }
    }
    return false;
}

void schedule_point(void)
{
    if (now.schedule == NULL) {
        return; /* outside of a schedule */
    }
    count_point();
    if (is_switch_due()) {
        switch_away();
    }
}

void schedule_yield(void)
{
    count_point();
    switch_away();
}

/* Nobody else can go on: the end, or a deadlock. */
static void end_or_fail(void)
{
    if (!now.schedule->is_over()) {
        schedule_fail("nobody can go on, and work is left");
    }
    now.is_ending = true;
    for (unsigned i = 0; i < now.schedule->thread_count; i++) {
        now.coroutines[i].state = now.coroutines[i].state == ASLEEP ? RUNNABLE : now.coroutines[i].state;
    }
}

void schedule_sleep(void)
{
    struct coroutine *self = &now.coroutines[now.current];
    schedule_point();
    if (!self->is_woken && !now.is_ending) {
        self->state = ASLEEP;
        if (another(now.current) == now.schedule->thread_count) {
            end_or_fail();
        } else {
            switch_away();
        }
    }
    assert(self->state == RUNNABLE);
    self->is_woken = false;
}

void schedule_wake(unsigned thread)
{
    struct coroutine *sleeper = &now.coroutines[thread];
    sleeper->is_woken = true;
    if (sleeper->state == ASLEEP) {
        sleeper->state = RUNNABLE;
    }
}

unsigned schedule_self(void)
{
    return now.current;
}

bool schedule_is_ending(void)
{
    return now.is_ending;
}

uint64_t schedule_ticks(void)
{
    return ++now.ticks;
}

void schedule_each(unsigned thread_count, void (*function)(unsigned thread))
{
    for (unsigned i = 0; i < thread_count; i++) {
        function(i);
    }
}

/* --- a schedule --- */

static void coroutine_main(void)
{
    struct coroutine *self = &now.coroutines[now.current];
    has_arrived(self);
    now.schedule->body(now.current);
    self->state = ENDED;
    const unsigned other = another(now.current);
    if (other < now.schedule->thread_count) {
        go_on_with(self, other);
    } else {
        leave_for(self, &now.outside);
    }
}

static void choose_strategy(void)
{
    static const uint32_t parts[] = {2, 6, 25};
    const uint32_t strategy = schedule_random(6);
    now.switch_parts = strategy < 3 ? parts[strategy] : 0;
    for (unsigned i = 0; i < PREEMPTIONS_MAX; i++) {
        now.preemptions[i] = i <= strategy - 2 ? 1 + schedule_random(PREEMPTION_POINTS) : 0;
    }
}

static void prepare(struct coroutine *coroutine)
{
    if (coroutine->stack == NULL && (coroutine->stack = malloc(STACK_BYTES)) == NULL) {
        abort();
    }
    getcontext(&coroutine->context);
    coroutine->context.uc_stack.ss_sp = coroutine->stack;
    coroutine->context.uc_stack.ss_size = STACK_BYTES;
    coroutine->context.uc_link = NULL;
    makecontext(&coroutine->context, coroutine_main, 0);
    coroutine->state = RUNNABLE;
    coroutine->is_woken = false;
    coroutine->fake_stack = NULL;
}

uint32_t schedule_run(const struct schedule *schedule)
{
    assert(schedule->thread_count <= SCHEDULE_THREADS_MAX);
    now.schedule = schedule;
    now.random = schedule->seed;
    now.points = 0;
    now.ticks = 1000;
    now.is_ending = false;
    now.outside.state = RUNNABLE;
    choose_strategy();
    signal(SIGABRT, assertion_failed);
    schedule->begin();
    for (unsigned i = 0; i < schedule->thread_count; i++) {
        prepare(&now.coroutines[i]);
    }
    go_on_with(&now.outside, schedule_random(schedule->thread_count));
    now.schedule = NULL;
    return now.points;
}

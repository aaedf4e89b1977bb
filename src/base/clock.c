/* clock.c - wall clock, monotonic clock and time-stamp counter.
 *
 * Threads    Any.  */
#include "base/clock.h"

#include <time.h>
#if defined(__x86_64__)
#include <x86intrin.h>
#endif

enum { TICKS_MEASURE_NS = 5000000 };

static int64_t read_ns(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t clock_wall_ms(void)
{
    return read_ns(CLOCK_REALTIME) / 1000000;
}

int64_t clock_wall_us(void)
{
    return read_ns(CLOCK_REALTIME) / 1000;
}

int64_t clock_monotonic_us(void)
{
    return read_ns(CLOCK_MONOTONIC) / 1000;
}

int64_t clock_monotonic_ns(void)
{
    return read_ns(CLOCK_MONOTONIC);
}

#if defined(__x86_64__)
uint64_t clock_ticks(void)
{
    return __rdtsc();
}
#elif defined(__aarch64__)
uint64_t clock_ticks(void)
{
    uint64_t ticks;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
    return ticks;
}
#else
uint64_t clock_ticks(void)
{
    return (uint64_t)read_ns(CLOCK_MONOTONIC);
}
#endif

double clock_ticks_per_us_measure(void)
{
    int64_t start_ns = clock_monotonic_ns();
    uint64_t start_ticks = clock_ticks();
    int64_t elapsed_ns;
    do {
        elapsed_ns = clock_monotonic_ns() - start_ns;
    } while (elapsed_ns < TICKS_MEASURE_NS);
    return (double)(clock_ticks() - start_ticks) * 1000.0 / (double)elapsed_ns;
}

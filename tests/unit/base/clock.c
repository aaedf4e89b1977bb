/* clock.c - clocks go forward and agree with each other.  */
#include "base/clock.h"

#include <criterion/criterion.h>

Test(clock, units_agree_and_monotonic_time_never_goes_back)
{
    int64_t before_us = clock_monotonic_us();
    int64_t between_ns = clock_monotonic_ns();
    int64_t after_us = clock_monotonic_us();
    cr_expect_leq(before_us, between_ns / 1000);
    cr_expect_leq(between_ns / 1000, after_us);
    int64_t wall_us = clock_wall_us();
    int64_t wall_ms = clock_wall_ms();
    cr_expect(wall_ms - wall_us / 1000 >= 0 && wall_ms - wall_us / 1000 < 10000);
}

Test(clock, ticks_measure_time)
{
    double ticks_per_us = clock_ticks_per_us_measure();
    cr_assert_gt(ticks_per_us, 0.0);
    int64_t start_ns = clock_monotonic_ns();
    uint64_t start = clock_ticks();
    while (clock_monotonic_ns() - start_ns < 2000000) {
    }
    double elapsed_us = (double)(clock_ticks() - start) / ticks_per_us;
    cr_expect(elapsed_us > 1000.0, "%f us", elapsed_us);
}

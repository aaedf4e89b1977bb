/* rate_samples.c - the rate of a counter over its last samples.  */
#include "shard/rate_samples.h"

#include <criterion/criterion.h>

Test(rate_samples, is_zero_before_two_readings)
{
    struct rate_samples samples = {0};
    cr_assert_eq(rate_samples_per_second(&samples), 0);
    rate_samples_take(&samples, 1000000, 5000);
    cr_assert_eq(rate_samples_per_second(&samples), 0);
}

Test(rate_samples, gives_the_mean_rate_of_a_steady_counter)
{
    struct rate_samples samples = {0};
    for (int i = 0; i <= RATE_SAMPLE_COUNT; i++) {
        rate_samples_take(&samples, 500 * (uint64_t)i, 1 + RATE_SAMPLE_MS * i);
    }
    cr_assert_eq(rate_samples_per_second(&samples), 5000);
}

Test(rate_samples, allows_for_late_samples)
{
    struct rate_samples samples = {0};
    int64_t now_ms = 1;
    uint64_t reading = 0;
    for (int i = 0; i <= RATE_SAMPLE_COUNT; i++) {
        rate_samples_take(&samples, reading, now_ms);
        const int64_t passed_ms = i % 2 == 0 ? 50 : 400;
        now_ms += passed_ms;
        reading += (uint64_t)passed_ms * 3;
    }
    cr_assert_eq(rate_samples_per_second(&samples), 3000);
}

Test(rate_samples, forgets_what_is_older_than_its_samples)
{
    struct rate_samples samples = {0};
    rate_samples_take(&samples, 0, 1);
    rate_samples_take(&samples, 1000000, 101);
    for (int i = 0; i < RATE_SAMPLE_COUNT; i++) {
        cr_assert_gt(rate_samples_per_second(&samples), 0);
        rate_samples_take(&samples, 1000000, 201 + RATE_SAMPLE_MS * i);
    }
    cr_assert_eq(rate_samples_per_second(&samples), 0);
}

Test(rate_samples, takes_a_counter_that_was_reset_as_still)
{
    struct rate_samples samples = {0};
    rate_samples_take(&samples, 1000, 1);
    rate_samples_take(&samples, 10, 101);
    cr_assert_eq(rate_samples_per_second(&samples), 0);
    rate_samples_take(&samples, 10 + 1600, 201);
    cr_assert_eq(rate_samples_per_second(&samples), 1000);
}

Test(rate_samples, skips_a_second_reading_at_the_same_moment)
{
    struct rate_samples samples = {0};
    rate_samples_take(&samples, 0, 7);
    rate_samples_take(&samples, 100, 7);
    cr_assert_eq(rate_samples_per_second(&samples), 0);
}

/* memory_history.c - seconds and minutes in one list, the oldest first.  */
#include "shard/memory_history.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static const int64_t start_ms = INT64_C(1700000000000);

static struct memory_history *filled(unsigned seconds)
{
    struct memory_history *history = memory_history_create();
    cr_assert_not_null(history);
    for (unsigned i = 0; i < seconds; i++) {
        memory_history_add(history, &(struct memory_sample){.wall_ms = start_ms + i * INT64_C(1000), .used = i});
    }
    return history;
}

Test(memory_history, hands_out_the_last_samples)
{
    static struct memory_sample samples[MEMORY_HISTORY_MAX];
    static const struct {
        unsigned seconds;
        uint32_t limit, count;
        int64_t first_used;
    } rows[] = {
        {0, 10, 0, 0},       {1, 10, 1, 0},          {5, 3, 3, 2},
        {600, 2040, 600, 0}, {601, 600, 600, 1},     {601, 2040, 601, 0},
        {720, 2040, 603, 0}, {7200, 601, 601, 6580}, {200000, 2040, 2030, 113620},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct memory_history *history = filled(rows[i].seconds);
        const uint32_t count = memory_history_copy(history, samples, rows[i].limit);
        for (uint32_t k = 1; k < count; k++) {
            cr_assert(samples[k - 1].wall_ms < samples[k].wall_ms, "row %zu, sample %u", i, k);
        }
        if (count > 0) {
            cr_assert_eq(samples[count - 1].used, rows[i].seconds - 1);
        }
        cr_assert_eq(count, rows[i].count, "row %zu: %u", i, count);
        cr_assert(count == 0 || samples[0].used == rows[i].first_used, "row %zu", i);
        memory_history_destroy(history);
    }
}

Test(memory_history, lives_through_a_clock_that_is_set_back)
{
    static struct memory_sample samples[MEMORY_HISTORY_MAX];
    struct memory_history *history = filled(3000);
    for (unsigned i = 0; i < 3000; i++) {
        memory_history_add(history, &(struct memory_sample){.wall_ms = start_ms - 90000000 + i * INT64_C(1000)});
    }
    const uint32_t count = memory_history_copy(history, samples, MEMORY_HISTORY_MAX);
    cr_assert_geq(count, MEMORY_HISTORY_SHORT);
    cr_assert_leq(count, MEMORY_HISTORY_MAX);
    memory_history_destroy(history);
    memory_history_destroy(NULL);
}

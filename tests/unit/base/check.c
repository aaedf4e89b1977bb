/* check.c - which changes to a structure a debug build follows by a walk over it.  */
#include "base/check.h"

#include <criterion/criterion.h>

enum { STATES = 100000 };

/* How many of STATES changes in a row are followed by a walk. */
static uint32_t due_of(uint64_t bytes)
{
    uint32_t due = 0;
    for (uint64_t state = 0; state < STATES; state++) {
        due += check_is_due(bytes, state);
    }
    return due;
}

Test(check, a_short_structure_is_walked_at_every_change)
{
    cr_expect_eq(due_of(0), STATES);
    cr_expect_eq(due_of(CHECK_WHOLE_BYTES), STATES);
}

Test(check, a_long_structure_costs_the_share_on_average)
{
    for (uint64_t bytes = 2 * CHECK_WHOLE_BYTES; bytes <= CHECK_BYTES_MAX; bytes *= 2) {
        const double walked_bytes = (double)due_of(bytes) * (double)bytes / STATES;
        cr_expect_gt(walked_bytes, 0.75 * CHECK_SHARE_BYTES, "%llu bytes: %g", (unsigned long long)bytes, walked_bytes);
        cr_expect_lt(walked_bytes, 1.33 * CHECK_SHARE_BYTES, "%llu bytes: %g", (unsigned long long)bytes, walked_bytes);
    }
}

Test(check, a_very_long_structure_is_never_walked)
{
    cr_expect_eq(due_of(CHECK_BYTES_MAX + 1), 0);
}

/* Parts of moments, days of them, and the ends of what there is. What is read and refused: tests/unit/expression/text.c. */
#include "base/moment.h"

#include <criterion/criterion.h>

Test(moment, has_parts)
{
    int64_t us;
    cr_assert(moment_parse(BYTES("1969-07-20T20:17:40.5Z"), &us));
    static const int64_t parts[] = {1969, 7, 20, 20, 17, 40};
    for (int i = 0; i < 6; i++) {
        cr_assert_eq(moment_part(us, (enum moment_part)i), parts[i]);
    }
    cr_assert_eq(moment_days(-1), -1);
    cr_assert_eq(moment_days(0), 0);
    cr_assert_eq(moment_days(-MOMENT_DAY_US), -1);
}

Test(moment, and_days_end_with_the_calendar)
{
    int64_t days;
    cr_assert(date_text_parse(BYTES("0001-01-01"), &days));
    cr_assert(date_is_valid(days));
    cr_assert_not(date_is_valid(days - 1));
    cr_assert(date_text_parse(BYTES("9999-12-31"), &days));
    cr_assert(date_is_valid(days));
    cr_assert_not(date_is_valid(days + 1));
}

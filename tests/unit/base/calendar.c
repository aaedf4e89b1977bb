/* Every day of the years 1 to 9999, there and back, one after the other. */
#include "base/calendar.h"

#include <criterion/criterion.h>

Test(calendar, counts_every_day_once)
{
    int64_t expected = -719162; /* 0001-01-01 */
    for (int year = 1; year <= 9999; year++) {
        for (int month = 1; month <= 12; month++) {
            for (int day = 1; day <= 32; day++) {
                int64_t days;
                if (!calendar_days((struct calendar_day){year, month, day}, &days)) {
                    cr_assert(day > 28);
                    break;
                }
                cr_assert_eq(days, expected);
                const struct calendar_day back = calendar_day_of(days);
                cr_assert(back.year == year && back.month == month && back.day == day);
                expected++;
            }
        }
    }
    cr_assert_eq(expected, 2932897); /* 10000-01-01 */
}

Test(calendar, refuses_days_that_are_none)
{
    static const struct calendar_day bad[] = {{0, 1, 1},    {10000, 1, 1}, {2023, 0, 1},  {2023, 13, 1},
                                              {2023, 1, 0}, {2023, 2, 29}, {1900, 2, 29}, {2023, 4, 31}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int64_t days;
        cr_assert(!calendar_days(bad[i], &days));
    }
}

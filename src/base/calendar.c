/* calendar.c - see calendar.h. Years begin in March here, so that the leap day is the last one.
 *
 * Read on    "chrono-Compatible Low-Level Date Algorithms" (H. Hinnant).  */
#include "base/calendar.h"

#include <assert.h>

enum { ERA_DAYS = 146097, ERA_YEARS = 400, DAYS_TO_1970 = 719468 };

static int days_of_month(int year, int month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (month == 2 && is_leap ? 1 : 0);
}

bool calendar_days(struct calendar_day day, int64_t *days)
{
    if (day.year < 1 || day.year > CALENDAR_YEAR_MAX || day.month < 1 || day.month > 12 || day.day < 1 ||
        day.day > days_of_month(day.year, day.month)) {
        return false;
    }
    const int year = day.month <= 2 ? day.year - 1 : day.year;
    const int year_of_era = year % ERA_YEARS;
    const int month_from_march = day.month > 2 ? day.month - 3 : day.month + 9;
    const int day_of_year = (153 * month_from_march + 2) / 5 + day.day - 1;
    const int day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    *days = (int64_t)(year / ERA_YEARS) * ERA_DAYS + day_of_era - DAYS_TO_1970;
    return true;
}

struct calendar_day calendar_day_of(int64_t days)
{
    assert(days > -DAYS_TO_1970 && days < 3000000);
    const int from_march_0 = (int)days + DAYS_TO_1970;
    const int day_of_era = from_march_0 % ERA_DAYS;
    const int year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    const int day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const int month_from_march = (5 * day_of_year + 2) / 153;
    const int month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    return (struct calendar_day){.year = from_march_0 / ERA_DAYS * ERA_YEARS + year_of_era + (month <= 2 ? 1 : 0),
                                 .month = month,
                                 .day = day_of_year - (153 * month_from_march + 2) / 5 + 1};
}

/* calendar.h - days of the Gregorian calendar, which counts backwards from its beginning, too.
 *
 * Threads    Any; pure functions.  */
#ifndef BASE_CALENDAR_H
#define BASE_CALENDAR_H

#include "base/attributes.h"

#include <stdbool.h>
#include <stdint.h>

enum { CALENDAR_YEAR_MAX = 9999 };

struct calendar_day {
    int year, month, day; /* 1 .. 9999, 1 .. 12, 1 .. 31 */
};

/* Days since 1970-01-01; false: no such day, or not in the years 1 to 9999. */
MUST_USE bool calendar_days(struct calendar_day day, int64_t *days);
/* `days`: of a day in the years 1 to 9999. */
struct calendar_day calendar_day_of(int64_t days);

#endif

/* moment.h - dates and moments as text (ISO 8601), and their parts.
 *
 *     2024-02-29                          a date
 *     2024-02-29T12:30:00.250+02:00       a moment: a blank may stand for the T; seconds, their decimals and the zone may be missing (UTC)
 *
 * Threads    Any; pure functions.  */
#ifndef BASE_MOMENT_H
#define BASE_MOMENT_H

#include "base/attributes.h"
#include "base/bytes.h"

#include <stdbool.h>
#include <stdint.h>

enum { DATE_TEXT_BYTES = 10, MOMENT_TEXT_MAX = 27 };

#define MOMENT_DAY_US INT64_C(86400000000)

/* Days since 1970-01-01; the years 1 to 9999. */
MUST_USE bool date_text_parse(struct bytes text, int64_t *days);
/* True for a day of the years 1 to 9999. */
bool date_is_valid(int64_t days);
size_t date_text_format(int64_t days, char out[DATE_TEXT_BYTES]);

/* Microseconds since 1970, UTC; a date alone is its first moment. What is finer than a microsecond is refused. */
MUST_USE bool moment_parse(struct bytes text, int64_t *us);
/* "2024-02-29T12:30:00Z", "2024-02-29T12:30:00.25Z". Returns the length. */
size_t moment_format(int64_t us, char out[MOMENT_TEXT_MAX]);
/* True for a moment of the years 1 to 9999. */
bool moment_is_valid(int64_t us);

/* The day on which it is. */
int64_t moment_days(int64_t us);

enum moment_part { MOMENT_YEAR, MOMENT_MONTH, MOMENT_DAY, MOMENT_HOUR, MOMENT_MINUTE, MOMENT_SECOND };
int64_t moment_part(int64_t us, enum moment_part part);

#endif

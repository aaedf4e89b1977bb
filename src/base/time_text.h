/* time_text.h - moments as people write them, and back.
 *
 *     2026-10-05T14:30:00.250+02:00     ISO 8601: a date alone is its first moment; seconds, their decimals and the zone may be missing
 *     2026-10-05 12:30 UTC              a blank may stand for the T
 *     1791203400.25                     seconds since 1970
 *
 * Without a zone a time is UTC, on whatever machine.
 *
 * Threads    Any; pure functions.  */
#ifndef BASE_TIME_TEXT_H
#define BASE_TIME_TEXT_H

#include "base/attributes.h"
#include "base/bytes.h"

#include <stdbool.h>
#include <stdint.h>

enum { TIME_TEXT_MAX = 48 };

/* Milliseconds since 1970; what is finer is cut off. False: no such text, or a moment before 1970 or after 9999. */
MUST_USE bool time_parse(struct bytes text, int64_t *out);
/* "2026-10-05T12:30:00.250Z", with a NUL, for any number; time_parse reads what is in its range. Returns `out`. */
const char *time_format(int64_t wall_ms, char out[TIME_TEXT_MAX]);

#endif

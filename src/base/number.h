/* number.h - numbers to text and back, by Redis's rules.  */
#ifndef BASE_NUMBER_H
#define BASE_NUMBER_H

#include "base/attributes.h"
#include "base/bytes.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    INT64_TEXT_MAX = 20,   /* "-9223372036854775808" */
    DOUBLE_TEXT_MAX = 400, /* %.17f of DBL_MAX fits, with sign, point and fraction */
};

/* Strict decimal integer: an optional '-', no '+', no spaces, no leading zeros (except "0" itself), within int64.
 * This is what Redis accepts for every integer argument and what it keeps as an integer.
 * Returns false and leaves *out alone otherwise.  */
MUST_USE bool int64_parse(struct bytes text, int64_t *out);
MUST_USE bool uint64_parse(struct bytes text, uint64_t *out);

/* An integer as tables and SQL take it: a sign, digits, also zeros in front (as redis-benchmark writes its random numbers). */
MUST_USE bool int64_parse_loose(struct bytes text, int64_t *out);
/* true and false, case ignored, 1 and 0: *out is 1 or 0. */
MUST_USE bool boolean_parse(struct bytes text, int64_t *out);

/* Writes at most INT64_TEXT_MAX characters, no NUL. Returns how many. */
size_t int64_format(int64_t value, char out[INT64_TEXT_MAX]);
/* As many digits as "%llu" prints. */
size_t uint64_format(uint64_t value, char out[INT64_TEXT_MAX]);

/* A double by strtod's grammar on the whole text ("inf", "+infinity", "1e3", hex floats included), no leading space,
 * NaN and range errors refused: what Redis takes for a score or a timeout.  */
MUST_USE bool double_parse(struct bytes text, double *out);
/* The same for long double (INCRBYFLOAT, HINCRBYFLOAT): Redis's string2ld. NaN refused, infinity taken. */
MUST_USE bool long_double_parse(struct bytes text, long double *out);

/* The shortest text that Redis 7.0 replies with for a double: integers in the exact range without a point, else "%.17g";
 * "inf", "-inf", "nan". Returns the length.  */
size_t double_format(double value, char out[DOUBLE_TEXT_MAX]);
/* INCRBYFLOAT's form: "%.17Lf" with trailing zeros (and a trailing point) removed; -0 becomes 0. The caller refuses NaN
 * and infinity first. `out` holds at least LONG_DOUBLE_TEXT_MAX.  */
enum { LONG_DOUBLE_TEXT_MAX = 5120 };
size_t long_double_format_human(long double value, char out[LONG_DOUBLE_TEXT_MAX]);

/* "1gb", "512mb", "100" ... : k=1000 kb=1024 m mb g gb, case ignored, as in redis.conf. */
MUST_USE bool memory_size_parse(struct bytes text, uint64_t *out);
/* "1.50M", "999B": Redis's human form, at most 32 characters with the NUL. */
void memory_size_format_human(uint64_t bytes, char out[32]);

#endif

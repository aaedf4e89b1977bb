/* string_range.c - the arithmetic of GETRANGE; every row was asked of redis-server 7.0.15.  */
#include "cmd/string/string_range.h"

#include <criterion/criterion.h>

Test(string_range, clips_as_redis_does)
{
    static const struct {
        int64_t first, last;
        struct bytes part;
    } rows[] = {
        {0, -1, BYTES("hello")},
        {0, 0, BYTES("h")},
        {1, 3, BYTES("ell")},
        {-3, -1, BYTES("llo")},
        {-3, 4, BYTES("llo")},
        {0, 100, BYTES("hello")},
        {5, 10, BYTES("")},
        {3, 1, BYTES("")},
        {-1, -3, BYTES("")},
        {-100, 2, BYTES("hel")},
        {-100, -90, BYTES("h")},
        {0, -100, BYTES("h")},
        {-100, -100, BYTES("h")},
        {1, -100, BYTES("")},
        {INT64_MIN, INT64_MAX, BYTES("hello")},
        {INT64_MAX, INT64_MAX, BYTES("")},
        {INT64_MIN, INT64_MIN, BYTES("h")},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bytes part = string_range_clip(BYTES("hello"), rows[i].first, rows[i].last);
        cr_expect(bytes_equal(part, rows[i].part), "row %zu: '%.*s'", i, (int)part.len, part.data);
        cr_expect_eq(string_range_clip(BYTES(""), rows[i].first, rows[i].last).len, 0, "row %zu on nothing", i);
    }
}

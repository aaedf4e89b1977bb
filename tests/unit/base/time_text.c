/* time_text.c - every form that is read, what is refused, and the way back against gmtime_r.  */
#include "base/time_text.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <time.h>

static const struct {
    const char *text;
    int64_t ms; /* -1: refused */
} texts[] = {
    {"0", 0},
    {"1791203400", 1791203400000},
    {"1791203400.25", 1791203400250},
    {"1791203400.0009999", 1791203400000},
    {"1.9999", 1999},
    {"253402300799.999", 253402300799999},
    {"253402300800", -1},
    {"9999999999999", -1},
    {"99999999999999999999999999", -1},
    {"1.", -1},
    {".5", -1},
    {"-1", -1},
    {"+1", -1},
    {"1e9", -1},
    {" 1", -1},
    {"1 ", -1},
    {"", -1},
    {"now", -1},
    {"1970-01-01", 0},
    {"2026-10-05", 1791158400000},
    {"2026-10-05T12:30", 1791203400000},
    {"2026-10-05T12:30:00Z", 1791203400000},
    {"2026-10-05t12:30:00.25z", 1791203400250},
    {"2026-10-05 12:30:00.2509", 1791203400250},
    {"2026-10-05 12:30:00.250 UTC", 1791203400250},
    {"2026-10-05T14:30:00+02:00", 1791203400000},
    {"2026-10-05T14:30+02", 1791203400000},
    {"2026-10-05T07:00:00-0530", 1791203400000},
    {"2024-02-29T00:00Z", 1709164800000},
    {"2000-02-29", 951782400000},
    {"1970-01-01T01:00+02:00", -1},
    {"1970-01-01T01:00+01:00", 0},
    {"9999-12-31T23:59:59.999", 253402300799999},
    {"9999-12-31T23:59:59.999-01:00", -1},
    {"2023-02-29", -1},
    {"2100-02-29", -1},
    {"2026-04-31", -1},
    {"2026-00-05", -1},
    {"2026-13-05", -1},
    {"2026-10-00", -1},
    {"2026-1-5", -1},
    {"20261005T1230", -1},
    {"2026-10-05T", -1},
    {"2026-10-05T12", -1},
    {"2026-10-05T24:00", -1},
    {"2026-10-05T12:60", -1},
    {"2026-10-05T12:30:60", -1},
    {"2026-10-05T12:30:00.", -1},
    {"2026-10-05T12:30:00,5", -1},
    {"2026-10-05T12:30:00 +02:00", -1},
    {"2026-10-05T12:30:00+2", -1},
    {"2026-10-05T12:30:00+24:00", -1},
    {"2026-10-05T12:30:00+02:60", -1},
    {"2026-10-05T12:30:00+02:", -1},
    {"2026-10-05T12:30:00Zx", -1},
    {"2026-10-05T12:30:00 CET", -1},
    {"2026-10-05 12:30:00Z ", -1},
    {"0000-10-05", -1},
};

Test(time_text, is_read_in_each_form_and_refused_in_others)
{
    for (unsigned i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        int64_t ms = -1;
        const bool is_read = time_parse(bytes_of_string(texts[i].text), &ms);
        cr_assert_eq(is_read, texts[i].ms >= 0, "%s", texts[i].text);
        cr_assert_eq(ms, texts[i].ms, "%s: %lld", texts[i].text, (long long)ms);
    }
}

/* No text is read beyond its end. */
Test(time_text, is_not_read_past_its_length)
{
    static const char text[] = "2026-10-05T12:30:00.250+02:00";
    for (size_t len = 0; len < sizeof text; len++) {
        char copy[sizeof text + 1];
        int64_t whole;
        int64_t cut;
        memcpy(copy, text, len);
        copy[len] = 0;
        const bool is_whole_read = time_parse(bytes_of_string(copy), &whole);
        copy[len] = '7';
        cr_assert_eq(time_parse((struct bytes){copy, len}, &cut), is_whole_read, "%zu", len);
        cr_assert(!is_whole_read || whole == cut);
    }
}

Test(time_text, is_written_as_gmtime_says_and_read_back)
{
    uint64_t random = 42;
    for (unsigned i = 0; i < 20000; i++) {
        char text[TIME_TEXT_MAX];
        char date[TIME_TEXT_MAX];
        char expected[TIME_TEXT_MAX + 8];
        struct tm tm;
        int64_t ms;
        random = random * 6364136223846793005 + 1442695040888963407;
        const int64_t wall_ms = i == 0 ? 0 : (int64_t)(random >> 16) % 253402300799999;
        const time_t seconds = (time_t)(wall_ms / 1000);
        cr_assert(gmtime_r(&seconds, &tm) != NULL && strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm) > 0);
        snprintf(expected, sizeof expected, "%s.%03uZ", date, (unsigned)(wall_ms % 1000));
        cr_assert_str_eq(time_format(wall_ms, text), expected);
        cr_assert(time_parse(bytes_of_string(text), &ms));
        cr_assert_eq(ms, wall_ms);
    }
}

Test(time_text, has_room_for_any_number)
{
    char text[TIME_TEXT_MAX];
    cr_assert_str_eq(time_format(-1, text), "1969-12-31T23:59:59.999Z");
    cr_assert_str_eq(time_format(INT64_MAX, text), "292278994-08-17T07:12:55.807Z");
    cr_assert_str_eq(time_format(INT64_MIN, text), "-292275055-05-16T16:47:04.192Z");
}

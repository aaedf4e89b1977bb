/* time_text.c - the calendar by arithmetic, without the zone and locale of the process.
 *
 * Source     Howard Hinnant, "chrono-compatible low-level date algorithms": dates from days, of any year
 *            (base/calendar.h has the years 1 to 9999 only).  */
#include "base/time_text.h"

#include "base/calendar.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    DAY_SECONDS = 86400,
    ERA_DAYS = 146097,        /* 400 years */
    DAYS_TO_1970 = 719468,    /* from March 1 of the year 0 */
    SECONDS_DIGITS_MAX = 12,  /* the year 9999 has so many */
};

static const int64_t last_ms = 253402300799999; /* of the year 9999 */

struct moment {
    unsigned year, month, day, hour, minute, second, ms;
    int zone_minutes; /* east of Greenwich */
};

/* --- reading --- */

static bool skip(struct bytes *text, char c)
{
    if (text->len == 0 || text->data[0] != c) {
        return false;
    }
    text->data++;
    text->len--;
    return true;
}

static bool skip_word(struct bytes *text, struct bytes word)
{
    if (text->len < word.len || memcmp(text->data, word.data, word.len) != 0) {
        return false;
    }
    text->data += word.len;
    text->len -= word.len;
    return true;
}

static bool starts_with_digit(const struct bytes *text)
{
    return text->len > 0 && text->data[0] >= '0' && text->data[0] <= '9';
}

/* Exactly `count` digits. */
static bool read_digits(struct bytes *text, unsigned count, unsigned *out)
{
    *out = 0;
    for (unsigned i = 0; i < count; i++) {
        if (!starts_with_digit(text)) {
            return false;
        }
        *out = *out * 10 + (unsigned)(text->data[0] - '0');
        (void)skip(text, text->data[0]);
    }
    return true;
}

/* ".25", or nothing. */
static bool read_decimals(struct bytes *text, unsigned *ms)
{
    unsigned weight = 100;
    *ms = 0;
    if (!skip(text, '.')) {
        return true;
    }
    if (!starts_with_digit(text)) {
        return false;
    }
    while (starts_with_digit(text)) {
        *ms += weight * (unsigned)(text->data[0] - '0');
        weight /= 10;
        (void)skip(text, text->data[0]);
    }
    return true;
}

/* Nothing, "Z", " UTC", "+02", "+0230", "+02:30". */
static bool read_zone(struct bytes *text, int *minutes)
{
    unsigned hour;
    unsigned minute = 0;
    *minutes = 0;
    if (text->len == 0 || skip(text, 'Z') || skip(text, 'z') || skip_word(text, BYTES(" UTC"))) {
        return true;
    }
    const bool is_west = skip(text, '-');
    if ((!is_west && !skip(text, '+')) || !read_digits(text, 2, &hour)) {
        return false;
    }
    if (text->len > 0) {
        (void)skip(text, ':');
        if (!read_digits(text, 2, &minute)) {
            return false;
        }
    }
    *minutes = (int)(hour * 60 + minute) * (is_west ? -1 : 1);
    return hour < 24 && minute < 60;
}

static bool read_clock(struct bytes *text, struct moment *out)
{
    if (!skip(text, 'T') && !skip(text, 't') && !skip(text, ' ')) {
        return false;
    }
    if (!read_digits(text, 2, &out->hour) || !skip(text, ':') || !read_digits(text, 2, &out->minute)) {
        return false;
    }
    if (skip(text, ':') && (!read_digits(text, 2, &out->second) || !read_decimals(text, &out->ms))) {
        return false;
    }
    return out->hour < 24 && out->minute < 60 && out->second < 60 && read_zone(text, &out->zone_minutes);
}

static bool read_date(struct bytes text, int64_t *out)
{
    struct moment moment = {0};
    if (!read_digits(&text, 4, &moment.year) || !skip(&text, '-') || !read_digits(&text, 2, &moment.month) || !skip(&text, '-') ||
        !read_digits(&text, 2, &moment.day)) {
        return false;
    }
    int64_t days;
    const struct calendar_day day = {(int)moment.year, (int)moment.month, (int)moment.day};
    if (!calendar_days(day, &days)) {
        return false;
    }
    if (text.len > 0 && (!read_clock(&text, &moment) || text.len > 0)) {
        return false;
    }
    const int64_t minutes = (int64_t)moment.hour * 60 + moment.minute - moment.zone_minutes;
    *out = (days * DAY_SECONDS + minutes * 60 + moment.second) * 1000 + moment.ms;
    return true;
}

static bool read_seconds(struct bytes text, int64_t *out)
{
    int64_t seconds = 0;
    unsigned digits = 0;
    unsigned ms;
    while (starts_with_digit(&text) && digits <= SECONDS_DIGITS_MAX) {
        seconds = seconds * 10 + (text.data[0] - '0');
        (void)skip(&text, text.data[0]);
        digits++;
    }
    if (digits == 0 || digits > SECONDS_DIGITS_MAX || !read_decimals(&text, &ms) || text.len > 0) {
        return false;
    }
    *out = seconds * 1000 + ms;
    return true;
}

bool time_parse(struct bytes text, int64_t *out)
{
    int64_t ms;
    if ((!read_seconds(text, &ms) && !read_date(text, &ms)) || ms < 0 || ms > last_ms) {
        return false;
    }
    *out = ms;
    return true;
}

/* --- writing --- */

static int64_t floor_divide(int64_t number, int64_t by)
{
    return number / by - (number % by < 0);
}

const char *time_format(int64_t wall_ms, char out[TIME_TEXT_MAX])
{
    const int64_t seconds = floor_divide(wall_ms, 1000);
    const int64_t days = floor_divide(seconds, DAY_SECONDS) + DAYS_TO_1970;
    const int64_t era = floor_divide(days, ERA_DAYS);
    const int64_t day = days - era * ERA_DAYS; /* of the era */
    const int64_t year_of_era = (day - day / 1460 + day / 36524 - day / (ERA_DAYS - 1)) / 365;
    const int64_t day_of_year = day - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const int64_t from_march = (5 * day_of_year + 2) / 153;
    const unsigned month = (unsigned)(from_march < 10 ? from_march + 3 : from_march - 9);
    const int64_t year = year_of_era + era * 400 + (month <= 2);
    const unsigned of_day = (unsigned)(seconds - floor_divide(seconds, DAY_SECONDS) * DAY_SECONDS);
    snprintf(out, TIME_TEXT_MAX, "%04" PRIi64 "-%02u-%02uT%02u:%02u:%02u.%03uZ", year, month,
             (unsigned)(day_of_year - (153 * from_march + 2) / 5 + 1), of_day / 3600, of_day / 60 % 60, of_day % 60,
             (unsigned)(wall_ms - seconds * 1000));
    return out;
}

/* moment.c - see moment.h.  */
#include "base/moment.h"

#include "base/calendar.h"

#include <assert.h>

enum { FRACTION_DIGITS = 6 };

static const int64_t second_us = 1000000;

static bool take(struct bytes *text, char c)
{
    if (text->len == 0 || text->data[0] != c) {
        return false;
    }
    *text = (struct bytes){text->data + 1, text->len - 1};
    return true;
}

/* Exactly `count` digits. */
static bool take_digits(struct bytes *text, size_t count, int *out)
{
    if (text->len < count) {
        return false;
    }
    *out = 0;
    for (size_t i = 0; i < count; i++) {
        const char c = text->data[i];
        if (c < '0' || c > '9') {
            return false;
        }
        *out = *out * 10 + (c - '0');
    }
    *text = (struct bytes){text->data + count, text->len - count};
    return true;
}

static bool take_date(struct bytes *text, int64_t *days)
{
    struct calendar_day day;
    return take_digits(text, 4, &day.year) && take(text, '-') && take_digits(text, 2, &day.month) && take(text, '-') &&
           take_digits(text, 2, &day.day) && calendar_days(day, days);
}

bool date_text_parse(struct bytes text, int64_t *days)
{
    int64_t read;
    if (!take_date(&text, &read) || text.len > 0) {
        return false;
    }
    *days = read;
    return true;
}

bool date_is_valid(int64_t days)
{
    return days >= -719162 && days <= 2932896; /* 0001-01-01 and 9999-12-31 */
}

/* ".25"; nothing is zero. */
static bool take_fraction(struct bytes *text, int *us)
{
    size_t digits = 0;
    *us = 0;
    if (!take(text, '.')) {
        return true;
    }
    while (text->len > digits && text->data[digits] >= '0' && text->data[digits] <= '9') {
        digits++;
    }
    if (digits == 0 || digits > FRACTION_DIGITS || !take_digits(text, digits, us)) {
        return false;
    }
    for (; digits < FRACTION_DIGITS; digits++) {
        *us *= 10;
    }
    return true;
}

/* Z, +02:00, +0200, +02, or nothing: minutes east of Greenwich. */
static bool take_zone(struct bytes *text, int *minutes)
{
    int hour = 0;
    int minute = 0;
    *minutes = 0;
    if (text->len == 0 || take(text, 'Z') || take(text, 'z')) {
        return true;
    }
    const int sign = take(text, '-') ? -1 : take(text, '+') ? 1 : 0;
    if (sign == 0 || !take_digits(text, 2, &hour)) {
        return false;
    }
    if (text->len > 0) {
        (void)take(text, ':');
        if (!take_digits(text, 2, &minute)) {
            return false;
        }
    }
    *minutes = sign * (hour * 60 + minute);
    return hour <= 23 && minute <= 59;
}

bool moment_is_valid(int64_t us)
{
    return us >= INT64_C(-62135596800000000) && us <= INT64_C(253402300799999999);
}

bool moment_parse(struct bytes text, int64_t *us)
{
    int64_t days;
    int hour = 0;
    int minute = 0;
    int second = 0;
    int fraction = 0;
    int zone = 0;
    if (!take_date(&text, &days)) {
        return false;
    }
    if (text.len > 0) {
        if (!take(&text, 'T') && !take(&text, ' ') && !take(&text, 't')) {
            return false;
        }
        if (!take_digits(&text, 2, &hour) || !take(&text, ':') || !take_digits(&text, 2, &minute)) {
            return false;
        }
        if (take(&text, ':') && (!take_digits(&text, 2, &second) || !take_fraction(&text, &fraction))) {
            return false;
        }
        if (!take_zone(&text, &zone) || text.len > 0 || hour > 23 || minute > 59 || second > 59) {
            return false;
        }
    }
    const int64_t seconds = days * 86400 + hour * 3600 + (minute - zone) * 60 + second;
    const int64_t moment = seconds * second_us + fraction;
    if (!moment_is_valid(moment)) {
        return false;
    }
    *us = moment;
    return true;
}

static void put_digits(char *out, int number, int count)
{
    for (int i = count - 1; i >= 0; i--) {
        out[i] = (char)('0' + number % 10);
        number /= 10;
    }
}

size_t date_text_format(int64_t days, char out[DATE_TEXT_BYTES])
{
    const struct calendar_day day = calendar_day_of(days);
    put_digits(out, day.year, 4);
    out[4] = '-';
    put_digits(out + 5, day.month, 2);
    out[7] = '-';
    put_digits(out + 8, day.day, 2);
    return DATE_TEXT_BYTES;
}

int64_t moment_days(int64_t us)
{
    return us >= 0 ? us / MOMENT_DAY_US : -((MOMENT_DAY_US - 1 - us) / MOMENT_DAY_US);
}

size_t moment_format(int64_t us, char out[MOMENT_TEXT_MAX])
{
    assert(moment_is_valid(us));
    const int64_t days = moment_days(us);
    const int64_t rest = us - days * MOMENT_DAY_US;
    const int seconds = (int)(rest / second_us);
    const int fraction = (int)(rest % second_us);
    size_t at = date_text_format(days, out);
    out[at] = 'T';
    put_digits(out + at + 1, seconds / 3600, 2);
    out[at + 3] = ':';
    put_digits(out + at + 4, seconds / 60 % 60, 2);
    out[at + 6] = ':';
    put_digits(out + at + 7, seconds % 60, 2);
    at += 9;
    if (fraction != 0) {
        out[at] = '.';
        put_digits(out + at + 1, fraction, FRACTION_DIGITS);
        at += 1 + FRACTION_DIGITS;
        while (out[at - 1] == '0') {
            at--;
        }
    }
    out[at] = 'Z';
    return at + 1;
}

int64_t moment_part(int64_t us, enum moment_part part)
{
    const int64_t days = moment_days(us);
    const int64_t seconds = (us - days * MOMENT_DAY_US) / second_us;
    const struct calendar_day day = calendar_day_of(days);
    switch (part) {
    case MOMENT_YEAR:
        return day.year;
    case MOMENT_MONTH:
        return day.month;
    case MOMENT_DAY:
        return day.day;
    case MOMENT_HOUR:
        return seconds / 3600;
    case MOMENT_MINUTE:
        return seconds / 60 % 60;
    default:
        return seconds % 60;
    }
}

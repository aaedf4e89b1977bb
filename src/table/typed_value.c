/* typed_value.c - see typed_value.h.
 *
 * Read on    "chrono-Compatible Low-Level Date Algorithms" (H. Hinnant): days from civil dates and back, with years that
 *            begin in March, so that the leap day is the last one.  */
#include "table/typed_value.h"

#include "base/float_text.h"

#include <assert.h>

enum { YEAR_MAX = 9999, DATE_TEXT = 10, DAYS_PER_ERA = 146097, YEARS_PER_ERA = 400, EPOCH_FROM_MARCH_0 = 719468 };

static const char *const type_names[COLUMN_TYPE_COUNT] = {"string", "integer", "float", "date"};

const char *column_type_name(enum column_type type)
{
    assert(type < COLUMN_TYPE_COUNT);
    return type_names[type];
}

bool column_type_parse(struct bytes word, enum column_type *out)
{
    for (int i = 0; i < COLUMN_TYPE_COUNT; i++) {
        if (bytes_equal_ignore_case(word, bytes_of_string(type_names[i]))) {
            *out = (enum column_type)i;
            return true;
        }
    }
    return false;
}

/* --- dates --- */

static int days_of_month(int year, int month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (month == 2 && is_leap ? 1 : 0);
}

bool date_to_days(int year, int month, int day, int64_t *days)
{
    if (year < 1 || year > YEAR_MAX || month < 1 || month > 12 || day < 1 || day > days_of_month(year, month)) {
        return false;
    }
    int y = month <= 2 ? year - 1 : year;
    int era = y / YEARS_PER_ERA;
    int year_of_era = y % YEARS_PER_ERA;
    int month_from_march = month > 2 ? month - 3 : month + 9;
    int day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    int day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    *days = (int64_t)era * DAYS_PER_ERA + day_of_era - EPOCH_FROM_MARCH_0;
    return true;
}

/* `count` digits; -1 when one is none. */
static int digits_read(const char *text, int count)
{
    int number = 0;
    for (int i = 0; i < count; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return -1;
        }
        number = number * 10 + (text[i] - '0');
    }
    return number;
}

static bool date_parse(struct bytes text, int64_t *days)
{
    if (text.len != DATE_TEXT || text.data[4] != '-' || text.data[7] != '-') {
        return false;
    }
    return date_to_days(digits_read(text.data, 4), digits_read(text.data + 5, 2), digits_read(text.data + 8, 2), days);
}

static void digits_write(char *out, int number, int count)
{
    for (int i = count - 1; i >= 0; i--) {
        out[i] = (char)('0' + number % 10);
        number /= 10;
    }
}

static struct bytes date_format(int64_t days, char *out)
{
    int z = (int)(days + EPOCH_FROM_MARCH_0); /* not negative: years begin at 1 */
    int era = z / DAYS_PER_ERA;
    int day_of_era = z % DAYS_PER_ERA;
    int year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int month_from_march = (5 * day_of_year + 2) / 153;
    int month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    digits_write(out, era * YEARS_PER_ERA + year_of_era + (month <= 2 ? 1 : 0), 4);
    out[4] = '-';
    digits_write(out + 5, month, 2);
    out[7] = '-';
    digits_write(out + 8, day_of_year - (153 * month_from_march + 2) / 5 + 1, 2);
    return (struct bytes){out, DATE_TEXT};
}

/* --- integers --- */

/* A sign, digits: leading zeros are allowed, as in RedisTABLE (and as redis-benchmark writes its random numbers). */
static bool integer_parse(struct bytes text, int64_t *out)
{
    bool has_sign = text.len > 0 && (text.data[0] == '-' || text.data[0] == '+');
    bool is_negative = has_sign && text.data[0] == '-';
    int64_t number = 0;
    if (text.len == (has_sign ? 1u : 0u)) {
        return false;
    }
    for (size_t i = has_sign ? 1 : 0; i < text.len; i++) {
        int digit = text.data[i] - '0';
        if (digit < 0 || digit > 9 || __builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, is_negative ? -digit : digit, &number)) {
            return false;
        }
    }
    *out = number;
    return true;
}

/* --- values --- */

bool typed_value_parse(enum column_type type, struct bytes text, struct typed_value *out)
{
    struct typed_value value = {.is_null = false};
    bool is_good = false;
    switch (type) {
    case COLUMN_STRING:
        value.text = text;
        is_good = text.len <= TABLE_TEXT_MAX;
        break;
    case COLUMN_INTEGER:
        is_good = integer_parse(text, &value.integer);
        break;
    case COLUMN_FLOAT:
        is_good = double_parse(text, &value.number);
        break;
    case COLUMN_DATE:
        is_good = date_parse(text, &value.integer);
        break;
    case COLUMN_TYPE_COUNT:
        break;
    }
    if (is_good) {
        *out = value;
    }
    return is_good;
}

struct bytes typed_value_format(enum column_type type, const struct typed_value *value, char scratch[TYPED_VALUE_TEXT_MAX])
{
    assert(!value->is_null);
    switch (type) {
    case COLUMN_STRING:
        return value->text;
    case COLUMN_INTEGER:
        return (struct bytes){scratch, int64_format(value->integer, scratch)};
    case COLUMN_FLOAT:
        return (struct bytes){scratch, double_format_shortest(value->number, scratch)};
    default:
        assert(type == COLUMN_DATE);
        return date_format(value->integer, scratch);
    }
}

uint64_t typed_value_hash(const struct hash_secret *secret, enum column_type type, const struct typed_value *value)
{
    if (type == COLUMN_STRING) {
        return hash_bytes(secret, value->text);
    }
    struct typed_value plain = *value;
    if (type == COLUMN_FLOAT && plain.number == 0) {
        plain.number = 0; /* -0 */
    }
    return hash_bytes(secret, (struct bytes){(const char *)&plain.integer, sizeof plain.integer});
}

int typed_value_compare(enum column_type type, const struct typed_value *a, const struct typed_value *b)
{
    switch (type) {
    case COLUMN_STRING:
        return bytes_compare(a->text, b->text);
    case COLUMN_FLOAT:
        return (a->number > b->number) - (a->number < b->number);
    default:
        return (a->integer > b->integer) - (a->integer < b->integer);
    }
}

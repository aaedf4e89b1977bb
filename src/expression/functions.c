/* functions.c - see functions.h. Case is ASCII's, as in SQLite; characters are those of UTF-8.  */
#include "expression/functions.h"

#include "expression/decimal.h"
#include "base/moment.h"

#include <assert.h>
#include <math.h>

/* --- texts --- */

static enum expression_result run_case(const struct scalar *text, unsigned char first, struct arena *arena, struct scalar *out)
{
    char *copy = arena_copy(arena, scalar_text(text));
    if (copy == NULL) {
        return EXPRESSION_NO_MEMORY;
    }
    for (size_t i = 0; i < text->len; i++) {
        if ((unsigned char)((unsigned char)copy[i] - first) < 26) {
            copy[i] = (char)(copy[i] ^ 0x20);
        }
    }
    *out = scalar_bytes(SCALAR_STRING, (struct bytes){copy, text->len});
    return EXPRESSION_OK;
}

static enum expression_result run_lower(const struct scalar *arguments, uint32_t count, struct arena *arena, struct scalar *out)
{
    (void)count;
    return run_case(arguments, 'A', arena, out);
}

static enum expression_result run_upper(const struct scalar *arguments, uint32_t count, struct arena *arena, struct scalar *out)
{
    (void)count;
    return run_case(arguments, 'a', arena, out);
}

static bool is_continuation(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

static int64_t count_characters(struct bytes text)
{
    int64_t count = 0;
    for (size_t i = 0; i < text.len; i++) {
        count += !is_continuation(text.data[i]);
    }
    return count;
}

static enum expression_result run_length(const struct scalar *arguments, uint32_t count, struct arena *arena, struct scalar *out)
{
    (void)count;
    (void)arena;
    const struct bytes text = scalar_text(arguments);
    *out = scalar_integer(arguments->type == SCALAR_BLOB ? (int64_t)text.len : count_characters(text));
    return EXPRESSION_OK;
}

/* Where the character after `count` others begins, at most the text's end. */
static size_t skip_characters(struct bytes text, int64_t count)
{
    size_t at = 0;
    for (; count > 0 && at < text.len; count--) {
        do {
            at++;
        } while (at < text.len && is_continuation(text.data[at]));
    }
    return at;
}

static int64_t clamp(int64_t number)
{
    const int64_t far = INT64_C(1) << 40;
    return number < -far ? -far : number > far ? far : number;
}

/* SQLite's rules: from 1; a negative begin counts from the end; a negative length takes what stands before the begin. */
static enum expression_result run_substr(const struct scalar *arguments, uint32_t count, struct arena *arena, struct scalar *out)
{
    (void)arena;
    struct bytes text = scalar_text(arguments);
    const bool is_blob = arguments->type == SCALAR_BLOB;
    int64_t from = clamp(arguments[1].integer);
    int64_t len = count == 3 ? clamp(arguments[2].integer) : INT64_C(1) << 41;
    const bool is_backward = len < 0;
    len = is_backward ? -len : len;
    if (from < 0) {
        from += is_blob ? (int64_t)text.len : count_characters(text);
        if (from < 0) {
            len = len + from < 0 ? 0 : len + from;
            from = 0;
        }
    } else if (from > 0) {
        from--;
    } else if (len > 0) {
        len--;
    }
    if (is_backward) {
        from -= len;
        if (from < 0) {
            len += from;
            from = 0;
        }
    }
    size_t begin = is_blob ? (size_t)from : skip_characters(text, from);
    begin = begin < text.len ? begin : text.len;
    text = (struct bytes){text.data + begin, text.len - begin};
    const size_t end = is_blob ? (size_t)len : skip_characters(text, len);
    text.len = end < text.len ? end : text.len;
    *out = scalar_bytes(arguments->type, text);
    return EXPRESSION_OK;
}

static struct bytes trim(struct bytes text, bool at_begin, bool at_end)
{
    while (at_begin && text.len > 0 && text.data[0] == ' ') {
        text = (struct bytes){text.data + 1, text.len - 1};
    }
    while (at_end && text.len > 0 && text.data[text.len - 1] == ' ') {
        text.len--;
    }
    return text;
}

static enum expression_result run_trim(const struct scalar *arguments, uint32_t count, struct arena *arena, struct scalar *out)
{
    (void)count;
    (void)arena;
    *out = scalar_bytes(SCALAR_STRING, trim(scalar_text(arguments), true, true));
    return EXPRESSION_OK;
}

static enum expression_result run_ltrim(const struct scalar *arguments, uint32_t count, struct arena *arena, struct scalar *out)
{
    (void)count;
    (void)arena;
    *out = scalar_bytes(SCALAR_STRING, trim(scalar_text(arguments), true, false));
    return EXPRESSION_OK;
}

static enum expression_result run_rtrim(const struct scalar *arguments, uint32_t count, struct arena *arena, struct scalar *out)
{
    (void)count;
    (void)arena;
    *out = scalar_bytes(SCALAR_STRING, trim(scalar_text(arguments), false, true));
    return EXPRESSION_OK;
}

/* --- numbers --- */

static enum expression_result run_abs(const struct scalar *arguments, uint32_t count, struct arena *arena, struct scalar *out)
{
    (void)count;
    (void)arena;
    struct scalar result = *arguments;
    if (result.type == SCALAR_FLOAT) {
        result.number = fabs(result.number);
    } else if (result.integer == INT64_MIN) {
        return EXPRESSION_OVERFLOW;
    } else if (result.integer < 0) {
        result.integer = -result.integer;
    }
    *out = result;
    return EXPRESSION_OK;
}

/* With so many digits behind the point, half away from zero. A number that has no more digits is as it was. */
static double round_float(double number, int digits)
{
    const long double power = powl(10, digits);
    const long double scaled = number * power;
    return fabsl(scaled) >= 0x1p63L ? number : (double)(roundl(scaled) / power);
}

static enum expression_result run_round(const struct scalar *arguments, uint32_t count, struct arena *arena, struct scalar *out)
{
    (void)arena;
    const int64_t wanted = count == 2 ? arguments[1].integer : 0;
    const int digits = wanted < 0 ? 0 : wanted > 30 ? 30 : (int)wanted;
    switch (arguments->type) {
    case SCALAR_FLOAT:
        *out = scalar_float(round_float(arguments->number, digits));
        return EXPRESSION_OK;
    case SCALAR_DECIMAL:
        if (digits >= arguments->scale) {
            *out = *arguments;
            return EXPRESSION_OK;
        }
        return decimal_rescale(arguments, digits, out);
    default:
        *out = *arguments;
        return EXPRESSION_OK;
    }
}

static enum expression_result run_whole(const struct scalar *number, double (*of_float)(double), int direction, struct scalar *out)
{
    struct scalar result = *number;
    if (number->type == SCALAR_FLOAT) {
        result.number = of_float(number->number);
    } else if (number->type == SCALAR_DECIMAL) {
        int64_t whole = decimal_to_integer(number);
        if (decimal_compare_integer(number, whole) == direction) {
            whole += direction;
        }
        return decimal_of_integer(whole, out);
    }
    *out = result;
    return EXPRESSION_OK;
}

static enum expression_result run_floor(const struct scalar *arguments, uint32_t count, struct arena *arena, struct scalar *out)
{
    (void)count;
    (void)arena;
    return run_whole(arguments, floor, -1, out);
}

static enum expression_result run_ceil(const struct scalar *arguments, uint32_t count, struct arena *arena, struct scalar *out)
{
    (void)count;
    (void)arena;
    return run_whole(arguments, ceil, 1, out);
}

/* --- dates --- */

static enum expression_result run_part(const struct scalar *time, enum moment_part part, struct scalar *out)
{
    const int64_t us = time->type == SCALAR_DATE ? time->integer * MOMENT_DAY_US : time->integer;
    *out = scalar_integer(moment_part(us, part));
    return EXPRESSION_OK;
}

static enum expression_result run_year(const struct scalar *arguments, uint32_t count, struct arena *arena, struct scalar *out)
{
    (void)count;
    (void)arena;
    return run_part(arguments, MOMENT_YEAR, out);
}

static enum expression_result run_month(const struct scalar *arguments, uint32_t count, struct arena *arena, struct scalar *out)
{
    (void)count;
    (void)arena;
    return run_part(arguments, MOMENT_MONTH, out);
}

static enum expression_result run_day(const struct scalar *arguments, uint32_t count, struct arena *arena, struct scalar *out)
{
    (void)count;
    (void)arena;
    return run_part(arguments, MOMENT_DAY, out);
}

static enum expression_result run_hour(const struct scalar *arguments, uint32_t count, struct arena *arena, struct scalar *out)
{
    (void)count;
    (void)arena;
    return run_part(arguments, MOMENT_HOUR, out);
}

static enum expression_result run_minute(const struct scalar *arguments, uint32_t count, struct arena *arena, struct scalar *out)
{
    (void)count;
    (void)arena;
    return run_part(arguments, MOMENT_MINUTE, out);
}

static enum expression_result run_second(const struct scalar *arguments, uint32_t count, struct arena *arena, struct scalar *out)
{
    (void)count;
    (void)arena;
    return run_part(arguments, MOMENT_SECOND, out);
}

/* --- the table --- */

static const struct function functions[] = {
    {BYTES("lower"), 1, 1, {ARGUMENT_STRING}, SCALAR_STRING, run_lower},
    {BYTES("upper"), 1, 1, {ARGUMENT_STRING}, SCALAR_STRING, run_upper},
    {BYTES("length"), 1, 1, {ARGUMENT_BYTES}, SCALAR_INTEGER, run_length},
    {BYTES("substr"), 2, 3, {ARGUMENT_BYTES, ARGUMENT_INTEGER, ARGUMENT_INTEGER}, SCALAR_UNKNOWN, run_substr},
    {BYTES("substring"), 2, 3, {ARGUMENT_BYTES, ARGUMENT_INTEGER, ARGUMENT_INTEGER}, SCALAR_UNKNOWN, run_substr},
    {BYTES("trim"), 1, 1, {ARGUMENT_STRING}, SCALAR_STRING, run_trim},
    {BYTES("ltrim"), 1, 1, {ARGUMENT_STRING}, SCALAR_STRING, run_ltrim},
    {BYTES("rtrim"), 1, 1, {ARGUMENT_STRING}, SCALAR_STRING, run_rtrim},
    {BYTES("abs"), 1, 1, {ARGUMENT_NUMBER}, SCALAR_UNKNOWN, run_abs},
    {BYTES("round"), 1, 2, {ARGUMENT_NUMBER, ARGUMENT_INTEGER}, SCALAR_UNKNOWN, run_round},
    {BYTES("floor"), 1, 1, {ARGUMENT_NUMBER}, SCALAR_UNKNOWN, run_floor},
    {BYTES("ceil"), 1, 1, {ARGUMENT_NUMBER}, SCALAR_UNKNOWN, run_ceil},
    {BYTES("year"), 1, 1, {ARGUMENT_TIME}, SCALAR_INTEGER, run_year},
    {BYTES("month"), 1, 1, {ARGUMENT_TIME}, SCALAR_INTEGER, run_month},
    {BYTES("day"), 1, 1, {ARGUMENT_TIME}, SCALAR_INTEGER, run_day},
    {BYTES("hour"), 1, 1, {ARGUMENT_TIME}, SCALAR_INTEGER, run_hour},
    {BYTES("minute"), 1, 1, {ARGUMENT_TIME}, SCALAR_INTEGER, run_minute},
    {BYTES("second"), 1, 1, {ARGUMENT_TIME}, SCALAR_INTEGER, run_second},
};

const struct function *function_find(struct bytes name)
{
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        if (bytes_equal_ignore_case(name, functions[i].name)) {
            return &functions[i];
        }
    }
    return NULL;
}

const char *function_argument_name(enum function_argument argument)
{
    static const char *const names[] = {
        [ARGUMENT_STRING] = "a string", [ARGUMENT_BYTES] = "a string or a blob",  [ARGUMENT_NUMBER] = "a number",
        [ARGUMENT_INTEGER] = "an integer", [ARGUMENT_TIME] = "a date or a datetime",
    };
    assert(argument != ARGUMENT_NONE);
    return names[argument];
}

bool function_argument_takes(enum function_argument argument, enum scalar_type type)
{
    switch (argument) {
    case ARGUMENT_STRING:
        return type == SCALAR_STRING || type == SCALAR_NULL;
    case ARGUMENT_BYTES:
        return type == SCALAR_STRING || type == SCALAR_BLOB || type == SCALAR_NULL;
    case ARGUMENT_NUMBER:
        return scalar_is_number(type) || type == SCALAR_NULL;
    case ARGUMENT_INTEGER:
        return type == SCALAR_INTEGER || type == SCALAR_NULL;
    default:
        return scalar_is_time(type) || type == SCALAR_NULL;
    }
}

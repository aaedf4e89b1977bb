/* operand.c - see operand.h.  */
#include "query/operand.h"

#include <stddef.h>

enum {
    EXPONENT_MAX = 1000000, /* a bigger one is cut: no text is so long that it could tell them apart */
    DATE_TEXT = 10,
};

/* --- numbers beside integers --- */

/* Digits with a point in them, and an exponent: digits x 10^exponent, the point behind the first `whole` digits. */
struct decimal_text {
    struct bytes digits; /* with the point */
    int64_t whole;       /* digits before the point, the exponent counted in */
    bool is_negative;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* A sign or none, digits to the end. */
static bool exponent_read(struct bytes text, int64_t *exponent)
{
    const bool has_sign = text.len > 0 && (text.data[0] == '-' || text.data[0] == '+');
    int64_t number = 0;
    for (size_t i = has_sign ? 1 : 0; i < text.len; i++) {
        if (!is_digit(text.data[i])) {
            return false;
        }
        number = number < EXPONENT_MAX ? number * 10 + (text.data[i] - '0') : number;
    }
    *exponent = has_sign && text.data[0] == '-' ? -number : number;
    return text.len > (has_sign ? 1u : 0u);
}

static bool decimal_split(struct bytes text, struct decimal_text *out)
{
    size_t at = text.len > 0 && (text.data[0] == '-' || text.data[0] == '+') ? 1 : 0;
    const size_t begin = at;
    size_t digits = 0;
    int64_t before_point = -1;
    int64_t exponent = 0;
    for (; at < text.len && (is_digit(text.data[at]) || (text.data[at] == '.' && before_point < 0)); at++) {
        if (text.data[at] == '.') {
            before_point = (int64_t)digits;
        } else {
            digits++;
        }
    }
    out->digits = (struct bytes){text.data + begin, at - begin};
    out->is_negative = begin > 0 && text.data[0] == '-';
    const bool has_exponent = at < text.len && (text.data[at] == 'e' || text.data[at] == 'E');
    if (has_exponent && !exponent_read((struct bytes){text.data + at + 1, text.len - at - 1}, &exponent)) {
        return false;
    }
    out->whole = (before_point < 0 ? (int64_t)digits : before_point) + exponent;
    return digits > 0 && (has_exponent || at == text.len);
}

/* The integer at or below the number, and whether it is above that. */
static struct operand integer_place(const struct decimal_text *decimal)
{
    const uint64_t limit = (uint64_t)INT64_MAX + 1;
    uint64_t whole = 0;
    bool has_fraction = false;
    bool is_huge = false;
    int64_t place = 0;
    for (size_t i = 0; i < decimal->digits.len; i++) {
        const char c = decimal->digits.data[i];
        if (c != '.' && place++ < decimal->whole) {
            is_huge = is_huge || __builtin_mul_overflow(whole, 10u, &whole) || __builtin_add_overflow(whole, (uint64_t)(c - '0'), &whole);
        } else if (c != '.' && c != '0') {
            has_fraction = true;
        }
    }
    for (; place < decimal->whole && whole != 0 && !is_huge; place++) {
        is_huge = __builtin_mul_overflow(whole, 10u, &whole);
    }
    if (decimal->is_negative) {
        if (is_huge || whole > limit || (whole == limit && has_fraction)) {
            return (struct operand){.value = {.integer = INT64_MIN}, .side = -1};
        }
        const int64_t number = whole == limit ? INT64_MIN : -(int64_t)whole;
        return (struct operand){.value = {.integer = number - (has_fraction ? 1 : 0)}, .side = has_fraction ? 1 : 0};
    }
    if (is_huge || whole >= limit) {
        return (struct operand){.value = {.integer = INT64_MAX}, .side = 1};
    }
    return (struct operand){.value = {.integer = (int64_t)whole}, .side = has_fraction ? 1 : 0};
}

/* --- months and years beside dates --- */

static bool period_parse(struct bytes text, struct operand *out)
{
    static const char first[] = "0000-01-01";
    enum { YEAR = 4, MONTH = 7 };
    char day[DATE_TEXT];
    if (text.len != YEAR && text.len != MONTH) {
        return false;
    }
    memcpy(day, text.data, text.len);
    memcpy(day + text.len, first + text.len, DATE_TEXT - text.len);
    return typed_value_parse((struct column_form){.type = COLUMN_DATE}, (struct bytes){day, sizeof day}, &out->value);
}

bool operand_parse(struct column_form form, struct bytes text, bool is_order, struct operand *out)
{
    struct decimal_text decimal;
    out->side = 0;
    if (typed_value_parse(form, text, &out->value)) {
        return true;
    }
    if (form.type == COLUMN_INTEGER && decimal_split(text, &decimal)) {
        *out = integer_place(&decimal);
        return true;
    }
    return form.type == COLUMN_DATE && is_order && period_parse(text, out);
}

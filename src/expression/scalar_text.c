/* scalar_text.c - see scalar_text.h.  */
#include "expression/scalar_text.h"

#include "base/float_text.h"
#include "base/number.h"
#include "expression/decimal.h"
#include "expression/json.h"
#include "expression/moment.h"

#include <assert.h>

_Static_assert((int)FLOAT_TEXT_MAX <= (int)SCALAR_TEXT_MAX && (int)DECIMAL_TEXT_MAX <= (int)SCALAR_TEXT_MAX, "every text fits");

enum { UUID_TEXT = 36 };

/* Leading zeros and a plus are allowed, as in tables. */
static bool integer_parse(struct bytes text, int64_t *out)
{
    const bool has_sign = text.len > 0 && (text.data[0] == '-' || text.data[0] == '+');
    const bool is_negative = has_sign && text.data[0] == '-';
    int64_t number = 0;
    if (text.len == (has_sign ? 1u : 0u)) {
        return false;
    }
    for (size_t i = has_sign ? 1 : 0; i < text.len; i++) {
        const int digit = text.data[i] - '0';
        if (digit < 0 || digit > 9 || __builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, is_negative ? -digit : digit, &number)) {
            return false;
        }
    }
    *out = number;
    return true;
}

static bool boolean_parse(struct bytes text, int64_t *out)
{
    const bool is_true = bytes_equal_ignore_case(text, BYTES("true")) || bytes_equal(text, BYTES("1"));
    if (!is_true && !bytes_equal_ignore_case(text, BYTES("false")) && !bytes_equal(text, BYTES("0"))) {
        return false;
    }
    *out = is_true;
    return true;
}

static int hex_value(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : -1;
}

static bool is_hyphen_at(size_t i)
{
    return i == 8 || i == 13 || i == 18 || i == 23;
}

static bool uuid_parse(struct bytes text, char out[UUID_BYTES])
{
    const bool has_hyphens = text.len == UUID_TEXT;
    size_t digits = 0;
    if (!has_hyphens && text.len != 2 * UUID_BYTES) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (has_hyphens && is_hyphen_at(i)) {
            if (text.data[i] != '-') {
                return false;
            }
            continue;
        }
        const int digit = hex_value(text.data[i]);
        if (digit < 0) {
            return false;
        }
        out[digits / 2] = (char)(digits % 2 == 0 ? digit << 4 : (unsigned char)out[digits / 2] | digit);
        digits++;
    }
    return true;
}

static enum expression_result uuid_value(struct bytes text, struct arena *arena, struct scalar *out)
{
    char bytes[UUID_BYTES];
    if (!uuid_parse(text, bytes)) {
        return EXPRESSION_BAD_TEXT;
    }
    char *copy = arena_copy(arena, (struct bytes){bytes, UUID_BYTES});
    if (copy == NULL) {
        return EXPRESSION_NO_MEMORY;
    }
    *out = scalar_bytes(SCALAR_UUID, (struct bytes){copy, UUID_BYTES});
    return EXPRESSION_OK;
}

enum expression_result scalar_parse(enum scalar_type type, struct bytes text, struct arena *arena, struct scalar *out)
{
    struct scalar value = {.type = (uint8_t)type};
    bool is_good = false;
    if (text.len > SCALAR_TEXT_BYTES_MAX) {
        return EXPRESSION_TOO_LONG;
    }
    switch (type) {
    case SCALAR_STRING:
    case SCALAR_BLOB:
        value = scalar_bytes(type, text);
        is_good = true;
        break;
    case SCALAR_JSON:
        value = scalar_bytes(type, text);
        is_good = json_is_valid(scalar_text(&value));
        break;
    case SCALAR_BOOLEAN:
        is_good = boolean_parse(text, &value.integer);
        break;
    case SCALAR_NUMBER:
        value.type = SCALAR_INTEGER;
        is_good = integer_parse(text, &value.integer);
        if (!is_good) {
            value.type = SCALAR_FLOAT;
            is_good = double_parse(text, &value.number);
        }
        break;
    case SCALAR_INTEGER:
        is_good = integer_parse(text, &value.integer);
        break;
    case SCALAR_FLOAT:
        is_good = double_parse(text, &value.number);
        break;
    case SCALAR_DECIMAL:
        is_good = decimal_parse(text, &value);
        break;
    case SCALAR_DATE:
        is_good = date_text_parse(text, &value.integer);
        break;
    case SCALAR_DATETIME:
        is_good = moment_parse(text, &value.integer);
        break;
    case SCALAR_UUID:
        return uuid_value(text, arena, out);
    default:
        assert(false);
    }
    if (!is_good) {
        return EXPRESSION_BAD_TEXT;
    }
    *out = value;
    return EXPRESSION_OK;
}

static size_t uuid_format(const char *bytes, char out[UUID_TEXT])
{
    static const char digits[] = "0123456789abcdef";
    size_t at = 0;
    for (size_t i = 0; i < UUID_BYTES; i++) {
        if (is_hyphen_at(at)) {
            out[at++] = '-';
        }
        out[at++] = digits[(unsigned char)bytes[i] >> 4];
        out[at++] = digits[(unsigned char)bytes[i] & 15];
    }
    return at;
}

struct bytes scalar_format(const struct scalar *scalar, char scratch[SCALAR_TEXT_MAX])
{
    switch (scalar->type) {
    case SCALAR_NULL:
        return (struct bytes){scratch, 0};
    case SCALAR_BOOLEAN:
        return scalar->integer != 0 ? BYTES("true") : BYTES("false");
    case SCALAR_INTEGER:
        return (struct bytes){scratch, int64_format(scalar->integer, scratch)};
    case SCALAR_FLOAT:
        return (struct bytes){scratch, double_format_shortest(scalar->number, scratch)};
    case SCALAR_DECIMAL:
        return (struct bytes){scratch, decimal_format(scalar, scratch)};
    case SCALAR_DATE:
        return (struct bytes){scratch, date_text_format(scalar->integer, scratch)};
    case SCALAR_DATETIME:
        return (struct bytes){scratch, moment_format(scalar->integer, scratch)};
    case SCALAR_UUID:
        return (struct bytes){scratch, uuid_format(scalar->data, scratch)};
    default:
        assert(scalar->type == SCALAR_STRING || scalar->type == SCALAR_BLOB || scalar->type == SCALAR_JSON);
        return scalar_text(scalar);
    }
}

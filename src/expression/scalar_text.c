/* scalar_text.c - see scalar_text.h.  */
#include "expression/scalar_text.h"

#include "base/float_text.h"
#include "base/number.h"
#include "base/uuid.h"
#include "expression/decimal.h"
#include "base/json.h"
#include "base/moment.h"

#include <assert.h>

_Static_assert((int)FLOAT_TEXT_MAX <= (int)SCALAR_TEXT_MAX && (int)DECIMAL_TEXT_MAX <= (int)SCALAR_TEXT_MAX, "every text fits");

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
        is_good = int64_parse_loose(text, &value.integer);
        if (!is_good) {
            value.type = SCALAR_FLOAT;
            is_good = double_parse(text, &value.number);
        }
        break;
    case SCALAR_INTEGER:
        is_good = int64_parse_loose(text, &value.integer);
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

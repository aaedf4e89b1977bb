/* cast.c - see cast.h.  */
#include "expression/cast.h"

#include "expression/arithmetic.h"
#include "expression/compare.h"
#include "expression/decimal.h"
#include "base/moment.h"
#include "expression/scalar_text.h"

#include <assert.h>
#include <math.h>

#define BIT(type) (1u << (type))

bool cast_is_possible(enum scalar_type from, enum scalar_type to)
{
    static const unsigned sources[SCALAR_TYPE_COUNT] = {
        [SCALAR_BOOLEAN] = BIT(SCALAR_INTEGER) | BIT(SCALAR_STRING),
        [SCALAR_INTEGER] = BIT(SCALAR_FLOAT) | BIT(SCALAR_DECIMAL) | BIT(SCALAR_BOOLEAN) | BIT(SCALAR_STRING) | BIT(SCALAR_NUMBER),
        [SCALAR_FLOAT] = BIT(SCALAR_INTEGER) | BIT(SCALAR_DECIMAL) | BIT(SCALAR_STRING) | BIT(SCALAR_NUMBER),
        [SCALAR_DECIMAL] = BIT(SCALAR_INTEGER) | BIT(SCALAR_FLOAT) | BIT(SCALAR_STRING) | BIT(SCALAR_NUMBER),
        [SCALAR_STRING] = ~0u,
        [SCALAR_BLOB] = BIT(SCALAR_STRING),
        [SCALAR_DATE] = BIT(SCALAR_DATETIME) | BIT(SCALAR_STRING),
        [SCALAR_DATETIME] = BIT(SCALAR_DATE) | BIT(SCALAR_STRING),
        [SCALAR_UUID] = BIT(SCALAR_STRING) | BIT(SCALAR_BLOB),
        [SCALAR_JSON] = BIT(SCALAR_STRING),
    };
    return from == to || from == SCALAR_NULL || (sources[to] & BIT(from)) != 0;
}

static enum expression_result to_integer(const struct scalar *in, bool is_exact, struct scalar *out)
{
    if (in->type == SCALAR_FLOAT) {
        if (!(in->number < 0x1p63 && in->number >= -0x1p63)) {
            return EXPRESSION_OVERFLOW;
        }
        *out = scalar_integer((int64_t)in->number);
    } else {
        *out = scalar_integer(in->type == SCALAR_DECIMAL ? decimal_to_integer(in) : in->integer);
    }
    return is_exact && scalar_compare(in, out) != 0 ? EXPRESSION_NOT_WHOLE : EXPRESSION_OK;
}

static enum expression_result to_decimal(const struct scalar *in, struct scalar *out)
{
    switch (in->type) {
    case SCALAR_INTEGER:
        return decimal_of_integer(in->integer, out);
    case SCALAR_FLOAT:
        return decimal_of_float(in->number, out);
    default:
        *out = *in;
        return EXPRESSION_OK;
    }
}

static enum expression_result to_string(const struct scalar *in, struct arena *arena, struct scalar *out)
{
    char scratch[SCALAR_TEXT_MAX];
    struct bytes text = scalar_format(in, scratch);
    if (text.data == scratch) {
        char *copy = arena_copy(arena, text);
        if (copy == NULL) {
            return EXPRESSION_NO_MEMORY;
        }
        text.data = copy;
    }
    *out = scalar_bytes(SCALAR_STRING, text);
    return EXPRESSION_OK;
}

/* Neither null nor of the type that is wanted. */
static enum expression_result convert(const struct scalar *in, struct cast_target target, struct arena *arena, struct scalar *out)
{
    const enum scalar_type to = target.type;
    if (to == SCALAR_STRING) {
        return to_string(in, arena, out);
    }
    if (in->type == SCALAR_STRING) {
        return scalar_parse(to, scalar_text(in), arena, out);
    }
    switch (to) {
    case SCALAR_BOOLEAN:
        *out = scalar_boolean(in->integer != 0);
        return EXPRESSION_OK;
    case SCALAR_INTEGER:
        return to_integer(in, target.scale == 0 && in->type != SCALAR_BOOLEAN, out);
    case SCALAR_FLOAT:
        *out = scalar_float(number_to_float(in));
        return EXPRESSION_OK;
    case SCALAR_DECIMAL:
        return to_decimal(in, out);
    case SCALAR_DATE:
        *out = (struct scalar){.type = SCALAR_DATE, .integer = moment_days(in->integer)};
        return EXPRESSION_OK;
    case SCALAR_DATETIME:
        *out = (struct scalar){.type = SCALAR_DATETIME, .integer = in->integer * MOMENT_DAY_US};
        return EXPRESSION_OK;
    default:
        assert(to == SCALAR_UUID && in->type == SCALAR_BLOB);
        *out = scalar_bytes(SCALAR_UUID, scalar_text(in));
        return in->len == UUID_BYTES ? EXPRESSION_OK : EXPRESSION_BAD_TEXT;
    }
}

/* The decimal as decimal(precision, scale). */
static enum expression_result fit_decimal(struct scalar *decimal, struct cast_target to)
{
    if (to.scale >= 0) {
        const enum expression_result result = decimal_rescale(decimal, to.scale, decimal);
        if (result != EXPRESSION_OK) {
            return result;
        }
    }
    int64_t limit = 1;
    for (int i = 0; i < to.precision && i < SCALAR_SCALE_MAX; i++) {
        limit *= 10;
    }
    return to.precision >= 0 && (decimal->integer >= limit || decimal->integer <= -limit) ? EXPRESSION_OVERFLOW : EXPRESSION_OK;
}

enum expression_result cast_apply(const struct scalar *in, struct cast_target to, struct arena *arena, struct scalar *out)
{
    struct scalar value = *in;
    enum expression_result result = EXPRESSION_OK;
    if (in->type != SCALAR_NULL && in->type != to.type) {
        result = convert(in, to, arena, &value);
    }
    if (result == EXPRESSION_OK && value.type == SCALAR_DECIMAL) {
        result = fit_decimal(&value, to);
    }
    if (result == EXPRESSION_OK) {
        *out = value;
    }
    return result;
}

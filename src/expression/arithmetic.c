/* arithmetic.c - see arithmetic.h.  */
#include "expression/arithmetic.h"

#include "expression/decimal.h"

#include <assert.h>
#include <math.h>

static enum expression_result apply_integers(enum arithmetic which, int64_t a, int64_t b, struct scalar *out)
{
    int64_t result = 0;
    bool is_over = false;
    switch (which) {
    case ARITHMETIC_ADD:
        is_over = __builtin_add_overflow(a, b, &result);
        break;
    case ARITHMETIC_SUBTRACT:
        is_over = __builtin_sub_overflow(a, b, &result);
        break;
    case ARITHMETIC_MULTIPLY:
        is_over = __builtin_mul_overflow(a, b, &result);
        break;
    default:
        if (b == 0) {
            return EXPRESSION_DIVISION_BY_ZERO;
        }
        if (b == -1) { /* the processor cannot do it with the smallest number */
            is_over = which == ARITHMETIC_DIVIDE && a == INT64_MIN;
            result = which == ARITHMETIC_DIVIDE && !is_over ? -a : 0;
            break;
        }
        result = which == ARITHMETIC_DIVIDE ? a / b : a % b;
        break;
    }
    if (is_over) {
        return EXPRESSION_OVERFLOW;
    }
    *out = scalar_integer(result);
    return EXPRESSION_OK;
}

static enum expression_result apply_floats(enum arithmetic which, double a, double b, struct scalar *out)
{
    double result;
    switch (which) {
    case ARITHMETIC_ADD:
        result = a + b;
        break;
    case ARITHMETIC_SUBTRACT:
        result = a - b;
        break;
    case ARITHMETIC_MULTIPLY:
        result = a * b;
        break;
    default:
        if (b == 0) {
            return EXPRESSION_DIVISION_BY_ZERO;
        }
        if (which == ARITHMETIC_REMAINDER) {
            return EXPRESSION_BAD_ARGUMENT; /* a parameter turned out to be a float */
        }
        result = a / b;
        break;
    }
    if (!isfinite(result)) {
        return EXPRESSION_OVERFLOW;
    }
    *out = scalar_float(result);
    return EXPRESSION_OK;
}

static enum expression_result apply_decimals(enum arithmetic which, const struct scalar *a, const struct scalar *b, struct scalar *out)
{
    switch (which) {
    case ARITHMETIC_ADD:
        return decimal_add(a, b, 1, out);
    case ARITHMETIC_SUBTRACT:
        return decimal_add(a, b, -1, out);
    case ARITHMETIC_MULTIPLY:
        return decimal_multiply(a, b, out);
    case ARITHMETIC_DIVIDE:
        return decimal_divide(a, b, out);
    default:
        return decimal_remainder(a, b, out);
    }
}

double number_to_float(const struct scalar *number)
{
    switch (number->type) {
    case SCALAR_INTEGER:
        return (double)number->integer;
    case SCALAR_FLOAT:
        return number->number;
    default:
        assert(number->type == SCALAR_DECIMAL);
        return decimal_to_float(number);
    }
}

static enum expression_result to_decimal(const struct scalar *number, struct scalar *out)
{
    if (number->type == SCALAR_INTEGER) {
        return decimal_of_integer(number->integer, out);
    }
    *out = *number;
    return EXPRESSION_OK;
}

enum expression_result arithmetic_apply(enum arithmetic which, const struct scalar *a, const struct scalar *b, struct scalar *out)
{
    if (a->type == SCALAR_INTEGER && b->type == SCALAR_INTEGER) {
        return apply_integers(which, a->integer, b->integer, out);
    }
    if (a->type == SCALAR_FLOAT || b->type == SCALAR_FLOAT) {
        return apply_floats(which, number_to_float(a), number_to_float(b), out);
    }
    struct scalar left;
    struct scalar right;
    enum expression_result result = to_decimal(a, &left);
    if (result == EXPRESSION_OK) {
        result = to_decimal(b, &right);
    }
    return result == EXPRESSION_OK ? apply_decimals(which, &left, &right, out) : result;
}

enum expression_result arithmetic_negate(const struct scalar *a, struct scalar *out)
{
    if (a->type == SCALAR_FLOAT) {
        *out = scalar_float(-a->number);
        return EXPRESSION_OK;
    }
    if (a->integer == INT64_MIN) {
        return EXPRESSION_OVERFLOW;
    }
    struct scalar result = *a;
    result.integer = -a->integer;
    *out = result;
    return EXPRESSION_OK;
}

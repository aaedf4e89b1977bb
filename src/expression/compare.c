/* compare.c - see compare.h.  */
#include "expression/compare.h"

#include "expression/decimal.h"
#include "base/moment.h"

#include <assert.h>
#include <math.h>

bool scalar_types_compare(enum scalar_type a, enum scalar_type b)
{
    return a == b || a == SCALAR_NULL || b == SCALAR_NULL || (scalar_is_number(a) && scalar_is_number(b)) ||
           (scalar_is_time(a) && scalar_is_time(b));
}

static int order_integers(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int order_floats(double a, double b)
{
    return (a > b) - (a < b);
}

static int integer_with_float(int64_t integer, double number)
{
    if (number >= 0x1p63) {
        return -1;
    }
    if (number < -0x1p63) {
        return 1;
    }
    const int64_t whole = (int64_t)number; /* towards zero */
    return integer != whole ? order_integers(integer, whole) : order_floats(0, number - (double)whole);
}

/* Numbers of two types. */
static int compare_mixed(const struct scalar *a, const struct scalar *b)
{
    if (a->type > b->type) {
        return -compare_mixed(b, a); /* once: integer before float before decimal */
    }
    if (b->type == SCALAR_FLOAT) {
        return integer_with_float(a->integer, b->number);
    }
    assert(b->type == SCALAR_DECIMAL);
    return a->type == SCALAR_INTEGER ? -decimal_compare_integer(b, a->integer) : -decimal_compare_float(b, a->number);
}

static int64_t moment_of(const struct scalar *scalar)
{
    return scalar->type == SCALAR_DATE ? scalar->integer * MOMENT_DAY_US : scalar->integer;
}

int scalar_compare(const struct scalar *a, const struct scalar *b)
{
    debug_assert(scalar_types_compare(a->type, b->type));
    if (a->type != b->type) {
        return scalar_is_time(a->type) ? order_integers(moment_of(a), moment_of(b)) : compare_mixed(a, b);
    }
    switch (a->type) {
    case SCALAR_BOOLEAN:
    case SCALAR_INTEGER:
    case SCALAR_DATE:
    case SCALAR_DATETIME:
        return order_integers(a->integer, b->integer);
    case SCALAR_FLOAT:
        return order_floats(a->number, b->number);
    case SCALAR_DECIMAL:
        return decimal_compare(a, b);
    default:
        return bytes_compare(scalar_text(a), scalar_text(b));
    }
}

int scalar_order(const struct scalar *a, const struct scalar *b)
{
    if (a->type == SCALAR_NULL || b->type == SCALAR_NULL) {
        return (a->type != SCALAR_NULL) - (b->type != SCALAR_NULL);
    }
    return scalar_compare(a, b);
}

static uint64_t hash_integer(const struct hash_secret *secret, int64_t integer)
{
    return hash_bytes(secret, (struct bytes){(const char *)&integer, sizeof integer});
}

/* Whole numbers of 64 bits hash as integers, all others as floats. */
static uint64_t hash_float(const struct hash_secret *secret, double number)
{
    if (number == rint(number) && number >= -0x1p63 && number < 0x1p63) {
        return hash_integer(secret, (int64_t)number);
    }
    return hash_bytes(secret, (struct bytes){(const char *)&number, sizeof number});
}

static uint64_t hash_decimal(const struct hash_secret *secret, const struct scalar *decimal)
{
    const int64_t whole = decimal_to_integer(decimal);
    return decimal_compare_integer(decimal, whole) == 0 ? hash_integer(secret, whole) : hash_float(secret, decimal_to_float(decimal));
}

uint64_t scalar_hash(const struct hash_secret *secret, const struct scalar *scalar)
{
    switch (scalar->type) {
    case SCALAR_NULL:
        return hash_bytes(secret, (struct bytes){"", 0});
    case SCALAR_BOOLEAN:
    case SCALAR_INTEGER:
        return hash_integer(secret, scalar->integer);
    case SCALAR_DATE:
    case SCALAR_DATETIME:
        return hash_integer(secret, moment_of(scalar));
    case SCALAR_FLOAT:
        return hash_float(secret, scalar->number);
    case SCALAR_DECIMAL:
        return hash_decimal(secret, scalar);
    default:
        return hash_bytes(secret, scalar_text(scalar));
    }
}

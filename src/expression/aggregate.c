/* aggregate.c - see aggregate.h.  */
#include "expression/aggregate.h"

#include "expression/arithmetic.h"
#include "expression/compare.h"
#include "expression/decimal.h"

#include <assert.h>
#include <math.h>

enum { TEXT_MIN = 64 };

void aggregate_begin(struct aggregate *aggregate, enum aggregate_kind kind, bool is_distinct, struct arena *arena,
                     const struct hash_secret *secret)
{
    *aggregate = (struct aggregate){
        .kind = (uint8_t)kind, .is_distinct = is_distinct && kind < AGGREGATE_MIN, .extreme = scalar_null(), .arena = arena};
    value_set_begin(&aggregate->values, arena, secret);
}

/* Neumaier's sum: what is lost of the smaller one is kept apart. */
static void add_float(struct aggregate *aggregate, double number)
{
    const double sum = aggregate->float_total + number;
    if (fabs(aggregate->float_total) >= fabs(number)) {
        aggregate->compensation += aggregate->float_total - sum + number;
    } else {
        aggregate->compensation += number - sum + aggregate->float_total;
    }
    aggregate->float_total = sum;
}

static enum expression_result add_exact(struct aggregate *aggregate, __int128 total, uint8_t scale)
{
    for (; aggregate->scale < scale; aggregate->scale++) {
        if (__builtin_mul_overflow(aggregate->total, 10, &aggregate->total)) {
            return EXPRESSION_OVERFLOW;
        }
    }
    for (; scale < aggregate->scale; scale++) {
        if (__builtin_mul_overflow(total, 10, &total)) {
            return EXPRESSION_OVERFLOW;
        }
    }
    return __builtin_add_overflow(aggregate->total, total, &aggregate->total) ? EXPRESSION_OVERFLOW : EXPRESSION_OK;
}

static enum expression_result add_number(struct aggregate *aggregate, const struct scalar *value)
{
    switch (value->type) {
    case SCALAR_FLOAT:
        aggregate->has_float = true;
        add_float(aggregate, value->number);
        return EXPRESSION_OK;
    case SCALAR_DECIMAL:
        aggregate->has_decimal = true;
        return add_exact(aggregate, value->integer, value->scale);
    default:
        assert(value->type == SCALAR_INTEGER);
        return add_exact(aggregate, value->integer, 0);
    }
}

/* The value is the least or greatest so far: its text is copied, into the room of the one before if it fits. */
static enum expression_result keep_extreme(struct aggregate *aggregate, const struct scalar *value)
{
    struct scalar kept = *value;
    if (scalar_has_text(value)) {
        if (value->len > aggregate->text_capacity) {
            const size_t capacity = value->len < TEXT_MIN ? TEXT_MIN : (size_t)value->len * 2;
            char *text = arena_alloc(aggregate->arena, capacity);
            if (text == NULL) {
                return EXPRESSION_NO_MEMORY;
            }
            aggregate->text = text;
            aggregate->text_capacity = capacity;
        }
        if (value->len > 0) {
            memcpy(aggregate->text, value->data, value->len);
        }
        kept = scalar_bytes(value->type, (struct bytes){aggregate->text, value->len});
    }
    aggregate->extreme = kept;
    return EXPRESSION_OK;
}

static enum expression_result add_extreme(struct aggregate *aggregate, const struct scalar *value)
{
    const bool is_first = aggregate->extreme.type == SCALAR_NULL;
    const int order = is_first ? 0 : scalar_compare(value, &aggregate->extreme);
    const bool is_beyond = aggregate->kind == AGGREGATE_MIN ? order < 0 : order > 0;
    return is_first || is_beyond ? keep_extreme(aggregate, value) : EXPRESSION_OK;
}

enum expression_result aggregate_add(struct aggregate *aggregate, const struct scalar *value)
{
    if (value->type == SCALAR_NULL) {
        return EXPRESSION_OK;
    }
    if (aggregate->is_distinct) {
        bool is_new;
        const enum expression_result result = value_set_add(&aggregate->values, value, &is_new);
        if (result != EXPRESSION_OK || !is_new) {
            return result;
        }
    }
    aggregate->count++;
    switch (aggregate->kind) {
    case AGGREGATE_COUNT:
        return EXPRESSION_OK;
    case AGGREGATE_SUM:
    case AGGREGATE_AVG:
        return add_number(aggregate, value);
    default:
        return add_extreme(aggregate, value);
    }
}

enum expression_result aggregate_add_integer(struct aggregate *aggregate, enum scalar_type type, uint8_t scale, int64_t number)
{
    const bool is_sum = aggregate->kind == AGGREGATE_SUM || aggregate->kind == AGGREGATE_AVG;
    assert(!aggregate->is_distinct);
    if (LIKELY(is_sum && aggregate->scale == scale)) {
        aggregate->count++;
        aggregate->has_decimal = type == SCALAR_DECIMAL;
        return __builtin_add_overflow(aggregate->total, number, &aggregate->total) ? EXPRESSION_OVERFLOW : EXPRESSION_OK;
    }
    const struct scalar *extreme = &aggregate->extreme;
    if (!is_sum && extreme->type == type && (aggregate->kind == AGGREGATE_MIN ? number >= extreme->integer : number <= extreme->integer)) {
        aggregate->count++;
        return EXPRESSION_OK;
    }
    return aggregate_add(aggregate, &(struct scalar){.type = (uint8_t)type, .scale = scale, .integer = number});
}

enum expression_result aggregate_merge(struct aggregate *into, const struct aggregate *from)
{
    assert(into->kind == from->kind && into->is_distinct == from->is_distinct);
    if (from->is_distinct) {
        uint64_t at = 0;
        const struct scalar *value;
        while ((value = value_set_next(&from->values, &at)) != NULL) {
            const enum expression_result result = aggregate_add(into, value);
            if (result != EXPRESSION_OK) {
                return result;
            }
        }
        return EXPRESSION_OK;
    }
    into->count += from->count;
    into->has_float = into->has_float || from->has_float;
    into->has_decimal = into->has_decimal || from->has_decimal;
    add_float(into, from->float_total);
    into->compensation += from->compensation;
    if (from->extreme.type != SCALAR_NULL) {
        return add_extreme(into, &from->extreme);
    }
    return add_exact(into, from->total, from->scale);
}

static enum expression_result finish_float(double number, struct scalar *out)
{
    if (!isfinite(number)) {
        return EXPRESSION_OVERFLOW;
    }
    *out = scalar_float(number);
    return EXPRESSION_OK;
}

static double exact_as_float(const struct aggregate *aggregate)
{
    return (double)((long double)aggregate->total / powl(10, aggregate->scale));
}

static enum expression_result finish_sum(const struct aggregate *aggregate, struct scalar *out)
{
    if (aggregate->has_float) {
        return finish_float(aggregate->float_total + aggregate->compensation + exact_as_float(aggregate), out);
    }
    if (aggregate->has_decimal) {
        return decimal_fit(aggregate->total, aggregate->scale, false, out);
    }
    if (aggregate->total > INT64_MAX || aggregate->total < INT64_MIN) {
        return EXPRESSION_OVERFLOW;
    }
    *out = scalar_integer((int64_t)aggregate->total);
    return EXPRESSION_OK;
}

static enum expression_result finish_average(const struct aggregate *aggregate, struct scalar *out)
{
    struct scalar sum;
    struct scalar count;
    if (aggregate->has_float || !aggregate->has_decimal) {
        const double total = aggregate->float_total + aggregate->compensation + exact_as_float(aggregate);
        return finish_float(total / (double)aggregate->count, out);
    }
    enum expression_result result = decimal_fit(aggregate->total, aggregate->scale, false, &sum);
    if (result == EXPRESSION_OK) {
        result = decimal_of_integer(aggregate->count, &count);
    }
    return result == EXPRESSION_OK ? decimal_divide(&sum, &count, out) : result;
}

enum expression_result aggregate_finish(const struct aggregate *aggregate, struct scalar *out)
{
    if (aggregate->kind == AGGREGATE_COUNT) {
        *out = scalar_integer(aggregate->count);
        return EXPRESSION_OK;
    }
    if (aggregate->count == 0) {
        *out = scalar_null();
        return EXPRESSION_OK;
    }
    switch (aggregate->kind) {
    case AGGREGATE_SUM:
        return finish_sum(aggregate, out);
    case AGGREGATE_AVG:
        return finish_average(aggregate, out);
    default:
        *out = aggregate->extreme;
        return EXPRESSION_OK;
    }
}

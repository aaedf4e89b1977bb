/* aggregate_kind.c - see aggregate_kind.h.  */
#include "expression/aggregate_kind.h"

#include <stddef.h>

bool aggregate_kind_find(struct bytes name, enum aggregate_kind *out)
{
    static const struct bytes names[] = {[AGGREGATE_COUNT] = BYTES("count"), [AGGREGATE_SUM] = BYTES("sum"), [AGGREGATE_AVG] = BYTES("avg"),
                                         [AGGREGATE_MIN] = BYTES("min"), [AGGREGATE_MAX] = BYTES("max")};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (bytes_equal_ignore_case(name, names[i])) {
            *out = (enum aggregate_kind)i;
            return true;
        }
    }
    return false;
}

enum scalar_type aggregate_result_type(enum aggregate_kind kind, enum scalar_type argument)
{
    const bool is_number = scalar_is_number(argument) || argument == SCALAR_NULL;
    switch (kind) {
    case AGGREGATE_COUNT:
        return SCALAR_INTEGER;
    case AGGREGATE_SUM:
        return is_number ? argument : SCALAR_UNKNOWN;
    case AGGREGATE_AVG:
        return !is_number ? SCALAR_UNKNOWN : argument == SCALAR_DECIMAL ? SCALAR_DECIMAL : SCALAR_FLOAT;
    default:
        return argument;
    }
}

/* cast.h - CAST: a value becomes one of another type, or the row's error says why not.
 *
 *     to        from
 *     integer   float, decimal: cut off towards zero; boolean: 1, 0; string: an integer's text, all of it
 *     float     integer, decimal, string
 *     decimal   integer, float (its shortest text), string; with a scale: rounded to it, half away from zero
 *     boolean   integer: all but 0 is true; string: true, false, 1, 0
 *     string    everything, as it is shown
 *     blob      string: its bytes
 *     date      datetime: its day in UTC; string
 *     datetime  date: its first moment; string
 *     uuid      string; blob of 16 bytes
 *     json      string
 *
 * Threads    Any.  */
#ifndef EXPRESSION_CAST_H
#define EXPRESSION_CAST_H

#include "expression/scalar.h"
#include "mem/arena.h"

/* True for the pairs above, a type to itself, and null to anything. */
bool cast_is_possible(enum scalar_type from, enum scalar_type to);

/* decimal(precision, scale): of other types, or when they were not given, -1. An integer with the scale 0 is for assignments: what is not whole
 * is EXPRESSION_NOT_WHOLE then.  */
struct cast_target {
    enum scalar_type type;
    int precision, scale;
};

/* The value may be null, which stays null. Texts that are made are in the arena; others are lent from the value. `out` may be `in`. A decimal
 * with more digits before the point than the target has is EXPRESSION_OVERFLOW.  */
MUST_USE enum expression_result cast_apply(const struct scalar *in, struct cast_target to, struct arena *arena, struct scalar *out);

#endif

/* operand.h - the text beside a column in a condition, as a place among the column's values.
 *
 * Most texts are a value of the column. Beside an integer a number with a fraction, an exponent or too many digits may stand, too, which is a
 * place between two integers, or an integer; and beside a date, where an order is asked for, a month or a year, which is its first day.
 *
 * Threads    Any; nothing here keeps state.  */
#ifndef QUERY_OPERAND_H
#define QUERY_OPERAND_H

#include "table/typed_value.h"

struct operand {
    struct typed_value value; /* not null; borrows the text */
    int8_t side;              /* 0: it is the value; 1: above it, and below the next integer; -1: below it, and above the one before */
};

/* is_order: for < <= > >=. False: the text is no such thing. */
MUST_USE bool operand_parse(struct column_form form, struct bytes text, bool is_order, struct operand *out);

#endif

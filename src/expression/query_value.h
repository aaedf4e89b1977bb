/* query_value.h - what a query in an expression has given. It was run before the expression is compiled, and names nothing of what is around it.
 *
 * Threads    Never changed while an expression is compiled or run.
 * Memory     Texts, and the values' places, are whoever's that ran the query; programs lend them.  */
#ifndef EXPRESSION_QUERY_VALUE_H
#define EXPRESSION_QUERY_VALUE_H

#include "expression/value_set.h"

struct query_value {
    uint32_t position;     /* of its node (SQL_IN_QUERY, SQL_EXISTS, SQL_QUERY) in the statement's text */
    uint8_t type;          /* enum scalar_type: of its one column. SQL_EXISTS: none */
    bool has_row;
    bool has_null;         /* SQL_IN_QUERY: null is among its values */
    struct scalar single;  /* SQL_QUERY: its one row's; null where there is no row */
    struct value_set set;  /* SQL_IN_QUERY: the others of its values */
};

struct query_values {
    struct query_value *values;
    uint32_t count;
};

/* Of the node at that position; NULL: it is not known, or `values` is NULL. */
static inline const struct query_value *query_values_find(const struct query_values *values, uint32_t position)
{
    for (uint32_t i = 0; values != NULL && i < values->count; i++) {
        if (values->values[i].position == position) {
            return &values->values[i];
        }
    }
    return NULL;
}

#endif

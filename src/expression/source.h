/* source.h - what is compiled: a tree, whoever knows its names, and what is known of its parameters.
 *
 * Threads    Any.  */
#ifndef EXPRESSION_SOURCE_H
#define EXPRESSION_SOURCE_H

#include "expression/scalar.h"
#include "sql/tree.h"

struct query_values;

/* Where the value of a name stands in each row, and its type. The value is of that type or null; of SCALAR_NUMBER any number. */
struct expression_slot {
    uint32_t index;
    enum scalar_type type;
};

/* Asked for SQL_COLUMN, calls of aggregates (aggregate.h), SQL_QUERY, SQL_EXISTS and SQL_IN_QUERY (a boolean, is_negated not looked at: the
 * compiler does that); and first for every other node that is no literal or parameter, when asks_all is set: what GROUP BY has made.
 *
 * Returns  false: it has no slot for the node; *why may be set to a sentence without a point at its end, for the fault  */
typedef bool expression_find_fn(void *context, const struct sql_node *node, struct expression_slot *slot, const char **why);

struct expression_resolver {
    expression_find_fn *find;
    void *context;
    bool asks_all;
};

struct expression_source {
    const struct sql_node *root;
    struct bytes text; /* of the statement, for the place of a fault; may be empty */
    const struct expression_resolver *resolver;
    /* enum scalar_type of each parameter, from the first: SCALAR_UNKNOWN before it is known. What an expression shows is written there, for
     * those that are compiled after it, and for whoever reads the arguments (scalar_parse): SCALAR_NUMBER takes any number. One that
     * stands nowhere stays SCALAR_UNKNOWN. */
    uint8_t *parameter_types;
    uint32_t parameter_count;
    const struct query_values *queries; /* query_value.h: what queries in it have given; those that are not there are the resolver's. NULL: none */
    /* SCALAR_UNKNOWN: any type. Else the result is of this type or null: numbers become float or decimal, dates datetimes, strings JSON when
     * they must; anything else is a fault. SCALAR_BOOLEAN for conditions. */
    enum scalar_type wanted;
};

#endif

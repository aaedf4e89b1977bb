/* compile.h - an expression's tree becomes a program: names are found, types are checked, all that can be known is done once.
 *
 * Types are strict, as in PostgreSQL: a string is not compared with a number, a condition is a boolean. But
 *
 *     'text' in quotes   takes the type of a date, datetime, uuid, blob or JSON that it stands beside
 *     1.5                is exact beside a decimal, and a float else
 *     a parameter        takes the type of what it stands beside: see parameter_types
 *
 * Threads    Any.
 * Memory     The program is in the caller's arena; it borrows nothing from the tree but its texts.
 * Limits     No recursion; the tree's own limits (sql/tree.h).  */
#ifndef EXPRESSION_COMPILE_H
#define EXPRESSION_COMPILE_H

#include "expression/program.h"
#include "sql/fault.h"
#include "sql/tree.h"

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
     * those that are compiled after it, and for whoever reads the arguments (scalar_parse): SCALAR_NUMBER takes any number. */
    uint8_t *parameter_types;
    uint32_t parameter_count;
    /* SCALAR_UNKNOWN: any type. Else the result is of this type or null: numbers become float or decimal, dates datetimes, strings JSON when
     * they must; anything else is a fault. SCALAR_BOOLEAN for conditions. */
    enum scalar_type wanted;
};

/* *out is set on SQL_FAULT_NONE, *fault on anything else. O(nodes), and sorting lists of IN. */
MUST_USE enum sql_fault_kind expression_compile(const struct expression_source *source, struct arena *arena, const struct program **out,
                                                struct sql_fault *fault);

/* The type that both can have in one column (CASE, UNION): SCALAR_UNKNOWN when there is none. */
enum scalar_type scalar_types_join(enum scalar_type a, enum scalar_type b);

#endif

/* functions.h - the functions of expressions, as rows of one table. coalesce, nullif and now are the compiler's own (compile.c).
 *
 * A function is not called when an argument is null: then it is null.
 *
 * Threads    Any.  */
#ifndef EXPRESSION_FUNCTIONS_H
#define EXPRESSION_FUNCTIONS_H

#include "expression/scalar.h"
#include "mem/arena.h"

enum { FUNCTION_ARGUMENTS_MAX = 3 };

/* What an argument may be. */
enum function_argument {
    ARGUMENT_NONE,
    ARGUMENT_STRING,
    ARGUMENT_BYTES, /* a string or a blob */
    ARGUMENT_NUMBER,
    ARGUMENT_INTEGER,
    ARGUMENT_TIME, /* a date or a datetime */
};

/* arguments  not null, of the types of the row
 * arena      for texts that are made; others may be lent from the arguments  */
typedef enum expression_result function_fn(const struct scalar *arguments, uint32_t count, struct arena *arena, struct scalar *out);

struct function {
    struct bytes name;
    uint8_t count_min, count_max;
    uint8_t arguments[FUNCTION_ARGUMENTS_MAX]; /* enum function_argument */
    uint8_t result;                            /* enum scalar_type; SCALAR_UNKNOWN: that of the first argument */
    function_fn *run;
};

/* Case ignored; NULL: there is none. */
const struct function *function_find(struct bytes name);
/* "a string", "a number": of an argument, for messages. */
const char *function_argument_name(enum function_argument argument);
/* True when a value of the type can be one. */
bool function_argument_takes(enum function_argument argument, enum scalar_type type);

#endif

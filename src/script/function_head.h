/* function_head.h - the first line of a library's code, "#!lua name=mylib".
 *
 * Threads    Any.
 * Source     Redis 7.0's documentation of FUNCTION LOAD; words are cut as redis-cli cuts them.  */
#ifndef SCRIPT_FUNCTION_HEAD_H
#define SCRIPT_FUNCTION_HEAD_H

#include "base/attributes.h"
#include "base/bytes.h"
#include "mem/buffer.h"

struct function_head {
    struct buffer engine; /* behind "#!" */
    struct buffer name;
    size_t code_start;    /* of the line's end, so that Lua counts lines as they are */
};

enum function_head_status {
    FUNCTION_HEAD_FINE,
    FUNCTION_HEAD_MISSING,  /* there is no such line */
    FUNCTION_HEAD_INVALID,  /* it does not end, or a quote in it does not */
    FUNCTION_HEAD_UNKNOWN,  /* a word that is not name=..., which is left in head->name */
    FUNCTION_HEAD_TWICE,    /* two names */
    FUNCTION_HEAD_NAMELESS,
    FUNCTION_HEAD_NO_MEMORY,
};

/* Whatever it returns, the caller calls function_head_release. */
MUST_USE enum function_head_status function_head_read(struct bytes code, struct function_head *head);
void function_head_release(struct function_head *head);

/* Of a library or a function: letters, digits and underscores, at least one. */
bool function_name_is_valid(struct bytes name);

#endif

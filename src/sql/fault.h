/* fault.h - what is wrong with a statement, and where.
 *
 * Threads    Any.  */
#ifndef SQL_FAULT_H
#define SQL_FAULT_H

#include "base/attributes.h"
#include "base/bytes.h"

#include <stdint.h>

enum { SQL_FAULT_TEXT_MAX = 400 };

enum sql_fault_kind {
    SQL_FAULT_NONE,
    SQL_FAULT_SYNTAX,    /* words that do not fit */
    SQL_FAULT_LIMIT,     /* too long, too deep, too many */
    SQL_FAULT_NO_MEMORY, /* the arena's limit, or the allocator */
    SQL_FAULT_MEANING,   /* it reads well but makes no sense: types, names, functions */
};

struct sql_fault {
    enum sql_fault_kind kind;
    uint32_t position;     /* bytes from the text's begin */
    uint32_t line, column; /* from 1; a column is a character of UTF-8 */
    char text[SQL_FAULT_TEXT_MAX]; /* one sentence with the place, without a point at its end; NUL behind it */
};

/* Sets all of *fault: "<message>, at line 1, column 15 (byte 14)". `text`: the statement's, or an empty one: then byte 14 alone is said.
 * A message that is too long is cut;
 * control characters in it become blanks. */
void sql_fault_set(struct sql_fault *fault, enum sql_fault_kind kind, struct bytes text, uint32_t position, const char *format, ...)
    PRINTF_LIKE(5, 6);

#endif

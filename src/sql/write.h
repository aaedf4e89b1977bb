/* write.h - a tree as canonical SQL: capital words, names quoted where they must be, no parentheses that are not needed.
 *
 * Threads    Any.
 * Invariant  What sql_parse makes of the text is the same tree, but for positions.  */
#ifndef SQL_WRITE_H
#define SQL_WRITE_H

#include "mem/buffer.h"
#include "sql/tree.h"

/* Appends to *out. False: no memory; a part may have been appended. */
MUST_USE bool sql_write_statement(const struct sql_statement *statement, struct buffer *out);
/* The same for one expression (EXPLAIN, CHECK conditions, names of result columns). */
MUST_USE bool sql_write_expression(const struct sql_node *root, struct buffer *out);

#endif

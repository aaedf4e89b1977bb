/* compile.h - an expression's tree becomes a program: names are found, types are checked, all that can be known is done once.
 *
 * Types are strict, as in PostgreSQL: a string is not compared with a number, a condition is a boolean. But
 *
 *     'text' in quotes   takes the type of a date, datetime, uuid, blob or JSON that it stands beside
 *     1.5                is exact beside a decimal, and a float else
 *     a parameter        takes the type of what it stands beside: see source.h
 *
 * Threads    Any.
 * Memory     The program is in the caller's arena; it borrows nothing from the tree but its texts.
 * Limits     No recursion; the tree's own limits (sql/tree.h).  */
#ifndef EXPRESSION_COMPILE_H
#define EXPRESSION_COMPILE_H

#include "expression/program.h"
#include "expression/source.h"
#include "sql/fault.h"

/* *out is set on SQL_FAULT_NONE, *fault on anything else. O(nodes), and sorting lists of IN. */
MUST_USE enum sql_fault_kind expression_compile(const struct expression_source *source, struct arena *arena, const struct program **out,
                                                struct sql_fault *fault);

#endif

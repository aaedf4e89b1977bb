/* expected.h - the words that could come next, as a person would list them. */
#ifndef SQL_EXPECTED_H
#define SQL_EXPECTED_H

#include "sql/automaton.h"

enum { SQL_EXPECTED_MAX = 240 };

/* "FROM", "an expression or *", "a name, (, WHERE or the end": NUL behind it; empty when no word could come. */
void sql_expected_list(const struct sql_automaton *automaton, char out[SQL_EXPECTED_MAX]);

#endif

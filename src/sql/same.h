/* same.h - whether two expressions are the same: what GROUP BY says, and an item repeats.
 *
 * Threads    Any.  */
#ifndef SQL_SAME_H
#define SQL_SAME_H

#include "base/attributes.h"
#include "sql/tree.h"

/* True when both have the same kinds, names (by their bytes; of functions and types: without case), literals and parameters, wherever they
 * stand. A query within is the same as itself alone. O(nodes).  */
bool sql_is_same(const struct sql_node *a, const struct sql_node *b);

#endif

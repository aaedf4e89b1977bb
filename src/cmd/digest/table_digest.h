/* table_digest.h - the digest of all tables: the part of DEBUG DIGEST that redis-server does not have.
 *
 * Each namespace, each table and each row is a digest of its own, added in: so the sum goes neither by the shards that rows are
 * on, nor by their places there, nor by the order in which all of it came. Row ids and the last of them do count.
 *
 *   namespace   "namespace", database, its name
 *   table       "table", database, its name, the highest row id there ever was; for each column, as declared: name, type, kind of index
 *   row         "row", database, the table's name, row id; for each column: the value's text, or nothing
 *
 * Numbers of databases are 4 bytes, the high one first; row ids are text. Which column routes does not count: no reply tells.
 *
 * Threads    Under all batons.  */
#ifndef CMD_TABLE_DIGEST_H
#define CMD_TABLE_DIGEST_H

#include "cmd/digest/digest.h"

struct catalogue;

/* Adds all tables of all databases; without any the digest stays as it is. O(bytes of all rows). */
void table_digest_add(struct digest *digest, const struct catalogue *catalogue);

#endif

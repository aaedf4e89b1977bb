/* table_databases.h - tables and the commands of whole databases: FLUSHDB, FLUSHALL, SWAPDB.
 *
 * Threads    All batons are held.  */
#ifndef QUERY_TABLE_DATABASES_H
#define QUERY_TABLE_DATABASES_H

#include "base/attributes.h"
#include "exec/exec.h"

#include <stdint.h>

#define TABLE_ALL_DATABASES UINT32_MAX

/* Drops all tables and namespaces of a database, or of all of them. Tables that a running statement reads are freed when it
 * ends, large ones in steps. False: no memory, nothing has changed.  */
MUST_USE bool table_databases_flush(struct exec *exec, uint32_t db);

/* The tables and namespaces of two databases change places. False: no memory, nothing has changed. */
MUST_USE bool table_databases_swap(struct exec *exec, uint32_t a, uint32_t b);

#endif

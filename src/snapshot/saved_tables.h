/* saved_tables.h - the tables and namespaces of a snapshot, as they were at the cut, and how the file has them.
 *
 *   AUX "tessera-namespace"   database, name
 *   AUX "tessera-table"       database, name, last row id, is scattered, columns: count, then for each name, type, index, routes;
 *                             when a column has more to say: SAVED_OPTIONS_VERSION, then for each column a byte of bits:
 *                             SAVED_NOT_NULL, SAVED_UNIQUE, SAVED_PRIMARY, SAVED_AUTO; SAVED_DIGITS: digits and scale follow;
 *                             SAVED_DEFAULT: length and bytes of the value's text follow
 *   AUX "tessera-rows"        number of the table (in the order of those fields), rows: count, then for each its id,
 *                             a bit a column that has a value (low bit first), and the values of those
 *
 * Numbers and strings in it are RDB's lengths and strings; an integer, and what is kept as one (typed_value.h), is a length of (n << 1) ^ (n >> 63), a float 8 bytes. The fields are
 * strings of RDB, packed if that is shorter (names in them are not). redis-server passes over them.
 *
 * Threads    Begin: under all batons. Then read by all shards.
 * Memory     MEM_SNAPSHOT.  */
#ifndef SNAPSHOT_SAVED_TABLES_H
#define SNAPSHOT_SAVED_TABLES_H

#include "mem/buffer.h"
#include "persist/rdb_string.h"
#include "table/definition.h"

#define SAVED_NAMESPACE_FIELD BYTES("tessera-namespace")
#define SAVED_TABLE_FIELD BYTES("tessera-table")
#define SAVED_ROWS_FIELD BYTES("tessera-rows")

/* What is behind the columns. A version, a bit or a type that a server does not know makes it refuse the file. */
enum { SAVED_OPTIONS_VERSION = 1 };
enum { SAVED_NOT_NULL = 1, SAVED_DIGITS = 2, SAVED_DEFAULT = 4, SAVED_UNIQUE = 8, SAVED_PRIMARY = 16, SAVED_AUTO = 32, SAVED_OPTION_BITS = 63 };

struct saved_column {
    uint16_t slot;
    uint8_t type; /* enum column_type */
};

struct saved_table {
    const struct table *table;     /* may be gone; never followed after the cut */
    uint32_t column_count;
    struct saved_column *columns;
};

struct saved_tables {
    uint32_t count, capacity;
    struct saved_table *tables;
    bool has_failed;               /* memory was refused */
    enum rdb_packing packing;      /* of these fields */
    struct buffer *head;           /* while it is made */
};

/* Adds the fields of namespaces and tables to `head`. False: no memory; saved_tables_release all the same. */
MUST_USE bool saved_tables_begin(struct saved_tables *saved, const struct catalogue *catalogue, enum rdb_packing packing, struct buffer *head);
void saved_tables_release(struct saved_tables *saved);

/* Appends one row's part of a field of rows. False: no memory. */
MUST_USE bool saved_row_write(struct buffer *out, const struct saved_table *table, const struct table_slice *slice, uint32_t row);

#endif

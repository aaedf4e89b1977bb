/* saved_tables_read.h - the fields that saved_tables.h draws, read: any bytes are allowed, and what makes no sense is refused.
 *
 * Threads    Any.
 * Memory     Texts are lent from the field, or from rooms of the caller.  */
#ifndef SNAPSHOT_SAVED_TABLES_READ_H
#define SNAPSHOT_SAVED_TABLES_READ_H

#include "base/attributes.h"
#include "mem/buffer.h"
#include "persist/rdb_string.h"
#include "table/definition.h"

#include <stdbool.h>

struct saved_namespace {
    uint32_t db;
    struct bytes name;
};
/* False: damaged, or `databases` are not enough. The name is lent from the field or `room`. */
MUST_USE bool saved_namespace_read(struct bytes field, uint32_t databases, struct buffer *room, struct saved_namespace *out);

/* Empty rooms at first: SAVED_DEFINITION_EMPTY. */
struct saved_definition {
    uint32_t db;
    struct bytes name, name_space;   /* lent from the field or a room, as the names of columns are */
    uint64_t last_id;
    struct schema_draft draft;
    const char *unknown;             /* when it is refused: what a later version has written; NULL: it is damaged */
    struct buffer rooms[3];
};
void saved_definition_init(struct saved_definition *definition);
/* Of an initialized one. False: damaged, no memory, or `databases` are not enough. */
MUST_USE bool saved_definition_read(struct bytes field, uint32_t databases, struct saved_definition *out);
void saved_definition_release(struct saved_definition *definition);

/* What stands before the rows of a field. */
struct saved_rows {
    uint64_t table, count;
    struct rdb_input input;          /* the rows */
};
/* False: damaged, or there are not so many tables. */
MUST_USE bool saved_rows_read(struct bytes field, uint64_t tables, struct saved_rows *out);

struct saved_row {
    uint64_t id;
    struct typed_value values[TABLE_COLUMNS_MAX]; /* texts are lent from the field */
};
MUST_USE bool saved_row_read(struct rdb_input *input, const struct schema *schema, struct saved_row *out);

#endif

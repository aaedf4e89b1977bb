/* definition.h - a table as the TABLE.* commands make, change and end it.
 *
 * Threads    Created, changed and destroyed with all batons held. Inside an epoch section, and under any one baton, the
 *            name, the schema and the counters may be read. A slice belongs to its shard's baton.
 * Memory     The table and its schema: shard 0's heap, MEM_CATALOGUE. Slice i: shard i's heap.  */
#ifndef TABLE_DEFINITION_H
#define TABLE_DEFINITION_H

#include "table/schema.h"
#include "table/slice.h"
#include "table/table.h"

#include <stdatomic.h>

enum { TABLE_NAME_MAX = 64, NAMESPACE_NAME_MAX = 64 };

struct table {
    struct schema *_Atomic schema;
    _Atomic uint64_t last_row_id;
    uint32_t shard_count;
    uint32_t db;                    /* whose tables it is among: written under all batons, read under any */
    uint32_t serial;                /* of the tables that this process has had */
    bool is_dropped;                /* out of the catalogue; whoever gives back the last lock ends it. Under all batons */
    uint8_t namespace_len;
    uint8_t name_len;               /* with namespace and dot */
    struct table_slice *slices[];   /* one a shard; then the name */
};

/* Where a table's parts go. */
struct table_place {
    struct heap *const *heaps;      /* by shard */
    uint32_t shard_count;
    const struct hash_secret *secret;
    const struct slice_owner *const *owners; /* by shard; lent. NULL: nobody is told of changes */
};

/* Splits "namespace.table" at its first dot and checks the lengths; sets what it found also on errors, for messages. */
MUST_USE enum table_result table_name_split(struct bytes name, struct bytes *name_space, struct bytes *table);
/* TABLE_OK when a namespace may be called so. */
MUST_USE enum table_result namespace_name_check(struct bytes name);

/* NULL: no memory. `name` was accepted by table_name_split. Gives: table_destroy. */
struct table *table_create(const struct table_place *place, struct bytes name, const struct schema_draft *draft) MUST_USE;
/* The same table under another name, with another serial: it shares the schema and the slices, and has a counter of ids of its own. Nothing has
 * changed yet for `table`. NULL: no memory. Gives: table_take_parts, or table_discard.  */
struct table *table_create_renamed(struct heap *heap, const struct table *table, struct bytes name) MUST_USE;
/* The slices are of the renamed table from now on. All batons held. */
void table_take_parts(struct table *renamed);
/* Frees a table that shares its parts with another one, and leaves them to that. */
void table_discard(struct heap *heap, struct table *table);
/* Frees the table and its schema; the slices that are still its own must be gone or taken (set to NULL). */
void table_destroy(struct heap *heap, struct table *table);
/* Frees all slices at once, but leaves those that are being cleaned to whoever cleans them (is_dropped); then table_destroy
 * may follow. For tests, failed creation and the server's end.  */
void table_free_slices(struct table *table);

static inline const struct schema *table_schema(const struct table *table)
{
    return atomic_load_explicit(&table->schema, memory_order_acquire);
}

/* The next row id, from 1. Any thread. */
static inline uint64_t table_take_row_id(struct table *table)
{
    return atomic_fetch_add_explicit(&table->last_row_id, 1, memory_order_relaxed) + 1;
}

/* The shard of a row with this routing value; NULL or null: by its id, one shard after the other. */
uint32_t table_route(const struct table *table, const struct hash_secret *secret, const struct typed_value *value, uint64_t id);
/* The highest id that a row ever had, or its auto column. Ids above it may be taken, by INSERTs that were refused. All batons held. */
uint64_t table_highest_row_id(const struct table *table);
/* A row with this id exists: ids that are taken later are above it. Any thread. */
void table_note_row_id(struct table *table, uint64_t id);
/* A row that is gone had this id: also table_highest_row_id knows. Under the baton of shard 0. */
void table_note_old_row_id(struct table *table, uint64_t id);
/* A statement holds a lock on one of the slices. All batons held. */
bool table_is_locked(const struct table *table);

#endif

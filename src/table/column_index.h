/* column_index.h - the index of one column in one slice, of either kind: by the hash of its values (hash_index.h), or in their order
 * (ordered_index.h).
 *
 * A change goes with the one of the row's cells: what needs memory comes first and can be taken back, the rest cannot be refused.
 *
 * Threads    Under the slice's baton; reading also by a statement that has the slice locked. column_index_bytes: any.  */
#ifndef TABLE_COLUMN_INDEX_H
#define TABLE_COLUMN_INDEX_H

#include "table/hash_index.h"
#include "table/ordered_index.h"
#include "table/schema.h"

struct column_index {
    uint8_t kind; /* INDEX_HASH, INDEX_BTREE */
    uint8_t type; /* enum column_type */
    union {
        struct hash_index hash;
        struct ordered_index ordered;
    };
};

/* Empty, for a column; its nodes are MEM_TABLE_INDEX. */
void column_index_init(struct column_index *index, enum index_kind kind, const struct column *column);

static inline uint64_t column_index_bytes(const struct column_index *index)
{
    return __atomic_load_n(index->kind == INDEX_BTREE ? &index->ordered.bytes : &index->hash.bytes, __ATOMIC_RELAXED);
}

/* The entry of a hash index. */
static inline uint64_t column_index_entry(const struct column_index *index, const struct hash_secret *secret,
                                          const struct typed_value *value, uint32_t row)
{
    return hash_index_entry((uint32_t)typed_value_hash(secret, (enum column_type)index->type, value), row);
}

/* A row comes: prepare (false: no memory, nothing changed); then either its cell is written and it is committed, or it is abandoned. The
 * value is not null.  */
MUST_USE bool column_index_prepare(struct column_index *index, const struct index_host *host, const struct typed_value *value,
                                   uint32_t row);
void column_index_commit(struct column_index *index, const struct index_host *host, const struct typed_value *value, uint32_t row);
void column_index_abandon(struct column_index *index, const struct index_host *host, const struct typed_value *value, uint32_t row);

/* A row goes, whose value is still in its cell. */
void column_index_remove(struct column_index *index, const struct index_host *host, const struct typed_value *value, uint32_t row);

/* A row gets another number, and its value is in the cells of both: false, the entry of the new number must be prepared and committed, and the old
 * one removed. Nothing needs memory; the same call with the numbers exchanged takes it back.  */
MUST_USE bool column_index_renumber(struct column_index *index, const struct index_host *host, const struct typed_value *value, uint32_t row,
                                    uint32_t new_row);

/* A row gets another value: prepare as above, unless _keeps says that nothing changes; then begin, write the cell, end. `old` may be
 * null, and may not be used any more after begin.  */
bool column_index_keeps(const struct column_index *index, const struct index_host *host, const struct typed_value *old,
                        const struct typed_value *value);
void column_index_begin_change(struct column_index *index, const struct index_host *host, const struct typed_value *old,
                               uint32_t row, struct ordered_change *change);
void column_index_end_change(struct column_index *index, const struct index_host *host, const struct typed_value *value,
                             uint32_t row, struct ordered_change *change);

/* Is the row there? */
bool column_index_has(const struct column_index *index, const struct index_host *host, const struct typed_value *value, uint32_t row);

/* Defragmentation, as hash_index_move; *at 0 begins. */
MUST_USE bool column_index_move(struct column_index *index, struct heap *heap, uint64_t *at, size_t *limit);
/* Frees about `limit` nodes; true when the index is empty. */
MUST_USE bool column_index_free(struct column_index *index, struct heap *heap, size_t limit);
/* Walks all nodes, adding their bytes to *bytes and the rows to *count. False: an invariant does not hold. With `deep` the values of an
 * ordered index are read row by row.  */
MUST_USE bool column_index_audit(const struct column_index *index, const struct index_host *host, bool deep, uint64_t *bytes,
                                 uint64_t *count);

#endif

/* column_index.c - see column_index.h.  */
#include "table/column_index.h"

#include <assert.h>

void column_index_init(struct column_index *index, enum index_kind kind, const struct column *column)
{
    assert(kind != INDEX_NONE);
    *index = (struct column_index){.kind = (uint8_t)kind, .type = column->type};
    if (kind == INDEX_BTREE) {
        ordered_index_init(&index->ordered, (enum column_type)column->type, column->slot);
    }
}

bool column_index_prepare(struct column_index *index, const struct index_host *host, const struct typed_value *value, uint32_t row)
{
    if (index->kind == INDEX_BTREE) {
        return ordered_index_prepare(&index->ordered, host, value, row);
    }
    return hash_index_insert(&index->hash, host->heap, column_index_entry(index, host->secret, value, row));
}

void column_index_commit(struct column_index *index, const struct index_host *host, const struct typed_value *value, uint32_t row)
{
    if (index->kind == INDEX_BTREE) {
        ordered_index_put(&index->ordered, host, value, row);
    }
}

void column_index_abandon(struct column_index *index, const struct index_host *host, const struct typed_value *value, uint32_t row)
{
    if (index->kind == INDEX_HASH) {
        hash_index_remove(&index->hash, host->heap, column_index_entry(index, host->secret, value, row));
    } else if (index->ordered.count == 0) { /* the first leaf was made for it */
        const bool is_empty = ordered_index_free(&index->ordered, host->heap, SIZE_MAX);
        assert(is_empty);
    }
}

void column_index_remove(struct column_index *index, const struct index_host *host, const struct typed_value *value, uint32_t row)
{
    if (index->kind == INDEX_BTREE) {
        ordered_index_remove(&index->ordered, host, value, row);
    } else {
        hash_index_remove(&index->hash, host->heap, column_index_entry(index, host->secret, value, row));
    }
}

bool column_index_renumber(struct column_index *index, const struct index_host *host, const struct typed_value *value, uint32_t row,
                           uint32_t new_row)
{
    if (index->kind == INDEX_BTREE) {
        return ordered_index_renumber(&index->ordered, host, value, row, new_row);
    }
    return hash_index_renumber(&index->hash, column_index_entry(index, host->secret, value, row), new_row);
}

bool column_index_keeps(const struct column_index *index, const struct index_host *host, const struct typed_value *old,
                        const struct typed_value *value)
{
    if (old->is_null) {
        return false;
    }
    if (index->kind == INDEX_BTREE) {
        return typed_value_compare((enum column_type)index->type, old, value) == 0;
    }
    return column_index_entry(index, host->secret, old, 0) == column_index_entry(index, host->secret, value, 0);
}

void column_index_begin_change(struct column_index *index, const struct index_host *host, const struct typed_value *old,
                               uint32_t row, struct ordered_change *change)
{
    if (index->kind == INDEX_BTREE) {
        ordered_index_begin_change(&index->ordered, host, old, row, change);
    } else if (!old->is_null) {
        hash_index_remove(&index->hash, host->heap, column_index_entry(index, host->secret, old, row));
    }
}

void column_index_end_change(struct column_index *index, const struct index_host *host, const struct typed_value *value, uint32_t row,
                             struct ordered_change *change)
{
    if (index->kind == INDEX_BTREE) {
        ordered_index_end_change(&index->ordered, host, value, row, change);
    }
}

bool column_index_has(const struct column_index *index, const struct index_host *host, const struct typed_value *value, uint32_t row)
{
    uint32_t found;
    bool is_end;
    if (index->kind == INDEX_HASH) {
        const uint64_t entry = column_index_entry(index, host->secret, value, row);
        return hash_index_rows(&index->hash, entry, &found, 1, &is_end) == 1 && found == row;
    }
    const uint64_t rank = ordered_index_rank(&index->ordered, host->pages, value, row);
    return rank < index->ordered.count && ordered_index_rows(&index->ordered, rank, ORDERED_UP, &found, 1) == 1 && found == row;
}

bool column_index_move(struct column_index *index, struct heap *heap, uint64_t *at, size_t *limit)
{
    return index->kind == INDEX_BTREE ? ordered_index_move(&index->ordered, heap, at, limit)
                                      : hash_index_move(&index->hash, heap, at, limit);
}

bool column_index_free(struct column_index *index, struct heap *heap, size_t limit)
{
    return index->kind == INDEX_BTREE ? ordered_index_free(&index->ordered, heap, limit) : hash_index_free(&index->hash, heap, limit);
}

bool column_index_audit(const struct column_index *index, const struct index_host *host, bool deep, uint64_t *bytes, uint64_t *count)
{
    return index->kind == INDEX_BTREE ? ordered_index_audit(&index->ordered, host->pages, deep, bytes, count)
                                      : hash_index_audit(&index->hash, bytes, count);
}

/* definition.c - a table: its name, schema and slices; its figures. See definition.h and table.h.  */
#include "table/definition.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* --- names --- */

enum table_result namespace_name_check(struct bytes name)
{
    if (name.len > NAMESPACE_NAME_MAX) {
        return TABLE_NAMESPACE_TOO_LONG;
    }
    return name.len == 0 || memchr(name.data, '.', name.len) != NULL ? TABLE_NAMESPACE_BAD : TABLE_OK;
}

enum table_result table_name_split(struct bytes name, struct bytes *name_space, struct bytes *table)
{
    const char *dot = name.len == 0 ? NULL : memchr(name.data, '.', name.len);
    if (dot == NULL || dot == name.data || dot == name.data + name.len - 1) {
        return TABLE_BAD_NAME;
    }
    *name_space = (struct bytes){name.data, (size_t)(dot - name.data)};
    *table = (struct bytes){dot + 1, name.len - name_space->len - 1};
    if (name_space->len > NAMESPACE_NAME_MAX) {
        return TABLE_NAMESPACE_TOO_LONG;
    }
    return table->len > TABLE_NAME_MAX ? TABLE_NAME_TOO_LONG : TABLE_OK;
}

/* --- creation and end --- */

static size_t table_size(uint32_t shard_count, size_t name_len)
{
    return sizeof(struct table) + shard_count * sizeof(struct table_slice *) + name_len;
}

void table_free_slices(struct table *table)
{
    for (uint32_t i = 0; i < table->shard_count; i++) {
        struct table_slice *slice = table->slices[i];
        table->slices[i] = NULL;
        if (slice != NULL && slice->is_cleaning) {
            slice->is_dropped = true;
        } else if (slice != NULL) {
            bool is_gone = slice_free(slice, SIZE_MAX);
            assert(is_gone);
        }
    }
}

void table_discard(struct heap *heap, struct table *table)
{
    heap_free(heap, MEM_CATALOGUE, table, table_size(table->shard_count, table->name_len));
}

void table_destroy(struct heap *heap, struct table *table)
{
    schema_destroy(heap, atomic_load(&table->schema));
    table_discard(heap, table);
}

/* The ids of a page's rows are `shard_count` apart in the mean: so many more make one block. */
static uint8_t id_shift(uint32_t shard_count)
{
    return (uint8_t)(ID_SHIFT_LEAST + (shard_count == 1 ? 0 : 32 - __builtin_clz(shard_count - 1)));
}

static bool add_slice(struct table *table, const struct table_place *place, uint32_t shard)
{
    struct table_slice *slice = slice_create(place->heaps[shard], place->secret, table_schema(table));
    table->slices[shard] = slice;
    if (slice == NULL) {
        return false;
    }
    slice->table = table;
    slice->last_row_id = &table->last_row_id;
    slice->id_shift = id_shift(place->shard_count);
    if (place->owners != NULL) {
        slice->owner = place->owners[shard];
    }
    return true;
}

static _Atomic uint32_t serials; /* given so far */

/* Its name and a serial; there is nothing in it yet. NULL: no memory. */
static struct table *create_named(struct heap *heap, uint32_t shard_count, struct bytes name)
{
    assert(name.len <= NAMESPACE_NAME_MAX + 1 + TABLE_NAME_MAX);
    struct table *table = heap_alloc_zeroed(heap, MEM_CATALOGUE, table_size(shard_count, name.len));
    if (table == NULL) {
        return NULL;
    }
    table->shard_count = shard_count;
    table->serial = atomic_fetch_add_explicit(&serials, 1, memory_order_relaxed) + 1;
    table->name_len = (uint8_t)name.len;
    table->namespace_len = (uint8_t)((const char *)memchr(name.data, '.', name.len) - name.data);
    memcpy(table->slices + shard_count, name.data, name.len);
    return table;
}

struct table *table_create(const struct table_place *place, struct bytes name, const struct schema_draft *draft)
{
    struct heap *heap = place->heaps[0];
    struct table *table = create_named(heap, place->shard_count, name);
    if (table == NULL) {
        return NULL;
    }
    struct schema *schema = schema_create(heap, draft);
    bool is_good = schema != NULL;
    atomic_init(&table->schema, schema);
    for (uint32_t i = 0; is_good && i < place->shard_count; i++) {
        is_good = add_slice(table, place, i);
    }
    if (!is_good) {
        table_free_slices(table);
        table_destroy(heap, table);
        return NULL;
    }
    return table;
}

struct table *table_create_renamed(struct heap *heap, const struct table *table, struct bytes name)
{
    struct table *renamed = create_named(heap, table->shard_count, name);
    if (renamed == NULL) {
        return NULL;
    }
    atomic_init(&renamed->schema, atomic_load_explicit(&table->schema, memory_order_relaxed));
    atomic_init(&renamed->last_row_id, atomic_load_explicit(&table->last_row_id, memory_order_relaxed));
    memcpy(renamed->slices, table->slices, table->shard_count * sizeof(struct table_slice *));
    return renamed;
}

void table_take_parts(struct table *renamed)
{
    for (uint32_t i = 0; i < renamed->shard_count; i++) {
        renamed->slices[i]->table = renamed;
        renamed->slices[i]->last_row_id = &renamed->last_row_id;
    }
}

/* --- routing and locks --- */

uint32_t table_route(const struct table *table, const struct hash_secret *secret, const struct typed_value *value, uint64_t id)
{
    const struct schema *schema = table_schema(table);
    if (value == NULL || value->is_null || schema->routing_column == COLUMN_NONE) {
        return (uint32_t)(id % table->shard_count);
    }
    /* The indexes use the lower half of the hash. */
    enum column_type type = (enum column_type)schema->columns[schema->routing_column].type;
    return (uint32_t)((typed_value_hash(secret, type, value) >> 32) * table->shard_count >> 32);
}

uint64_t table_highest_row_id(const struct table *table)
{
    uint64_t highest = 0;
    for (uint32_t i = 0; i < table->shard_count; i++) {
        highest = table->slices[i]->highest_id > highest ? table->slices[i]->highest_id : highest;
    }
    return highest;
}

void table_note_row_id(struct table *table, uint64_t id)
{
    row_id_raise(&table->last_row_id, id);
}

void table_note_old_row_id(struct table *table, uint64_t id)
{
    struct table_slice *slice = table->slices[0];
    slice->highest_id = id > slice->highest_id ? id : slice->highest_id;
    table_note_row_id(table, id);
}

bool table_is_locked(const struct table *table)
{
    for (uint32_t i = 0; i < table->shard_count; i++) {
        if (!slice_may_write(table->slices[i])) {
            return true;
        }
    }
    return false;
}

/* --- what table.h promises --- */

struct bytes table_name(const struct table *table)
{
    return (struct bytes){(const char *)(table->slices + table->shard_count), table->name_len};
}

uint32_t table_shard_count(const struct table *table)
{
    return table->shard_count;
}

uint32_t table_column_count(const struct table *table)
{
    return table_schema(table)->column_count;
}

struct bytes table_column(const struct table *table, uint32_t index, bool *is_indexed)
{
    const struct schema *schema = table_schema(table);
    *is_indexed = schema->columns[index].index != INDEX_NONE;
    return schema_column_name(schema, index);
}

static uint64_t load(const uint64_t *counter)
{
    return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

void table_memory_of_shard(const struct table *table, uint32_t shard, struct table_memory *out)
{
    const struct table_slice *slice = table->slices[shard];
    *out = (struct table_memory){.row_count = load(&slice->row_count),
                                 .row_bytes = load(&slice->row_bytes) + load(&slice->ids.bytes),
                                 .slots = load(&slice->slot_count),
                                 .moved_rows = load(&slice->compact_moved)};
    for (uint32_t i = 0; i < slice->index_count; i++) {
        out->index_bytes += column_index_bytes(&slice->indexes[i]);
    }
    if (shard == 0) {
        out->catalogue_bytes = heap_block_bytes(table_size(table->shard_count, table->name_len)) +
                               schema_bytes(table_schema(table));
    }
}

void table_memory(const struct table *table, struct table_memory *out)
{
    *out = (struct table_memory){0};
    for (uint32_t i = 0; i < table->shard_count; i++) {
        struct table_memory part;
        table_memory_of_shard(table, i, &part);
        out->row_count += part.row_count;
        out->row_bytes += part.row_bytes;
        out->index_bytes += part.index_bytes;
        out->catalogue_bytes += part.catalogue_bytes;
        out->slots += part.slots;
        out->moved_rows += part.moved_rows;
    }
}

bool table_index_memory(const struct table *table, struct bytes column, uint64_t *bytes)
{
    const struct schema *schema = table_schema(table);
    uint32_t number = schema_find_column(schema, column);
    if (number == COLUMN_NONE) {
        return false;
    }
    *bytes = 0;
    uint32_t index_at = schema->columns[number].index_at;
    for (uint32_t i = 0; index_at != COLUMN_NONE && i < table->shard_count; i++) {
        *bytes += column_index_bytes(&table->slices[i]->indexes[index_at]);
    }
    return true;
}

bool table_audit(const struct table *table, uint32_t shard, struct table_memory *found, char finding[200])
{
    char text[200];
    if (slice_audit(table->slices[shard], table_schema(table), found, text)) {
        return true;
    }
    struct bytes name = table_name(table);
    snprintf(finding, 200, "table %.*s on shard %u: %.100s", (int)(name.len < 60 ? name.len : 60), name.data, shard, text);
    return false;
}

/* Fuzz target of snapshot: any bytes as the fields of a file that are namespaces, tables and rows, as loading reads them:
 *
 *   length of a field (2 bytes, low byte first) | field | ...    the first one a table's, the others rows' of it
 *
 * The first field is read as a namespace, too. The rows of a table that is read are added to a slice, and what is written of it reads as the same. */
#include "snapshot/saved_tables.h"
#include "snapshot/saved_tables_read.h"
#include "table/slice.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { DATABASES = 16 };

static const struct hash_secret secret;

static bool next_field(struct bytes *left, struct bytes *field)
{
    if (left->len < 2) {
        return false;
    }
    const size_t len = (size_t)((unsigned char)left->data[0] | (unsigned)(unsigned char)left->data[1] << 8);
    const size_t some = len < left->len - 2 ? len : left->len - 2;
    *field = (struct bytes){left->data + 2, some};
    *left = (struct bytes){field->data + some, left->len - 2 - some};
    return true;
}

static void read_namespace(struct bytes field)
{
    struct buffer room = BUFFER_EMPTY(MEM_SNAPSHOT);
    struct saved_namespace saved;
    if (saved_namespace_read(field, DATABASES, &room, &saved)) {
        assert(saved.db < DATABASES && namespace_name_check(saved.name) == TABLE_OK);
    }
    buffer_release(&room);
}

/* What is written of a row of the slice is the row again. */
static void check_row(const struct saved_table *written, const struct schema *schema, const struct table_slice *slice, const struct saved_row *row)
{
    struct buffer out = BUFFER_EMPTY(MEM_SNAPSHOT);
    static struct saved_row again;
    const uint32_t number = slice_find_row(slice, row->id);
    assert(number != ROW_NONE);
    bool is_done = saved_row_write(&out, written, slice, number);
    assert(is_done);
    struct rdb_input input = {.bytes = buffer_bytes(&out)};
    is_done = saved_row_read(&input, schema, &again);
    assert(is_done && rdb_left(&input) == 0 && again.id == row->id);
    for (uint32_t i = 0; i < schema->column_count; i++) {
        const struct typed_value *a = &row->values[i], *b = &again.values[i];
        assert(a->is_null == b->is_null);
        assert(a->is_null || typed_value_compare((enum column_type)schema->columns[i].type, a, b) == 0);
    }
    buffer_release(&out);
}

static void read_rows(struct bytes field, const struct saved_table *written, struct table *table)
{
    struct saved_rows rows;
    static struct saved_row row;
    struct table_slice *slice = table->slices[0];
    const struct schema *schema = table_schema(table);
    if (!saved_rows_read(field, 1, &rows)) {
        return;
    }
    for (uint64_t i = 0; i < rows.count && saved_row_read(&rows.input, schema, &row); i++) {
        if (slice_find_row(slice, row.id) == ROW_NONE && slice_insert(slice, schema, row.id, row.values) == TABLE_OK) {
            check_row(written, schema, slice, &row);
        }
    }
}

static void note_columns(struct saved_table *written, struct saved_column *columns, const struct table *table)
{
    const struct schema *schema = table_schema(table);
    *written = (struct saved_table){.table = table, .column_count = schema->column_count, .columns = columns};
    for (uint32_t i = 0; i < schema->column_count; i++) {
        columns[i] = (struct saved_column){schema->columns[i].slot, schema->columns[i].type};
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct heap *heap;
    static struct saved_definition definition;
    static struct saved_column columns[TABLE_COLUMNS_MAX];
    struct bytes left = {(const char *)data, size}, field;
    heap = heap == NULL ? heap_create() : heap;
    if (!next_field(&left, &field)) {
        return 0;
    }
    read_namespace(field);
    saved_definition_init(&definition);
    if (saved_definition_read(field, DATABASES, &definition)) {
        struct heap *const heaps[] = {heap};
        struct table *table = table_create(&(struct table_place){heaps, 1, &secret, NULL}, definition.name, &definition.draft);
        struct saved_table written;
        assert(table != NULL && table_schema(table)->column_count == definition.draft.column_count);
        note_columns(&written, columns, table);
        while (next_field(&left, &field)) {
            read_rows(field, &written, table);
        }
        table_free_slices(table);
        table_destroy(heap, table);
    }
    saved_definition_release(&definition);
    assert(mem_counters_total(heap_counters(heap)) == 0);
    return 0;
}

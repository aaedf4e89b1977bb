/* saved_tables.c - see saved_tables.h.  */
#include "snapshot/saved_tables.h"

#include "mem/heap.h"
#include "persist/rdb_format.h"
#include "persist/rdb_string.h"
#include "table/catalogue.h"

#include <string.h>

/* --- the head --- */

static bool write_field(struct buffer *out, struct bytes name, struct bytes value, enum rdb_packing packing)
{
    return rdb_write_byte(out, RDB_OP_AUX) && rdb_write_text(out, name, packing) && rdb_write_text(out, value, packing);
}

static void add_namespace(uint32_t db, struct bytes name, void *arg)
{
    struct saved_tables *saved = arg;
    struct buffer value = BUFFER_EMPTY(MEM_SNAPSHOT);
    const bool is_written = rdb_write_length(&value, db) && rdb_write_text(&value, name, RDB_PLAIN) &&
                            write_field(saved->head, SAVED_NAMESPACE_FIELD, buffer_bytes(&value), saved->packing);
    saved->has_failed |= !is_written;
    buffer_release(&value);
}

static bool write_column(struct buffer *out, const struct schema *schema, uint32_t at)
{
    const struct column *column = &schema->columns[at];
    return rdb_write_text(out, schema_column_name(schema, at), RDB_PLAIN) && rdb_write_byte(out, column->type) &&
           rdb_write_byte(out, column->index) && rdb_write_byte(out, at == schema->routing_column);
}

static uint8_t options_of(const struct column *column)
{
    return (uint8_t)((column->is_not_null ? SAVED_NOT_NULL : 0) | (column->type == COLUMN_DECIMAL ? SAVED_DIGITS : 0) |
                     (column->has_default ? SAVED_DEFAULT : 0) | (column->is_unique ? SAVED_UNIQUE : 0) |
                     (column->is_primary ? SAVED_PRIMARY : 0) | (column->is_auto ? SAVED_AUTO : 0));
}

static bool write_options_of(struct buffer *out, const struct schema *schema, uint32_t at)
{
    const struct column *column = &schema->columns[at];
    const uint8_t options = options_of(column);
    if (!rdb_write_byte(out, options)) {
        return false;
    }
    if ((options & SAVED_DIGITS) != 0 && !(rdb_write_byte(out, column->digits) && rdb_write_byte(out, column->scale))) {
        return false;
    }
    if ((options & SAVED_DEFAULT) != 0) {
        char scratch[TYPED_VALUE_TEXT_MAX];
        const struct bytes text = typed_value_format(column_form(column), schema_default(schema, at), scratch);
        return rdb_write_length(out, text.len) && buffer_append(out, text);
    }
    return true;
}

static bool write_options(struct buffer *out, const struct schema *schema)
{
    uint8_t options = 0;
    for (uint32_t i = 0; i < schema->column_count; i++) {
        options |= options_of(&schema->columns[i]);
    }
    bool is_written = options == 0 || rdb_write_byte(out, SAVED_OPTIONS_VERSION);
    for (uint32_t i = 0; options != 0 && i < schema->column_count && is_written; i++) {
        is_written = write_options_of(out, schema, i);
    }
    return is_written;
}

static bool write_definition(struct buffer *out, uint32_t db, const struct table *table, const struct schema *schema)
{
    bool is_written = rdb_write_length(out, db) && rdb_write_text(out, table_name(table), RDB_PLAIN) &&
                      rdb_write_length(out, table_highest_row_id(table)) && rdb_write_byte(out, schema->is_scattered) &&
                      rdb_write_length(out, schema->column_count);
    for (uint32_t i = 0; i < schema->column_count && is_written; i++) {
        is_written = write_column(out, schema, i);
    }
    return is_written && write_options(out, schema);
}

static bool note_columns(struct saved_table *saved, const struct schema *schema)
{
    saved->columns = thread_alloc(MEM_SNAPSHOT, schema->column_count * sizeof *saved->columns);
    if (saved->columns == NULL) {
        return false;
    }
    saved->column_count = schema->column_count;
    for (uint32_t i = 0; i < schema->column_count; i++) {
        saved->columns[i] = (struct saved_column){schema->columns[i].slot, schema->columns[i].type};
    }
    return true;
}

static void add_table(uint32_t db, const struct table *table, void *arg)
{
    struct saved_tables *saved = arg;
    const struct schema *schema = table_schema(table);
    if (saved->has_failed) {
        return;
    }
    struct buffer value = BUFFER_EMPTY(MEM_SNAPSHOT);
    struct saved_table *added = &saved->tables[saved->count++];
    *added = (struct saved_table){.table = table};
    saved->has_failed = !note_columns(added, schema) || !write_definition(&value, db, table, schema) ||
                        !write_field(saved->head, SAVED_TABLE_FIELD, buffer_bytes(&value), saved->packing);
    buffer_release(&value);
}

bool saved_tables_begin(struct saved_tables *saved, const struct catalogue *catalogue, enum rdb_packing packing, struct buffer *head)
{
    *saved = (struct saved_tables){.head = head, .packing = packing, .capacity = catalogue_table_count(catalogue)};
    if (saved->capacity > 0) {
        saved->tables = thread_alloc(MEM_SNAPSHOT, saved->capacity * sizeof *saved->tables);
        saved->has_failed = saved->tables == NULL;
    }
    if (!saved->has_failed) {
        catalogue_visit_namespaces(catalogue, add_namespace, saved);
        catalogue_visit(catalogue, add_table, saved);
    }
    return !saved->has_failed;
}

void saved_tables_release(struct saved_tables *saved)
{
    for (uint32_t i = 0; i < saved->count; i++) {
        if (saved->tables[i].columns != NULL) {
            thread_free(MEM_SNAPSHOT, saved->tables[i].columns, saved->tables[i].column_count * sizeof(struct saved_column));
        }
    }
    if (saved->tables != NULL) {
        thread_free(MEM_SNAPSHOT, saved->tables, saved->capacity * sizeof *saved->tables);
    }
    *saved = (struct saved_tables){0};
}

/* --- rows --- */

static bool write_value(struct buffer *out, uint8_t type, const struct typed_value *value)
{
    if (type == COLUMN_FLOAT) {
        uint64_t bits;
        memcpy(&bits, &value->number, sizeof bits);
        return rdb_write_word(out, bits);
    }
    if (column_type_is_text((enum column_type)type)) {
        const struct bytes text = typed_value_text(value);
        return rdb_write_length(out, text.len) && buffer_append(out, text);
    }
    return rdb_write_length(out, (uint64_t)value->integer << 1 ^ (uint64_t)(value->integer >> 63));
}

bool saved_row_write(struct buffer *out, const struct saved_table *table, const struct table_slice *slice, uint32_t row)
{
    char bits[TABLE_COLUMNS_MAX / 8] = {0};
    struct typed_value values[TABLE_COLUMNS_MAX];
    for (uint32_t i = 0; i < table->column_count; i++) {
        values[i] = slice_value(slice, row, table->columns[i].slot);
        bits[i / 8] = (char)(bits[i / 8] | (!values[i].is_null) << (i % 8));
    }
    bool is_written = rdb_write_length(out, slice_row_id(slice, row)) &&
                      buffer_append(out, (struct bytes){bits, (table->column_count + 7) / 8});
    for (uint32_t i = 0; i < table->column_count && is_written; i++) {
        is_written = values[i].is_null || write_value(out, table->columns[i].type, &values[i]);
    }
    return is_written;
}

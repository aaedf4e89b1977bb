/* table_info.c - see table_info.h. The fields are drawn in docs/TABLES.md, "Figures".  */
#include "cmd/table/table_info.h"

#include "cmd/table/table_error.h"
#include "query/statement.h"

#include <assert.h>

enum { FIELD_COUNT = 12, INDEX_FIELD_COUNT = 4, SHARD_FIELD_COUNT = 3 };

static void put_number(struct reply *reply, const char *name, uint64_t number)
{
    reply_bulk_string(reply, name);
    reply_integer(reply, (int64_t)number);
}

/* The column's name; null: there is none. */
static void put_column(struct reply *reply, const char *name, const struct schema *schema, uint32_t column)
{
    reply_bulk_string(reply, name);
    if (column == COLUMN_NONE) {
        reply_null(reply);
    } else {
        reply_bulk(reply, schema_column_name(schema, column));
    }
}

static void put_index(struct reply *reply, const struct table *table, const struct column *column, struct bytes name)
{
    uint64_t bytes = 0;
    const bool is_found = table_index_memory(table, name, &bytes);
    assert(is_found);
    reply_map(reply, INDEX_FIELD_COUNT);
    reply_bulk_string(reply, "column");
    reply_bulk(reply, name);
    reply_bulk_string(reply, "kind");
    reply_bulk_string(reply, index_kind_name((enum index_kind)column->index));
    reply_bulk_string(reply, "unique");
    reply_bool(reply, column->is_unique);
    put_number(reply, "bytes", bytes);
}

/* In the order of the columns. */
static void put_indexes(struct reply *reply, const struct table *table, const struct schema *schema)
{
    reply_bulk_string(reply, "indexes");
    reply_array(reply, schema->index_count);
    for (uint32_t i = 0; i < schema->column_count; i++) {
        if (schema->columns[i].index_at != COLUMN_NONE) {
            put_index(reply, table, &schema->columns[i], schema_column_name(schema, i));
        }
    }
}

static void put_shards(struct reply *reply, const struct table *table)
{
    reply_bulk_string(reply, "shards");
    reply_array(reply, table->shard_count);
    for (uint32_t i = 0; i < table->shard_count; i++) {
        struct table_memory part;
        table_memory_of_shard(table, i, &part);
        reply_map(reply, SHARD_FIELD_COUNT);
        put_number(reply, "rows", part.row_count);
        put_number(reply, "row-bytes", part.row_bytes);
        put_number(reply, "index-bytes", part.index_bytes);
    }
}

void command_table_info(struct exec *exec)
{
    struct reply *reply = exec->reply;
    const struct table *table = statement_table(exec);
    struct table_memory memory;
    if (table == NULL) {
        reply_table_error(reply, TABLE_MISSING, 0);
        return;
    }
    const struct schema *schema = table_schema(table);
    table_memory(table, &memory);
    reply_map(reply, FIELD_COUNT);
    put_number(reply, "rows", memory.row_count);
    put_number(reply, "bytes", memory.row_bytes + memory.index_bytes + memory.catalogue_bytes);
    put_number(reply, "row-bytes", memory.row_bytes);
    put_number(reply, "index-bytes", memory.index_bytes);
    put_number(reply, "schema-bytes", memory.catalogue_bytes);
    put_number(reply, "last-id", atomic_load_explicit(&table->last_row_id, memory_order_relaxed));
    put_column(reply, "auto", schema, schema_auto_column(schema));
    put_column(reply, "routing", schema, schema->routing_column);
    put_indexes(reply, table, schema);
    put_shards(reply, table);
    put_number(reply, "slots", memory.slots);
    put_number(reply, "moved-rows", memory.moved_rows);
}

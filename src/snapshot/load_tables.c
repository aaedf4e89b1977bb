/* load_tables.c - namespaces, tables and rows of a file: the fields that saved_tables.h draws.  */
#include "snapshot/load_tables.h"

#include "exec/exec.h"
#include "mem/heap.h"
#include "query/ddl.h"
#include "shard/inbox.h"
#include "shard/thread.h"
#include "snapshot/saved_tables_read.h"
#include "table/catalogue.h"

#include <assert.h>
#include <string.h>

#define DAMAGED "a table's field is damaged"
#define NO_MEMORY "there is no memory"

static uint32_t databases_of(const struct loading *loading)
{
    return (uint32_t)loading->server->config->databases;
}

/* What functions of the query room look at. */
static struct exec exec_of(struct thread *thread)
{
    return (struct exec){.server = thread->server, .thread = thread, .effects = EFFECTS_GIVEN};
}

void load_namespace(struct thread *thread, struct loading *loading, uint64_t at, struct bytes field)
{
    struct buffer room = BUFFER_EMPTY(MEM_SNAPSHOT);
    struct saved_namespace saved;
    struct exec exec = exec_of(thread);
    const bool is_read = saved_namespace_read(field, databases_of(loading), &room, &saved);
    const struct catalogue_edit edit = {.what = EDIT_ADD_NAMESPACE, .db = is_read ? saved.db : 0, .name = is_read ? saved.name : (struct bytes){0}};
    if (!is_read || ddl_edit_catalogue(&exec, &edit) != TABLE_OK) {
        loading_fail(loading, at, "a namespace is damaged, or is there twice");
    }
    buffer_release(&room);
}

/* --- a table --- */

static struct table *make_table(struct server *server, struct bytes name, const struct schema_draft *draft)
{
    struct heap *heaps[SHARD_COUNT_MAX];
    const struct slice_owner *owners[SHARD_COUNT_MAX];
    for (uint32_t i = 0; i < server->shard_count; i++) {
        heaps[i] = server->shards[i].heap;
        owners[i] = &server->shards[i].slice_owner;
    }
    const struct table_place place = {heaps, server->shard_count, &server->secret, owners};
    return table_create(&place, name, draft);
}

static void note_table(struct loading *loading, uint64_t at, struct table *table, uint64_t last_id)
{
    if (loading->table_count == loading->table_capacity) {
        const uint32_t capacity = 2 * loading->table_capacity + 8;
        struct loaded_table *more = thread_alloc(MEM_SNAPSHOT, capacity * sizeof *more);
        if (more == NULL) {
            loading_fail(loading, at, NO_MEMORY);
        }
        if (loading->tables != NULL) {
            memcpy(more, loading->tables, loading->table_count * sizeof *more);
            thread_free(MEM_SNAPSHOT, loading->tables, loading->table_capacity * sizeof *more);
        }
        loading->tables = more;
        loading->table_capacity = capacity;
    }
    loading->tables[loading->table_count++] = (struct loaded_table){table, last_id};
}

void load_table(struct thread *thread, struct loading *loading, uint64_t at, struct bytes field)
{
    struct saved_definition saved;
    struct exec exec = exec_of(thread);
    saved_definition_init(&saved);
    if (!saved_definition_read(field, databases_of(loading), &saved)) {
        loading_fail(loading, at, saved.unknown != NULL ? saved.unknown : DAMAGED);
    }
    const struct catalogue_edit edit = {.what = EDIT_ADD_TABLE, .db = saved.db, .table = make_table(loading->server, saved.name, &saved.draft)};
    if (edit.table == NULL || ddl_edit_catalogue(&exec, &edit) != TABLE_OK) {
        loading_fail(loading, at, edit.table == NULL ? NO_MEMORY : "a table is there twice, or its namespace is not");
    }
    note_table(loading, at, edit.table, saved.last_id);
    saved_definition_release(&saved);
}

/* --- rows --- */

static uint32_t shard_of_row(const struct loading *loading, const struct table *table, const struct schema *schema, const struct saved_row *row)
{
    const struct typed_value *routing = schema->routing_column == COLUMN_NONE ? NULL : &row->values[schema->routing_column];
    return table_route(table, &loading->server->secret, routing, row->id);
}

/* The rows of the field that belong to `shard`. */
static uint64_t load_rows_of(struct thread *thread, struct loading *loading, uint64_t at, struct rdb_input input, uint64_t count,
                             struct table *table, uint32_t shard)
{
    const struct schema *schema = table_schema(table);
    struct shard_set taken = shard_take_unless_mine(thread, &loading->server->shards[shard]);
    struct saved_row row;
    uint64_t loaded = 0;
    for (uint64_t i = 0; i < count; i++) {
        if (!saved_row_read(&input, schema, &row)) {
            loading_fail(loading, at, DAMAGED);
        }
        if (shard_of_row(loading, table, schema, &row) == shard) {
            if (row.id <= table->slices[shard]->highest_id && slice_find_row(table->slices[shard], row.id) != ROW_NONE) {
                loading_fail(loading, at, "a row is there twice");
            }
            if (slice_insert(table->slices[shard], schema, row.id, row.values) != TABLE_OK) {
                loading_fail(loading, at, NO_MEMORY);
            }
            table_note_row_id(table, row.id);
            loaded++;
        }
    }
    if (rdb_left(&input) > 0) {
        loading_fail(loading, at, DAMAGED);
    }
    shard_give_back(thread, &taken);
    return loaded;
}

uint64_t load_rows(struct thread *thread, struct loading *loading, uint64_t at, struct bytes field)
{
    struct saved_rows rows;
    uint64_t loaded = 0;
    if (!saved_rows_read(field, loading->table_count, &rows)) {
        loading_fail(loading, at, DAMAGED);
    }
    struct table *table = loading->tables[rows.table].table;
    for (uint32_t shard = 0; shard < loading->server->shard_count; shard++) {
        loaded += load_rows_of(thread, loading, at, rows.input, rows.count, table, shard);
    }
    return loaded;
}

/* Not before the rows are there: it would make the search for a row that is there twice longer. */
void load_tables_end(const struct loading *loading)
{
    for (uint32_t i = 0; i < loading->table_count; i++) {
        table_note_old_row_id(loading->tables[i].table, loading->tables[i].last_id);
    }
}

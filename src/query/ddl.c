/* ddl.c - see ddl.h. What an epoch section may be reading is replaced like this: publish the new one, count up
 * the routes, wait until every section has ended, free the old one.  */
#include "query/ddl.h"

#include "exec/exec.h"
#include "query/table_databases.h"
#include "shard/lazy_free.h"
#include "shard/report.h"
#include "shard/server.h"

#include <assert.h>

enum {
    END_BUDGET = 4096,     /* rows, of tables dropped by one command, that are freed at once */
    END_TABLE_COST = 16,   /* a table counts as so many rows */
    INDEX_SMALL_BYTES = 1 << 16,
    COLUMN_SMALL_ROWS = 4096,
};

static struct heap *catalogue_heap(const struct exec *exec)
{
    return exec->server->shards[0].heap;
}

/* --- telling --- */

void ddl_report(struct exec *exec, const struct table *table, enum event event)
{
    struct shard *shard = &exec->server->shards[0];
    baton_assert_held(&shard->baton);
    if ((effects_wanted(&exec->server->effects) & LISTEN_ANY_CHANGES) != 0) {
        shard_report_row(shard, table->db, table_name(table), CHANGE_OF_SCHEMA, event);
    }
}

/* --- the catalogue --- */

enum table_result ddl_edit_catalogue(struct exec *exec, const struct catalogue_edit *edit)
{
    struct server *server = exec->server;
    struct catalogue *old = atomic_load_explicit(&server->catalogue, memory_order_relaxed);
    struct catalogue *edited;
    enum table_result result = catalogue_copy(old, catalogue_heap(exec), &server->secret, edit, &edited);
    if (result != TABLE_OK) {
        return result;
    }
    catalogue_note_databases(edited);
    atomic_store_explicit(&server->catalogue, edited, memory_order_release);
    exec_routes_changed(exec);
    server_wait_readers(server);
    catalogue_destroy(catalogue_heap(exec), old);
    return TABLE_OK;
}

void ddl_replace_schema(struct exec *exec, struct table *table, struct schema *schema)
{
    struct schema *old = atomic_exchange_explicit(&table->schema, schema, memory_order_acq_rel);
    exec_routes_changed(exec);
    server_wait_readers(exec->server);
    schema_destroy(catalogue_heap(exec), old);
    ddl_report(exec, table, EVENT_TABLE_ALTER);
}

/* --- the end of tables --- */

static bool free_slice(void *thing, size_t limit)
{
    return slice_free(thing, limit);
}

/* All batons are held. */
static void free_later(const struct exec *exec, uint32_t number, lazy_free_fn *free_step, void *thing, uint64_t bytes)
{
    struct shard *shard = &exec->server->shards[number];
    baton_assert_held(&shard->baton);
    lazy_free_add(shard, free_step, thing, bytes);
}

static void end_slice(struct exec *exec, uint32_t shard, struct table_slice *slice, uint64_t *budget)
{
    uint64_t cost = slice->row_count;
    if (slice->is_cleaning) {
        slice->is_dropped = true; /* lazy free, which is cleaning it, frees it */
    } else if (cost <= *budget) {
        *budget -= cost;
        bool is_gone = slice_free(slice, SIZE_MAX);
        assert(is_gone);
    } else {
        free_later(exec, shard, free_slice, slice, 0);
    }
}

void ddl_end_table(struct exec *exec, struct table *table, uint64_t *budget)
{
    table->is_dropped = true;
    if (table_is_locked(table)) {
        return;
    }
    for (uint32_t i = 0; i < table->shard_count; i++) {
        table->slices[i]->table = NULL;
        table->slices[i]->last_row_id = NULL;
        end_slice(exec, i, table->slices[i], budget);
        table->slices[i] = NULL;
    }
    *budget -= *budget < END_TABLE_COST ? *budget : END_TABLE_COST;
    table_destroy(catalogue_heap(exec), table);
}

void ddl_end_if_dropped(struct exec *exec, struct table *table)
{
    uint64_t budget = END_BUDGET;
    if (table->is_dropped) {
        ddl_end_table(exec, table, &budget);
    }
}

/* --- parts of tables --- */

/* An index on its own, in its shard's heap. */
struct index_remains {
    struct heap *heap;
    struct column_index index;
};

static bool free_index(void *thing, size_t limit)
{
    struct index_remains *remains = thing;
    if (!column_index_free(&remains->index, remains->heap, limit)) {
        return false;
    }
    heap_free(remains->heap, MEM_TABLE_INDEX, remains, sizeof *remains);
    return true;
}

void ddl_free_index(struct exec *exec, uint32_t shard, struct column_index index)
{
    struct heap *heap = exec->server->shards[shard].heap;
    struct index_remains *remains = NULL;
    const uint64_t bytes = column_index_bytes(&index);
    if (bytes > INDEX_SMALL_BYTES) {
        remains = heap_alloc(heap, MEM_TABLE_INDEX, sizeof *remains);
    }
    if (remains == NULL) {
        bool is_gone = column_index_free(&index, heap, SIZE_MAX);
        assert(is_gone);
        return;
    }
    *remains = (struct index_remains){heap, index};
    free_later(exec, shard, free_index, remains, bytes);
}

/* For lazy free: a column of the slice; should the whole table be dropped meanwhile, the slice. */
static bool clean_slice(void *thing, size_t limit)
{
    struct table_slice *slice = thing;
    if (slice->is_dropped) {
        slice->is_cleaning = false;
        return slice_free(slice, limit);
    }
    return slice_clean(slice, limit);
}

void ddl_clean_column(struct exec *exec, uint32_t shard, struct table_slice *slice, uint32_t slot)
{
    slice_begin_cleaning(slice, slot);
    if (slice->row_count > COLUMN_SMALL_ROWS) {
        free_later(exec, shard, clean_slice, slice, 0);
        return;
    }
    bool is_clean = slice_clean(slice, SIZE_MAX);
    assert(is_clean);
}

/* --- whole databases --- */

struct dropped {
    struct exec *exec;
    const struct catalogue_edit *edit;
    struct table **tables;
    uint32_t count;
};

static void collect_dropped(uint32_t db, const struct table *table, void *arg)
{
    struct dropped *dropped = arg;
    if (catalogue_edit_drops(dropped->edit, db, table)) {
        dropped->tables[dropped->count++] = (struct table *)(uintptr_t)table;
    }
}

enum table_result ddl_drop(struct exec *exec, const struct catalogue_edit *edit)
{
    const struct catalogue *old = atomic_load_explicit(&exec->server->catalogue, memory_order_relaxed);
    uint32_t most = catalogue_table_count(old);
    struct dropped dropped = {.exec = exec, .edit = edit};
    dropped.tables = exec_scratch(exec, (most + 1) * sizeof *dropped.tables);
    if (dropped.tables == NULL) {
        return TABLE_NO_MEMORY;
    }
    catalogue_visit(old, collect_dropped, &dropped);
    enum table_result result = ddl_edit_catalogue(exec, edit);
    uint64_t budget = END_BUDGET;
    for (uint32_t i = 0; result == TABLE_OK && i < dropped.count; i++) {
        ddl_report(exec, dropped.tables[i], EVENT_TABLE_DROP);
        ddl_end_table(exec, dropped.tables[i], &budget);
    }
    return result;
}

bool table_databases_flush(struct exec *exec, uint32_t db)
{
    struct catalogue_edit all = {.what = EDIT_DROP_ALL};
    struct catalogue_edit one = {.what = EDIT_DROP_DATABASE, .db = db};
    return ddl_drop(exec, db == TABLE_ALL_DATABASES ? &all : &one) == TABLE_OK;
}

bool table_databases_swap(struct exec *exec, uint32_t a, uint32_t b)
{
    struct catalogue_edit edit = {.what = EDIT_SWAP_DATABASES, .db = a, .other_db = b};
    return ddl_edit_catalogue(exec, &edit) == TABLE_OK;
}

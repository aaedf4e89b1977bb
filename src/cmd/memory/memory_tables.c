/* memory_tables.c - a walk over all tables for MEMORY STATS and MEMORY DOCTOR: table by table, shard by shard, in steps.
 *
 * Between two steps tables may come, go and change: when the catalogue did, the walk begins the table again that follows, by
 * database and name, the last one that was handed out.  */
#include "cmd/memory/memory_private.h"

#include "table/catalogue.h"

enum { PAGES_A_LOOK = 8 };

static const struct catalogue *catalogue_of(const struct exec *exec)
{
    return atomic_load_explicit(&exec->server->catalogue, memory_order_acquire);
}

static void begin_table(struct memory_table_walk *walk)
{
    walk->sum = (struct table_walk){0};
    walk->page = 0;
}

static bool comes_after_last(const struct memory_table_walk *walk, uint32_t db, const struct table *table)
{
    const struct bytes name = table_name(table);
    if (walk->done == 0 || db != walk->last_db) {
        return walk->done == 0 || db > walk->last_db;
    }
    const size_t common = name.len < walk->last_len ? name.len : walk->last_len;
    const int order = memcmp(name.data, walk->last_name, common);
    return order != 0 ? order > 0 : name.len > walk->last_len;
}

static void find_place(struct memory_table_walk *walk, const struct catalogue *catalogue)
{
    walk->at = 0;
    const struct table *table;
    while ((table = catalogue_table_at(catalogue, walk->at)) != NULL &&
           !comes_after_last(walk, catalogue_table_db(catalogue, walk->at), table)) {
        walk->at++;
    }
}

static void note_done(struct memory_table_walk *walk, uint32_t db, const struct table *table)
{
    const struct bytes name = table_name(table);
    walk->last_db = db;
    walk->last_len = name.len;
    memcpy(walk->last_name, name.data, name.len);
    walk->done++;
    walk->at++;
    begin_table(walk);
}

bool memory_table_walk_step(struct memory_table_walk *walk, struct job *job, struct exec *exec, memory_table_fn *visit,
                             void *arg)
{
    const int32_t last_shard = (int32_t)exec->server->shard_count - 1;
    const struct catalogue *catalogue = catalogue_of(exec);
    const uint64_t version = atomic_load_explicit(&exec->server->route_version, memory_order_acquire);
    if (version != walk->version || walk->is_new) {
        walk->is_new = false;
        walk->version = version;
        begin_table(walk);
        find_place(walk, catalogue);
        if (job->shard != last_shard) {
            job->shard = last_shard;
            return false;
        }
    }
    const struct table *table;
    while ((table = catalogue_table_at(catalogue, walk->at)) != NULL) {
        while (!table_walk_slice(table, (uint32_t)job->shard, &walk->page, PAGES_A_LOOK, &walk->sum)) {
            if (exec_step_is_over(exec)) {
                return false;
            }
        }
        walk->page = 0;
        if (job->shard > 0) {
            job->shard--;
            return false;
        }
        const uint32_t db = catalogue_table_db(catalogue, walk->at);
        visit(db, table, &walk->sum, arg);
        note_done(walk, db, table);
        if (last_shard > 0 || exec_step_is_over(exec)) {
            job->shard = last_shard;
            return catalogue_table_at(catalogue, walk->at) == NULL;
        }
    }
    return true;
}

/* memory_stats.c - MEMORY STATS: Redis's fields under Redis's names, in its order and of its types; then ours, by class, type,
 * shard and table.
 *
 * A job walks over the heap of one shard after the other, each for a moment under its baton. Then keys and bytes are counted at one moment, under
 * all batons while no command is half done: so they show no part of one. Then the reply is written.
 *
 * Limits     The first part of the reply is one step: O(databases + shards). Tables follow one by one, their pages in steps: a
 *            table that comes, goes or changes meanwhile may be left out or counted in parts.  */
#include "cmd/core/answers.h"
#include "cmd/memory/memory_private.h"

#include "data/key_top.h"
#include "exec/exec.h"
#include "table/table.h"

#include <stddef.h>
#include <stdio.h>

enum { STATS_NAME_MAX = 64 + 2 * 64 + 32 };

/* A map being written: what its header will say. */
struct stats_map {
    struct reply *reply;
    size_t mark, pairs;
};

struct database_memory {
    uint64_t keys, entry_bytes, table_bytes, expiry_bytes;
};

/* What a shard has. */
struct shard_counts {
    uint64_t keys, expires, dataset, total;
};

struct stats_job {
    struct job job;
    struct memory_figures memory;
    struct shard_counts shards[SHARD_COUNT_MAX];
    struct stats_map map;            /* the reply; NULL in it: not begun */
    struct memory_table_walk tables;
    struct heap_walk walks[SHARD_COUNT_MAX];
    uint32_t database_count;
    struct database_memory databases[];
};

static size_t stats_job_size(uint32_t database_count)
{
    return sizeof(struct stats_job) + database_count * sizeof(struct database_memory);
}

static struct stats_map map_begin(struct reply *reply)
{
    return (struct stats_map){reply, reply_deferred_begin(reply), 0};
}

static void map_end(const struct stats_map *map)
{
    reply_deferred_end(map->reply, map->mark, '%', map->pairs);
}

static void map_name(struct stats_map *map, const char *name)
{
    reply_bulk_string(map->reply, name);
    map->pairs++;
}

static void map_integer(struct stats_map *map, const char *name, uint64_t value)
{
    map_name(map, name);
    reply_integer(map->reply, (int64_t)value);
}

static void map_double(struct stats_map *map, const char *name, double value)
{
    map_name(map, name);
    /* Redis keeps its ratios as floats: the same digits. */
    reply_double(map->reply, (double)(float)value);
}

/* --- Redis's fields --- */

struct figures {
    struct memory_figures memory;
    int64_t keys, bytes_per_key;
};

enum stats_kind { STATS_CONSTANT_0, STATS_INTEGER, STATS_DOUBLE };

struct stats_field {
    const char *name;
    enum stats_kind kind;
    size_t offset; /* in struct figures */
};

#define AT(field) offsetof(struct figures, field)

static const struct stats_field fields_before_databases[] = {
    {"peak.allocated", STATS_INTEGER, AT(memory.peak)},
    {"total.allocated", STATS_INTEGER, AT(memory.used)},
    {"startup.allocated", STATS_INTEGER, AT(memory.startup)},
    {"replication.backlog", STATS_INTEGER, AT(memory.replication)},
    {"clients.slaves", STATS_CONSTANT_0, 0},
    {"clients.normal", STATS_INTEGER, AT(memory.clients)},
    {"cluster.links", STATS_CONSTANT_0, 0},
    {"aof.buffer", STATS_INTEGER, AT(memory.log_buffers)},
    {"lua.caches", STATS_INTEGER, AT(memory.scripts)},
    {"functions.caches", STATS_CONSTANT_0, 0},
};

static const struct stats_field fields_after_databases[] = {
    {"overhead.total", STATS_INTEGER, AT(memory.overhead)},
    {"keys.count", STATS_INTEGER, AT(keys)},
    {"keys.bytes-per-key", STATS_INTEGER, AT(bytes_per_key)},
    {"dataset.bytes", STATS_INTEGER, AT(memory.dataset)},
    {"dataset.percentage", STATS_DOUBLE, AT(memory.dataset_percent)},
    {"peak.percentage", STATS_DOUBLE, AT(memory.peak_percent)},
    {"allocator.allocated", STATS_INTEGER, AT(memory.allocated)},
    {"allocator.active", STATS_INTEGER, AT(memory.active)},
    {"allocator.resident", STATS_INTEGER, AT(memory.resident)},
    {"allocator-fragmentation.ratio", STATS_DOUBLE, AT(memory.frag_ratio)},
    {"allocator-fragmentation.bytes", STATS_INTEGER, AT(memory.frag_bytes)},
    {"allocator-rss.ratio", STATS_DOUBLE, AT(memory.rss_gap_ratio)},
    {"allocator-rss.bytes", STATS_INTEGER, AT(memory.rss_gap_bytes)},
    {"rss-overhead.ratio", STATS_DOUBLE, AT(memory.rss_overhead_ratio)},
    {"rss-overhead.bytes", STATS_INTEGER, AT(memory.rss_overhead_bytes)},
    {"fragmentation", STATS_DOUBLE, AT(memory.fragmentation_ratio)},
    {"fragmentation.bytes", STATS_INTEGER, AT(memory.fragmentation_bytes)},
};

#undef AT

static void write_fields(struct stats_map *map, const struct stats_field *fields, size_t count,
                         const struct figures *figures)
{
    for (size_t i = 0; i < count; i++) {
        const char *at = (const char *)figures + fields[i].offset;
        switch (fields[i].kind) {
        case STATS_CONSTANT_0:
            map_integer(map, fields[i].name, 0);
            break;
        case STATS_INTEGER:
            map_integer(map, fields[i].name, (uint64_t)*(const int64_t *)at);
            break;
        case STATS_DOUBLE:
            map_double(map, fields[i].name, *(const double *)at);
            break;
        }
    }
}

#define WRITE_FIELDS(map, fields, figures) write_fields(map, fields, sizeof(fields) / sizeof((fields)[0]), figures)

static void write_databases(struct stats_map *map, const struct stats_job *job)
{
    for (uint32_t db = 0; db < job->database_count; db++) {
        const struct database_memory *memory = &job->databases[db];
        if (memory->keys == 0) {
            continue;
        }
        char name[STATS_NAME_MAX];
        (void)snprintf(name, sizeof name, "db.%u", db);
        map_name(map, name);
        struct stats_map inner = map_begin(map->reply);
        map_integer(&inner, "overhead.hashtable.main", memory->table_bytes);
        map_integer(&inner, "overhead.hashtable.expires", memory->expiry_bytes);
        map_integer(&inner, "overhead.hashtable.slot-to-keys", 0);
        map_end(&inner);
    }
}

/* --- ours --- */

static void write_classes(struct stats_map *map, const struct mem_counters *classes)
{
    static const enum mem_class types[] = {MEM_STRING, MEM_LIST, MEM_SET, MEM_HASH, MEM_ZSET, MEM_STREAM};
    char name[STATS_NAME_MAX];
    for (unsigned i = 0; i < sizeof types / sizeof types[0]; i++) {
        (void)snprintf(name, sizeof name, "type.%s", mem_class_name(types[i]));
        map_integer(map, name, (uint64_t)classes->class_bytes[types[i]]);
    }
    for (int i = 0; i < MEM_CLASS_COUNT; i++) {
        (void)snprintf(name, sizeof name, "class.%s", mem_class_name((enum mem_class)i));
        map_name(map, name);
        struct stats_map inner = map_begin(map->reply);
        map_integer(&inner, "bytes", (uint64_t)classes->class_bytes[i]);
        map_integer(&inner, "blocks", (uint64_t)classes->class_blocks[i]);
        map_end(&inner);
    }
}

static void write_allocator(struct stats_map *map, const struct server *server, const struct heap_walk *walks)
{
    struct heap_walk sum = {0};
    for (uint32_t i = 0; i < server->shard_count; i++) {
        sum.committed_bytes += walks[i].committed_bytes;
        sum.areas += walks[i].areas;
        sum.sparse_areas += walks[i].sparse_areas;
    }
    map_name(map, "allocator.name");
    reply_bulk_string(map->reply, mem_allocator_name());
    map_integer(map, "allocator.heaps.committed", sum.committed_bytes);
    map_integer(map, "allocator.heaps.areas", sum.areas);
    map_integer(map, "allocator.heaps.sparse-areas", sum.sparse_areas);
}

/* What runs for MEMORY's own commands. */
static void write_watch(struct stats_map *map, const struct server *server)
{
    uint64_t fills = 0;
    for (uint32_t i = 0; i < server->shard_count; i++) {
        fills += __atomic_load_n(&server->shards[i].top->fills, __ATOMIC_RELAXED);
    }
    map_integer(map, "top.fills", fills);
    map_integer(map, "prefix.jobs", atomic_load_explicit(&server->prefix_jobs, memory_order_relaxed));
    map_integer(map, "prefix.keys-expected", atomic_load_explicit(&server->prefix_keys_expected, memory_order_relaxed));
    map_integer(map, "prefix.keys-seen", atomic_load_explicit(&server->prefix_keys_seen, memory_order_relaxed));
}

/* All connections' memory by purpose. */
static void write_clients(struct stats_map *map, const struct server *server, const struct mem_counters *classes)
{
    map_integer(map, "clients.count", atomic_load_explicit(&server->clients_current, memory_order_relaxed));
    map_integer(map, "clients.connections", (uint64_t)classes->class_bytes[MEM_CLIENT]);
    map_integer(map, "clients.query-buffers", (uint64_t)classes->class_bytes[MEM_QUERY_BUFFER]);
    map_integer(map, "clients.output-buffers", (uint64_t)classes->class_bytes[MEM_OUTPUT_BUFFER]);
}

/* What Redis's db.N leaves out; clients that read that one know which fields it has. */
static void write_datasets(struct stats_map *map, const struct stats_job *job)
{
    for (uint32_t db = 0; db < job->database_count; db++) {
        if (job->databases[db].keys > 0) {
            char name[STATS_NAME_MAX];
            (void)snprintf(name, sizeof name, "keyspace.%u", db);
            map_name(map, name);
            struct stats_map inner = map_begin(map->reply);
            map_integer(&inner, "keys.count", job->databases[db].keys);
            map_integer(&inner, "dataset.bytes", job->databases[db].entry_bytes);
            map_end(&inner);
        }
    }
}

static double fragmentation(const struct heap_walk *walk)
{
    return walk->used_bytes == 0 ? 0 : (double)walk->committed_bytes / (double)walk->used_bytes;
}

static void write_shards(struct stats_map *map, const struct server *server, const struct stats_job *job)
{
    for (uint32_t i = 0; i < server->shard_count; i++) {
        const struct shard *shard = &server->shards[i];
        const struct shard_counts *counts = &job->shards[i];
        char name[STATS_NAME_MAX];
        (void)snprintf(name, sizeof name, "shard.%u", i);
        map_name(map, name);
        struct stats_map inner = map_begin(map->reply);
        map_integer(&inner, "keys.count", counts->keys);
        map_integer(&inner, "total.allocated", counts->total);
        map_integer(&inner, "dataset.bytes", counts->dataset);
        map_integer(&inner, "expires.count", counts->expires);
        map_integer(&inner, "commands", __atomic_load_n(&shard->calls, __ATOMIC_RELAXED));
        map_integer(&inner, "allocator.committed", job->walks[i].committed_bytes);
        map_integer(&inner, "allocator.allocated", job->walks[i].used_bytes);
        map_integer(&inner, "allocator.active", job->walks[i].committed_bytes);
        map_integer(&inner, "allocator.resident", job->walks[i].committed_bytes);
        map_double(&inner, "allocator.fragmentation", fragmentation(&job->walks[i]));
        map_integer(&inner, "allocator.sparse-areas", job->walks[i].sparse_areas);
        map_end(&inner);
    }
}

/* Each column's part of the rows, and of the indexes. */
static void write_columns(struct stats_map *map, const struct table *table, const struct table_walk *sum)
{
    map_name(map, "columns");
    struct stats_map columns = map_begin(map->reply);
    const uint32_t count = table_column_count(table);
    for (uint32_t i = 0; i < count; i++) {
        bool is_indexed;
        const struct bytes name = table_column(table, i, &is_indexed);
        uint64_t index_bytes = 0;
        reply_bulk(map->reply, name);
        columns.pairs++;
        struct stats_map column = map_begin(map->reply);
        map_integer(&column, "bytes", sum->column_bytes[i]);
        if (is_indexed && table_index_memory(table, name, &index_bytes)) {
            map_integer(&column, "index.bytes", index_bytes);
        }
        map_end(&column);
    }
    map_end(&columns);
}

/* "table.ns.t" in database 0, "db.3.table.ns.t" in others. */
static void write_table(uint32_t db, const struct table *table, const struct table_walk *sum, void *arg)
{
    struct stats_map *map = arg;
    const struct bytes table_text = table_name(table);
    char name[STATS_NAME_MAX];
    if (db == 0) {
        (void)snprintf(name, sizeof name, "table.%.*s", (int)table_text.len, table_text.data);
    } else {
        (void)snprintf(name, sizeof name, "db.%u.table.%.*s", db, (int)table_text.len, table_text.data);
    }
    struct table_memory memory;
    table_memory(table, &memory);
    map_name(map, name);
    struct stats_map inner = map_begin(map->reply);
    map_integer(&inner, "rows.count", memory.row_count);
    map_integer(&inner, "total.bytes", memory.row_bytes + memory.index_bytes + memory.catalogue_bytes);
    map_integer(&inner, "rows.bytes", memory.row_bytes);
    map_integer(&inner, "indexes.bytes", memory.index_bytes);
    map_integer(&inner, "schema.bytes", memory.catalogue_bytes);
    map_integer(&inner, "rows.deleted", sum->slots - sum->rows);
    map_integer(&inner, "row-ids.bytes", sum->row_id_bytes);
    write_columns(&inner, table, sum);
    map_end(&inner);
}

/* All but the tables, which follow in steps. */
static void begin_reply(struct exec *exec, struct stats_job *job)
{
    struct server *server = exec->server;
    struct figures figures = {.memory = job->memory};
    memory_figures_derive(server, job->walks, &figures.memory);
    for (uint32_t db = 0; db < job->database_count; db++) {
        figures.keys += (int64_t)job->databases[db].keys;
    }
    const int64_t since_start = figures.memory.used - figures.memory.startup;
    figures.bytes_per_key = figures.keys > 0 && since_start > 0 ? since_start / figures.keys : 0;
    struct stats_map map = map_begin(exec->reply);
    WRITE_FIELDS(&map, fields_before_databases, &figures);
    write_databases(&map, job);
    WRITE_FIELDS(&map, fields_after_databases, &figures);
    write_allocator(&map, server, job->walks);
    write_classes(&map, &figures.memory.classes);
    write_watch(&map, server);
    write_clients(&map, server, &figures.memory.classes);
    write_datasets(&map, job);
    write_shards(&map, server, job);
    job->map = map;
    job->tables.is_new = true;
}

static void count_shard(struct stats_job *job, const struct shard *shard)
{
    struct shard_counts *counts = &job->shards[shard->number];
    const struct mem_counters *counters = heap_counters(shard->heap);
    baton_assert_held(&shard->baton);
    counts->total = (uint64_t)mem_counters_total(counters);
    for (int which = 0; which < MEM_CLASS_COUNT; which++) {
        if (mem_class_is_dataset((enum mem_class)which)) {
            counts->dataset += (uint64_t)__atomic_load_n(&counters->class_bytes[which], __ATOMIC_RELAXED);
        }
    }
    for (uint32_t db = 0; db < job->database_count; db++) {
        const struct keyspace *ks = &shard->databases[db];
        counts->keys += ks->key_count;
        counts->expires += ks->expiring_count;
        job->databases[db].keys += ks->key_count;
        job->databases[db].entry_bytes += ks->entry_bytes;
        job->databases[db].table_bytes += keyspace_table_bytes(ks);
        job->databases[db].expiry_bytes += keyspace_expiry_bytes(ks);
    }
}

/* Under all batons. */
static enum job_status look_at_moment(struct stats_job *job, struct exec *exec)
{
    struct server *server = exec->server;
    if (exec_waits_for_changes(exec)) {
        return JOB_WAIT;
    }
    memory_figures_count(server, &job->memory);
    for (uint32_t i = 0; i < server->shard_count; i++) {
        count_shard(job, &server->shards[i]);
    }
    job->job.shard = JOB_NO_SHARD;
    return JOB_MORE;
}

/* Shards from the last to the first, one moment of all, then the tables. */
static enum job_status stats_step(struct job *job, struct exec *exec)
{
    struct stats_job *stats = (struct stats_job *)job;
    if (job->shard == JOB_ALL_SHARDS) {
        return look_at_moment(stats, exec);
    }
    if (job->shard == JOB_NO_SHARD) {
        begin_reply(exec, stats);
        job->shard = (int32_t)exec->server->shard_count - 1;
        return JOB_MORE;
    }
    if (stats->map.reply == NULL) {
        baton_assert_held(&exec->shard->baton);
        memory_walk_shard(exec->shard, &stats->walks[job->shard]);
        job->shard = job->shard > 0 ? job->shard - 1 : JOB_ALL_SHARDS;
        return JOB_MORE;
    }
    if (!memory_table_walk_step(&stats->tables, job, exec, write_table, &stats->map)) {
        return JOB_MORE;
    }
    map_end(&stats->map);
    return JOB_DONE;
}

static void stats_destroy(struct job *job, struct exec *exec)
{
    (void)exec;
    thread_free(MEM_SERVER, job, stats_job_size(((struct stats_job *)job)->database_count));
}

void memory_stats_run(struct exec *exec)
{
    struct server *server = exec->server;
    const uint32_t databases = (uint32_t)atomic_load_explicit(&server->config->databases, memory_order_relaxed);
    struct stats_job *job = thread_alloc_zeroed(MEM_SERVER, stats_job_size(databases));
    if (job == NULL) {
        reply_error(exec->reply, ERROR_NO_MEMORY);
        return;
    }
    job->job = (struct job){.step = stats_step, .destroy = stats_destroy, .shard = (int32_t)server->shard_count - 1};
    job->database_count = databases;
    exec_start_job(exec, &job->job);
}

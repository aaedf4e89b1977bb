/* database.c - whole databases: DBSIZE FLUSHDB FLUSHALL SWAPDB.
 *
 * FLUSHDB and FLUSHALL take everything out of all shards in one short step under all batons. What was taken out goes to lazy
 * free in its shard, and is freed in steps by the background work there; SYNC, the default, helps, and answers when nothing is
 * left there.
 *
 * Invariant  At any moment outside of the step a database is as it was before, or empty, in all shards.  */
#include "base/number.h"
#include "client/session.h"
#include "cmd/core/answers.h"
#include "cmd/core/option.h"
#include "cmd/server/server_rows.h"
#include "data/key_top.h"
#include "exec/exec.h"
#include "mem/heap.h"
#include "query/table_databases.h"
#include "shard/key_lock.h"
#include "shard/lazy_free.h"
#include "shard/pinned.h"
#include "shard/server.h"
#include "shard/thread_stats.h"
#include "shard/blocked.h"
#include "shard/watch.h"
#include "tracking/tracking.h"

#include <assert.h>

/* Under all batons, and nothing is half done: so it shows no part of a command or transaction. A shard's own port answers for that shard: cluster clients add the
 * nodes up.  */
static void command_dbsize(struct exec *exec)
{
    const struct server *server = exec->server;
    if (exec_waits_for_changes(exec)) {
        return;
    }
    bool is_of_one = exec->session->is_shard_port;
    uint64_t count = 0;
    for (uint32_t i = 0; i < server->shard_count; i++) {
        if (!is_of_one || i == thread_number(exec->thread)) {
            count += __atomic_load_n(&server->shards[i].databases[exec->db].key_count, __ATOMIC_RELAXED);
        }
    }
    reply_integer(exec->reply, (int64_t)count);
}

/* --- FLUSHDB, FLUSHALL --- */

/* What was taken out of one shard. */
struct remains {
    size_t size;          /* of this block */
    uint32_t count;       /* of databases that had anything */
    uint32_t freed;       /* of these */
    struct keyspace databases[];
};

struct flush_job {
    struct job job;
    bool is_async;
    bool is_of_all;       /* FLUSHALL */
    uint32_t first_db, db_count;
    uint32_t shard_count;
    struct remains *remains[SHARD_COUNT_MAX]; /* by shard; NULL: nothing, or handed on */
};

enum { FLUSH_FREE_LIMIT = 8 }; /* entries between two looks at the clock: see LAZY_FREE_LIMIT */

/* The remains as a thing of lazy free; they themselves are freed at the end. */
static bool remains_free_step(void *thing, size_t limit)
{
    struct remains *remains = thing;
    if (remains->freed < remains->count && keyspace_free_step(&remains->databases[remains->freed], limit)) {
        remains->freed++;
    }
    if (remains->freed < remains->count) {
        return false;
    }
    thread_free(MEM_SERVER, remains, remains->size);
    return true;
}

static bool has_anything(const struct keyspace *keyspace)
{
    return keyspace->key_count > 0 || keyspace_table_bytes(keyspace) > 0 || keyspace_expiry_bytes(keyspace) > 0;
}

/* Room for all that the flush will take out of the shard. False: no memory. */
static bool prepare_remains(struct flush_job *flush, const struct shard *shard)
{
    uint32_t count = 0;
    for (uint32_t db = flush->first_db; db < flush->first_db + flush->db_count; db++) {
        count += has_anything(&shard->databases[db]);
    }
    if (count == 0) {
        return true;
    }
    size_t size = sizeof(struct remains) + count * sizeof(struct keyspace);
    struct remains *remains = thread_alloc(MEM_SERVER, size);
    if (remains == NULL) {
        return false;
    }
    *remains = (struct remains){.size = size};
    flush->remains[shard->number] = remains;
    return true;
}

/* Returns how many keys there were. */
static uint64_t detach_databases(struct flush_job *flush, struct shard *shard)
{
    struct remains *remains = flush->remains[shard->number];
    uint64_t keys = 0;
    for (uint32_t db = flush->first_db; remains != NULL && db < flush->first_db + flush->db_count; db++) {
        struct keyspace *keyspace = &shard->databases[db];
        if (has_anything(keyspace)) {
            keys += keyspace->key_count;
            keyspace_detach(keyspace, &remains->databases[remains->count++]);
        }
    }
    return keys;
}

static uint64_t remains_bytes(const struct remains *remains)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < remains->count; i++) {
        const struct keyspace *ks = &remains->databases[i];
        bytes += ks->entry_bytes + keyspace_table_bytes(ks) + keyspace_expiry_bytes(ks);
    }
    return bytes;
}

static void lazy_free_remains(struct flush_job *flush, struct server *server)
{
    for (uint32_t i = 0; i < flush->shard_count; i++) {
        if (flush->remains[i] != NULL) {
            struct shard *shard = &server->shards[i];
            baton_assert_held(&shard->baton);
            lazy_free_add(shard, remains_free_step, flush->remains[i], remains_bytes(flush->remains[i]));
            flush->remains[i] = NULL;
        }
    }
}

static void forget_remains(struct flush_job *flush)
{
    for (uint32_t i = 0; i < flush->shard_count; i++) {
        if (flush->remains[i] != NULL) {
            thread_free(MEM_SERVER, flush->remains[i], flush->remains[i]->size);
            flush->remains[i] = NULL;
        }
    }
}

/* Further steps of SYNC: lazy free of one shard after the other, until nothing is left there. */
static enum job_status free_step(struct job *job, struct exec *exec)
{
    const struct flush_job *flush = (const struct flush_job *)job;
    baton_assert_held(&exec->shard->baton);
    while (lazy_free_step(exec->shard, FLUSH_FREE_LIMIT)) {
        if (exec_step_is_over(exec)) {
            return JOB_MORE;
        }
    }
    if ((uint32_t)job->shard + 1 == flush->shard_count) {
        reply_ok(exec->reply);
        return JOB_DONE;
    }
    job->shard++;
    return JOB_MORE;
}

/* A job reads a key of any shard in steps, or has locked some: true, and exec_wait_for was called. */
static bool must_wait_for_pins(struct exec *exec)
{
    struct server *server = exec->server;
    for (uint32_t i = 0; i < server->shard_count; i++) {
        struct shard *shard = &server->shards[i];
        baton_assert_held(&shard->baton);
        if (shard_job_pins(shard) > 0 || shard_has_lock_in_use(shard, exec->depth > 0)) {
            exec_wait_for(exec, shard, WAIT_PINS, 0, WAIT_ALONE);
            return true;
        }
    }
    return false;
}

/* All keys of the databases change at once: those who watch them hear of it, and those who are blocked for them are served when it is
 * done. Under all batons, before.  */
static void note_databases(struct server *server, uint32_t first_db, uint32_t db_count, uint32_t other)
{
    for (uint32_t i = 0; i < server->shard_count; i++) {
        for (uint32_t db = first_db; db < first_db + db_count; db++) {
            watches_mark_database(&server->shards[i], db, other);
            blocked_note_database(&server->shards[i], db, other != WATCH_NO_OTHER);
        }
    }
}

/* The first step, under all batons. */
static enum job_status detach_step(struct job *job, struct exec *exec)
{
    struct flush_job *flush = (struct flush_job *)job;
    struct server *server = exec->server;
    if (must_wait_for_pins(exec)) {
        return JOB_WAIT;
    }
    bool is_ready = true;
    for (uint32_t i = 0; is_ready && i < flush->shard_count; i++) {
        is_ready = prepare_remains(flush, &server->shards[i]);
    }
    uint32_t tables_of = flush->is_of_all ? TABLE_ALL_DATABASES : flush->first_db;
    if (!is_ready || !table_databases_flush(exec, tables_of)) {
        forget_remains(flush);
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return JOB_DONE;
    }
    note_databases(server, flush->first_db, flush->db_count, WATCH_NO_OTHER);
    uint64_t keys = 0;
    for (uint32_t i = 0; i < flush->shard_count; i++) {
        keys += detach_databases(flush, &server->shards[i]);
    }
    tracking_invalidate_all(exec->thread);
    exec_count_changes(exec, keys);
    lazy_free_remains(flush, server);
    if (flush->is_async) {
        reply_ok(exec->reply);
        return JOB_DONE;
    }
    job->step = free_step;
    job->shard = 0;
    return JOB_MORE;
}

static void flush_destroy(struct job *job, struct exec *exec)
{
    (void)exec;
    thread_free(MEM_SERVER, job, sizeof(struct flush_job));
}

enum { FLUSH_ASYNC = 1, FLUSH_SYNC = 2 };

static const struct option flush_options[] = {
    {"ASYNC", FLUSH_ASYNC, FLUSH_ASYNC | FLUSH_SYNC, false},
    {"SYNC", FLUSH_SYNC, FLUSH_ASYNC | FLUSH_SYNC, false},
    {0},
};

static void start_flush(struct exec *exec, bool is_of_all)
{
    struct option_walk walk = {.at = 1};
    while (option_next(exec, flush_options, &walk)) {
    }
    if (walk.at < exec->argc) {
        reply_error(exec->reply, ERROR_SYNTAX);
        return;
    }
    struct flush_job *flush = thread_alloc_zeroed(MEM_SERVER, sizeof *flush);
    if (flush == NULL) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return;
    }
    flush->job = (struct job){.step = detach_step, .destroy = flush_destroy, .shard = JOB_ALL_SHARDS};
    flush->is_async = walk.flags & FLUSH_ASYNC;
    flush->is_of_all = is_of_all;
    flush->first_db = is_of_all ? 0 : exec->db;
    flush->db_count = is_of_all ? (uint32_t)exec->server->config->databases : 1;
    flush->shard_count = exec->server->shard_count;
    exec_start_job(exec, &flush->job);
}

static void command_flushdb(struct exec *exec)
{
    start_flush(exec, false);
}

static void command_flushall(struct exec *exec)
{
    start_flush(exec, true);
}

/* --- SWAPDB --- */

/* Word by word and relaxed, because other threads read the counters meanwhile. */
static void swap_keyspaces(struct keyspace *a, struct keyspace *b)
{
    _Static_assert(sizeof(struct keyspace) % sizeof(uint64_t) == 0, "made of words");
    uint64_t *words_a = (uint64_t *)a;
    uint64_t *words_b = (uint64_t *)b;
    for (size_t i = 0; i < sizeof(struct keyspace) / sizeof(uint64_t); i++) {
        uint64_t word = words_a[i];
        __atomic_store_n(&words_a[i], words_b[i], __ATOMIC_RELAXED);
        __atomic_store_n(&words_b[i], word, __ATOMIC_RELAXED);
    }
}

static void command_swapdb(struct exec *exec)
{
    uint32_t a, b;
    int64_t number;
    /* As in Redis both must be numbers before either must be in range. */
    if (int64_parse(exec->argv[1], &number) && number >= INT32_MIN && number <= INT32_MAX &&
        !(int64_parse(exec->argv[2], &number) && number >= INT32_MIN && number <= INT32_MAX)) {
        reply_error(exec->reply, "ERR invalid second DB index");
        return;
    }
    if (!exec_database_argument(exec, 1, "ERR invalid first DB index", &a) ||
        !exec_database_argument(exec, 2, "ERR invalid second DB index", &b)) {
        return;
    }
    if (a != b && must_wait_for_pins(exec)) {
        return;
    }
    if (a != b && !table_databases_swap(exec, a, b)) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
        return;
    }
    if (a != b) {
        note_databases(exec->server, a, 1, b);
        note_databases(exec->server, b, 1, a);
        tracking_invalidate_all(exec->thread); /* redis-server 7.0 says nothing, and caches keep the other database's values */
    }
    for (uint32_t i = 0; a != b && i < exec->server->shard_count; i++) {
        baton_assert_held(&exec->server->shards[i].baton);
        swap_keyspaces(&exec->server->shards[i].databases[a], &exec->server->shards[i].databases[b]);
        key_top_swapped(exec->server->shards[i].top, a, b);
    }
    exec_count_changes(exec, 1);
    reply_ok(exec->reply);
}

#define EVERY_SHARD_OK "request_policy:all_shards response_policy:all_succeeded"

const struct command_spec database_commands[] = {
    {.name = "dbsize", .run = command_dbsize, .waits = exec_waits_for_changes, .arity = 1, .scope = SCOPE_ALL, .flags = COMMAND_READONLY | COMMAND_FAST,
     .since = "1.0.0", .group = "server", .acl = "keyspace", .complexity = "O(1)",
     .summary = "Counts the keys of the selected database.", .tips = "request_policy:all_shards response_policy:agg_sum"},
    {.name = "flushall", .run = command_flushall, .waits = must_wait_for_pins, .arity = -1, .scope = SCOPE_SESSION, .flags = COMMAND_WRITE,
     .since = "1.0.0", .group = "server", .acl = "keyspace dangerous",
     .complexity = "O(N), N the number of keys and rows, in steps", .summary = "Removes all keys and tables.",
     .syntax = "[ASYNC|SYNC]", .tips = EVERY_SHARD_OK},
    {.name = "flushdb", .run = command_flushdb, .waits = must_wait_for_pins, .arity = -1, .scope = SCOPE_SESSION, .flags = COMMAND_WRITE,
     .since = "1.0.0", .group = "server", .acl = "keyspace dangerous",
     .complexity = "O(N), N the number of keys and rows of the database, in steps",
     .summary = "Removes all keys and tables of the selected database.", .syntax = "[ASYNC|SYNC]", .tips = EVERY_SHARD_OK},
    {.name = "swapdb", .run = command_swapdb, .waits = must_wait_for_pins, .arity = 3, .scope = SCOPE_ALL, .flags = COMMAND_WRITE | COMMAND_FAST,
     .since = "4.0.0", .group = "server", .acl = "keyspace dangerous", .complexity = "O(N), N the number of shards and tables",
     .summary = "Exchanges the content of two databases.", .syntax = "index1 index2"},
    {0},
};

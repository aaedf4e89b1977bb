/* memory.c - MEMORY: the container, and its short subcommands USAGE, PURGE, MALLOC-STATS and HELP.
 *
 * MEMORY USAGE is exact: every key and table knows its bytes. SAMPLES is taken and not needed.
 *
 * Read on    memory_stats.c, memory_top.c, memory_prefix.c, memory_history.c, memory_doctor.c, memory_audit.c; docs/MEMORY.md.  */
#include "cmd/core/answers.h"
#include "cmd/memory/memory_private.h"
#include "cmd/memory/memory_rows.h"

#include "exec/exec.h"
#include "mem/allocator_stats.h"
#include "shard/defrag.h"
#include "table/table.h"

/* --- USAGE --- */

/* Keys first, with Redis's grammar: an even number of words can only be a table. */
enum { USAGE_NAME = 2, USAGE_TABLE_WORDS = 4, USAGE_INDEX_WORDS = 6 };

static bool usage_is_of_table(const struct exec *exec)
{
    if (!bytes_equal_ignore_case(exec->argv[USAGE_NAME], BYTES("TABLE"))) {
        return false;
    }
    return exec->argc == USAGE_TABLE_WORDS ||
           (exec->argc == USAGE_INDEX_WORDS && bytes_equal_ignore_case(exec->argv[4], BYTES("INDEX")));
}

/* A table's figures may be read under any shard's baton. */
static int32_t usage_route(struct exec *exec)
{
    if (usage_is_of_table(exec)) {
        return 0;
    }
    return (int32_t)server_shard_of_key(exec->server, exec->argv[USAGE_NAME])->number;
}

static struct table *find_table(struct exec *exec, struct bytes name)
{
    const struct catalogue *catalogue = atomic_load_explicit(&exec->server->catalogue, memory_order_acquire);
    return catalogue_find(catalogue, exec->db, name);
}

static void usage_of_table(struct exec *exec)
{
    const struct table *table = find_table(exec, exec->argv[3]);
    if (table == NULL) {
        reply_error(exec->reply, "ERR table schema does not exist");
        return;
    }
    if (exec->argc == USAGE_INDEX_WORDS) {
        uint64_t bytes;
        if (table_index_memory(table, exec->argv[5], &bytes)) {
            reply_integer(exec->reply, (int64_t)bytes);
        } else {
            reply_error(exec->reply, "ERR column does not exist");
        }
        return;
    }
    struct table_memory memory;
    table_memory(table, &memory);
    reply_integer(exec->reply, (int64_t)(memory.row_bytes + memory.index_bytes + memory.catalogue_bytes));
}

/* True when the words after the key are SAMPLES with a number; otherwise replies the error. */
static bool usage_check_samples(struct exec *exec)
{
    for (uint32_t i = USAGE_NAME + 1; i < exec->argc; i += 2) {
        int64_t samples;
        if (!bytes_equal_ignore_case(exec->argv[i], BYTES("SAMPLES")) || i + 1 == exec->argc) {
            reply_error(exec->reply, ERROR_SYNTAX);
            return false;
        }
        if (!exec_int64_argument(exec, i + 1, &samples)) {
            return false;
        }
        if (samples < 0) {
            reply_error(exec->reply, ERROR_SYNTAX);
            return false;
        }
    }
    return true;
}

/* "schema:ns.t" names no key: then the bytes that describe that table. */
static bool usage_of_schema(struct exec *exec, struct bytes name)
{
    const struct bytes prefix = BYTES("schema:");
    if (name.len <= prefix.len || memcmp(name.data, prefix.data, prefix.len) != 0) {
        return false;
    }
    const struct table *table = find_table(exec, (struct bytes){name.data + prefix.len, name.len - prefix.len});
    if (table == NULL) {
        return false;
    }
    struct table_memory memory;
    table_memory(table, &memory);
    reply_integer(exec->reply, (int64_t)memory.catalogue_bytes);
    return true;
}

static void memory_usage_run(struct exec *exec)
{
    if (usage_is_of_table(exec)) {
        usage_of_table(exec);
        return;
    }
    if (!usage_check_samples(exec)) {
        return;
    }
    /* Neither a hit nor an access: who looks at memory must not change what is evicted. */
    const struct key key = exec_key(exec, USAGE_NAME);
    const struct entry *entry = keyspace_find(exec_keyspace(exec, key), key, exec->now_ms);
    if (entry != NULL) {
        reply_integer(exec->reply, (int64_t)entry_memory_bytes(entry));
    } else if (!usage_of_schema(exec, key.name)) {
        reply_null(exec->reply);
    }
}

/* --- PURGE --- */

/* First each thread gives back what it has for itself, then each shard, a step apiece. */
static void purge_thread(struct thread *thread, void *arg)
{
    (void)thread;
    (void)arg;
    thread_heap_collect();
}

struct purge_job {
    struct job job;
    bool is_begun; /* on job.shard */
};

/* One shard after the other: a defragmentation cycle, then its free pages go. */
static enum job_status purge_step(struct job *job, struct exec *exec)
{
    struct purge_job *purge = (struct purge_job *)job;
    baton_assert_held(&exec->shard->baton);
    if (!purge->is_begun) {
        if (exec->shard->defrag.is_purging) {
            return JOB_PAUSE; /* another MEMORY PURGE */
        }
        purge->is_begun = true;
        defrag_purge_begin(exec->shard);
        return JOB_MORE;
    }
    if (!defrag_purge_step(exec->shard)) {
        return JOB_MORE;
    }
    defrag_purge_end(exec->shard);
    purge->is_begun = false;
    if ((uint32_t)job->shard + 1 < exec->server->shard_count) {
        job->shard++;
        return JOB_MORE;
    }
    reply_ok(exec->reply);
    return JOB_DONE;
}

static void purge_destroy(struct job *job, struct exec *exec)
{
    struct purge_job *purge = (struct purge_job *)job;
    if (purge->is_begun) {
        struct shard *shard = &exec->server->shards[job->shard];
        baton_assert_held(&shard->baton);
        defrag_purge_end(shard);
    }
    thread_free(MEM_SERVER, purge, sizeof *purge);
}

static void purge_shards(struct exec *exec, void *arg)
{
    struct job *job = arg;
    if (exec->session == NULL) {
        purge_destroy(job, exec);
    } else {
        exec_start_job(exec, job);
    }
}

static void memory_purge_run(struct exec *exec)
{
    struct purge_job *job = thread_alloc_zeroed(MEM_SERVER, sizeof *job);
    if (job == NULL) {
        reply_error(exec->reply, ERROR_NO_MEMORY);
        return;
    }
    job->job = (struct job){.step = purge_step, .destroy = purge_destroy, .shard = 0};
    exec_call_threads(exec, purge_thread, purge_shards, job);
}

/* --- MALLOC-STATS --- */

static void memory_malloc_stats_run(struct exec *exec)
{
    struct buffer text = BUFFER_EMPTY(MEM_OUTPUT_BUFFER);
    if (mem_allocator_stats(&text)) {
        reply_verbatim(exec->reply, "txt", buffer_bytes(&text));
    } else {
        reply_error(exec->reply, ERROR_NO_MEMORY);
    }
    buffer_release(&text);
}

static const struct command_spec memory_subcommands[] = {
    {
        .name = "audit",
        .run = memory_audit_run,
        .arity = 2,
        .scope = SCOPE_SESSION,
        .since = "1.0.0",
        .group = "server",
        .complexity = "O(N) with the number of keys, rows and heap pages; stalls one shard at a time.",
        .summary = "Checks that the memory counters agree with everything that is there.",
    },
    {
        .name = "doctor",
        .run = memory_doctor_run,
        .arity = 2,
        .scope = SCOPE_SESSION,
        .since = "4.0.0",
        .group = "server",
        .tips = "nondeterministic_output request_policy:all_shards response_policy:special",
        .complexity = "O(N) with the number of pages of heaps and tables, in steps.",
        .summary = "Tells where the memory is and what should be done about it.",
    },
    {COMMAND_HELP_ROW, .since = "4.0.0", .group = "server"},
    {
        .name = "history",
        .run = memory_history_run,
        .arity = -2,
        .scope = SCOPE_SESSION,
        .since = "1.0.0",
        .group = "server",
        .tips = "nondeterministic_output",
        .complexity = "O(N) with the number of samples in the reply.",
        .summary = "Shows memory over time: a sample a second for ten minutes, one a minute for a day.",
        .syntax = "[COUNT count]",
    },
    {
        .name = "malloc-stats",
        .run = memory_malloc_stats_run,
        .arity = 2,
        .scope = SCOPE_SESSION,
        .since = "4.0.0",
        .group = "server",
        .tips = "nondeterministic_output request_policy:all_shards response_policy:special",
        .complexity = "O(1)",
        .summary = "Shows the allocator's own report.",
    },
    {
        .name = "prefix",
        .run = memory_prefix_run,
        .arity = -2,
        .scope = SCOPE_SESSION,
        .since = "1.0.0",
        .group = "server",
        .tips = "nondeterministic_output",
        .complexity = "O(N) with the number of keys in the database, in steps.",
        .summary = "Adds up keys and bytes by the beginnings of the keys' names.",
        .syntax = "[DELIM delimiter] [DEPTH depth] [COUNT count]",
    },
    {
        .name = "purge",
        .run = memory_purge_run,
        .arity = 2,
        .scope = SCOPE_SESSION,
        .since = "4.0.0",
        .group = "server",
        .tips = "request_policy:all_shards response_policy:all_succeeded",
        .complexity = "O(N) with the number of heap pages.",
        .summary = "Gives free pages back to the system.",
    },
    {
        .name = "stats",
        .run = memory_stats_run,
        .waits = exec_waits_for_changes,
        .arity = 2,
        .scope = SCOPE_SESSION,
        .since = "4.0.0",
        .group = "server",
        .tips = "nondeterministic_output request_policy:all_shards response_policy:special",
        .complexity = "O(D + T), the databases and the tables, and 25 ns for each 64 KiB of memory.",
        .summary = "Shows exact memory figures by purpose, database, type, shard and table.",
    },
    {
        .name = "top",
        .run = memory_top_run,
        .arity = -2,
        .scope = SCOPE_SESSION,
        .since = "1.0.0",
        .group = "server",
        .tips = "nondeterministic_output",
        .complexity = "O(1) with the number of keys, as a rule; O(N) in steps after the biggest were deleted.",
        .summary = "Lists the biggest keys and tables.",
        .syntax = "[COUNT count] [TYPE type]",
    },
    {
        .name = "usage",
        .run = memory_usage_run,
        .route = usage_route,
        .arity = -3,
        .scope = SCOPE_ROUTED,
        .flags = COMMAND_READONLY,
        .keys = {2, 2, 1},
        .key_flags = "RO",
        .since = "4.0.0",
        .group = "server",
        .complexity = "O(1)",
        .summary = "Tells the exact bytes of a key; also of what describes a table (schema:ns.t), and of TABLE ns.t [INDEX column].",
        .syntax = "key [SAMPLES count]",
    },
    {0},
};

const struct command_spec memory_commands[] = {
    {
        .name = "memory",
        .arity = -2,
        .scope = SCOPE_SESSION,
        .since = "4.0.0",
        .group = "server",
        .complexity = "Depends on subcommand.",
        .summary = "Tells and mends what concerns memory.",
        .subcommands = memory_subcommands,
    },
    {0},
};

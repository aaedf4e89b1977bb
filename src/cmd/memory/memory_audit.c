/* memory_audit.c - MEMORY AUDIT: counts everything again and compares it with the running counters.
 *
 * Invariants checked, for each shard under its baton
 *   A1 the entries of all keyspaces add up to the classes of keys (string .. stream);
 *   A2 their dictionaries to MEM_KEY_TABLE, A3 their expiry indexes to MEM_EXPIRY_INDEX; the structures are valid;
 *   A4 the tables' rows and A5 indexes to MEM_TABLE_ROW and MEM_TABLE_INDEX; on shard 0, A6 the catalogue to MEM_CATALOGUE;
 *   A7 a walk over the heap finds the bytes that its classes add up to;
 * and for the server: A8 no class is below zero, and the classes add up to used_memory.
 *
 * Threads    One shard after the other is stalled for the time of its walk (about 0.25 s for each million keys); the others
 *            and, between the walks, all of them go on serving.
 * Limits     What was dropped and is freed in steps belongs to no key, nor do results that a job builds: a shard is looked at when
 *            nothing of it waits for lazy free and no job holds a pin. A
 *            dropped table that a running statement still reads makes A4 .. A6 differ for a while: such a
 *            difference counts when it is still there after AUDIT_RETRIES looks, a millisecond or more apart.  */
#include "cmd/core/answers.h"
#include "cmd/memory/memory_private.h"

#include "exec/exec.h"
#include "shard/lazy_free.h"
#include "table/table.h"

#include <stdio.h>

enum { AUDIT_RETRIES = 1000, AUDIT_TOTAL_LOOKS = 1000, FINDING_MAX = 320, STRUCTURE_FINDING_MAX = 200 };

#if defined(TESSERA_NO_COUNTERS)
static const bool bytes_are_counted = false;
#else
static const bool bytes_are_counted = true;
#endif

struct audit_job {
    struct job job;
    unsigned retries;
    char finding[FINDING_MAX];
};

/* Notes the finding and returns false. */
PRINTF_LIKE(2, 3) static bool finding(struct audit_job *audit, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(audit->finding, sizeof audit->finding, format, arguments);
    va_end(arguments);
    return false;
}

/* `what` has `found` bytes, and the counter says `counted`. */
static bool check_bytes(struct audit_job *audit, const struct shard *shard, const char *what, uint64_t found, int64_t counted)
{
    if (counted >= 0 && found == (uint64_t)counted) {
        return true;
    }
    return finding(audit, "shard %u: %s: found %llu bytes, counted %lld", shard->number, what, (unsigned long long)found,
                   (long long)counted);
}

/* A1 - A3 */
static bool check_keys(struct audit_job *audit, struct exec *exec)
{
    const struct shard *shard = exec->shard;
    const int64_t databases = atomic_load_explicit(&exec->server->config->databases, memory_order_relaxed);
    struct keyspace_tally seen = {0};
    for (int64_t db = 0; db < databases; db++) {
        char text[STRUCTURE_FINDING_MAX];
        if (!keyspace_audit(&shard->databases[db], &seen, text)) {
            return finding(audit, "shard %u: database %lld: %s", shard->number, (long long)db, text);
        }
    }
    const int64_t *counted = heap_counters(shard->heap)->class_bytes;
    const int64_t entries = counted[MEM_STRING] + counted[MEM_LIST] + counted[MEM_SET] + counted[MEM_HASH] +
                            counted[MEM_ZSET] + counted[MEM_STREAM];
    return check_bytes(audit, shard, "keys", seen.entry_bytes, entries) &&
           check_bytes(audit, shard, "key tables", seen.table_bytes, counted[MEM_KEY_TABLE]) &&
           check_bytes(audit, shard, "expiry indexes", seen.expiry_bytes, counted[MEM_EXPIRY_INDEX]);
}

struct table_check {
    struct audit_job *audit;
    const struct shard *shard;
    struct table_memory found;
    bool is_broken;
};

static void check_table(uint32_t db, const struct table *table, void *arg)
{
    struct table_check *check = arg;
    char text[STRUCTURE_FINDING_MAX];
    if (!check->is_broken && !table_audit(table, check->shard->number, &check->found, text)) {
        const struct bytes name = table_name(table);
        check->is_broken = true;
        finding(check->audit, "shard %u: table %.*s of database %u: %s", check->shard->number, (int)name.len, name.data, db,
                text);
    }
}

static int64_t counted_in_all_heaps(const struct server *server, enum mem_class which)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < server->shard_count; i++) {
        sum += __atomic_load_n(&heap_counters(server->shards[i].heap)->class_bytes[which], __ATOMIC_RELAXED);
    }
    return sum;
}

/* A4 - A6. *is_passing: the difference may go away by itself. */
static bool check_tables(struct audit_job *audit, struct exec *exec, bool *is_passing)
{
    const struct shard *shard = exec->shard;
    const struct catalogue *catalogue = atomic_load_explicit(&exec->server->catalogue, memory_order_acquire);
    struct table_check check = {.audit = audit, .shard = shard};
    catalogue_visit(catalogue, check_table, &check);
    if (check.is_broken) {
        *is_passing = false;
        return false;
    }
    *is_passing = true;
    const int64_t *counted = heap_counters(shard->heap)->class_bytes;
    return check_bytes(audit, shard, "table rows", check.found.row_bytes, counted[MEM_TABLE_ROW]) &&
           check_bytes(audit, shard, "table indexes", check.found.index_bytes, counted[MEM_TABLE_INDEX]) &&
           (shard->number != 0 || check_bytes(audit, shard, "catalogue", catalogue_bytes(catalogue),
                                              counted_in_all_heaps(exec->server, MEM_CATALOGUE)));
}

/* A7 */
static bool check_heap(struct audit_job *audit, const struct shard *shard)
{
    struct heap_walk walk;
    if (!heap_walk(shard->heap, &walk)) {
        return true; /* this build's allocator cannot be walked */
    }
    return check_bytes(audit, shard, "heap", walk.used_bytes, mem_counters_total(heap_counters(shard->heap)));
}

/* One look at A8, while other threads' buffers come and go. *is_still: used_memory was the same before and after. */
static bool look_at_totals(struct audit_job *audit, struct server *server, bool *is_still)
{
    const int64_t used = server_used_bytes(server);
    struct mem_counters total = {0};
    thread_heaps_total(&total);
    for (uint32_t i = 0; i < server->shard_count; i++) {
        mem_counters_add(&total, heap_counters(server->shards[i].heap));
    }
    const int64_t sum = mem_counters_total(&total);
    *is_still = used == server_used_bytes(server);
    if (sum != used) {
        return finding(audit, "used_memory is %lld, its classes add up to %lld", (long long)used, (long long)sum);
    }
    for (int i = 0; i < MEM_CLASS_COUNT; i++) {
        if (total.class_bytes[i] < 0 || total.class_blocks[i] < 0) {
            return finding(audit, "class %s: counted %lld bytes in %lld blocks", mem_class_name((enum mem_class)i),
                           (long long)total.class_bytes[i], (long long)total.class_blocks[i]);
        }
    }
    return true;
}

/* A8 fails when every look at a server that stood still meanwhile fails. */
static bool check_totals(struct audit_job *audit, struct server *server)
{
    bool has_failed = false;
    for (unsigned i = 0; i < AUDIT_TOTAL_LOOKS; i++) {
        bool is_still;
        if (look_at_totals(audit, server, &is_still)) {
            return true;
        }
        has_failed |= is_still;
    }
    return !has_failed;
}

static enum job_status reply_finding(const struct audit_job *audit, struct exec *exec)
{
    reply_errorf(exec->reply, "ERR memory audit: %s", audit->finding);
    return JOB_DONE;
}

static enum job_status audit_step(struct job *job, struct exec *exec)
{
    struct audit_job *audit = (struct audit_job *)job;
    if (job->shard == JOB_NO_SHARD) {
        if (!check_totals(audit, exec->server)) {
            return reply_finding(audit, exec);
        }
        reply_ok(exec->reply);
        return JOB_DONE;
    }
    baton_assert_held(&exec->shard->baton);
    if (!lazy_free_is_empty(exec->shard) || exec->shard->pinned_count > 0) {
        return JOB_PAUSE;
    }
    bool is_passing;
    if (!check_tables(audit, exec, &is_passing)) {
        audit->retries++;
        return is_passing && audit->retries <= AUDIT_RETRIES ? JOB_PAUSE : reply_finding(audit, exec);
    }
    if (!check_keys(audit, exec) || !check_heap(audit, exec->shard)) {
        return reply_finding(audit, exec);
    }
    audit->retries = 0;
    job->shard = (uint32_t)job->shard + 1 < exec->server->shard_count ? job->shard + 1 : JOB_NO_SHARD;
    return JOB_MORE;
}

static void audit_destroy(struct job *job, struct exec *exec)
{
    (void)exec;
    thread_free(MEM_SERVER, job, sizeof(struct audit_job));
}

void memory_audit_run(struct exec *exec)
{
    if (!bytes_are_counted) {
        reply_error(exec->reply, "ERR this build counts no memory");
        return;
    }
    struct audit_job *audit = thread_alloc_zeroed(MEM_SERVER, sizeof *audit);
    if (audit == NULL) {
        reply_error(exec->reply, ERROR_NO_MEMORY);
        return;
    }
    audit->job = (struct job){.step = audit_step, .destroy = audit_destroy, .shard = 0};
    exec_start_job(exec, &audit->job);
}

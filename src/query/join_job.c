/* join_job.c - see join_job.h.  */
#include "query/join_job.h"

#include "mem/heap.h"
#include "query/ddl.h"
#include "query/join_run.h"
#include "query/slice_wait.h"
#include "shard/server.h"

#include <assert.h>
#include <inttypes.h>

enum { LINK_STEPS = 128, SETTLE_STEPS = 64 };

enum phase { PHASE_START, PHASE_PLAN, PHASE_READ, PHASE_LINK, PHASE_SETTLE, PHASE_TAKE, PHASE_REPLY, PHASE_END };

struct join_job {
    struct job job;
    join_read_fn *read;
    const struct statement_replies *replies;
    enum phase phase;
    bool is_locked;
    enum table_result result;
    struct arena arena;    /* the round's plan */
    struct join_round round;
    struct join *join;     /* the round's; NULL: none was read */
    struct join_lock locks[JOIN_LOCKS_MAX]; /* is_locked */
    uint32_t lock_count;
    struct arena values;   /* what rounds have given */
    struct query_values known;
    uint32_t refused;      /* the level whose statement has refused; its limit is told */
    struct select_run select;
    struct join_run run;
    struct sql_fault fault;
};

static struct statement *statement_at(const struct join_job *job, uint32_t level)
{
    return &job->join->levels[level].statement;
}

/* --- locks --- */

static void unlock(struct exec *exec, const struct join_lock *locks, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        slices_unlock(exec, locks[i].table, locks[i].range, SLICES_READ);
    }
}

static bool lock_all(struct join_job *job, struct exec *exec)
{
    job->lock_count = job->round.lock_count;
    for (uint32_t i = 0; i < job->lock_count; i++) {
        job->locks[i] = job->round.locks[i];
        if (!slices_lock(exec, job->locks[i].table, job->locks[i].range, SLICES_READ)) {
            unlock(exec, job->locks, i);
            return false;
        }
    }
    return true;
}

static bool must_wait(const struct join_job *job, struct exec *exec)
{
    for (uint32_t i = 0; i < job->round.lock_count; i++) {
        const struct join_lock *lock = &job->round.locks[i];
        const struct statement reader = {.kind = STATEMENT_SELECT, .table = lock->table};
        if (slices_wait_for_script(exec, lock->range) || statement_must_wait(&reader, exec, lock->range)) {
            return true;
        }
    }
    return false;
}

/* The round that was read is about the tables that are locked: none of them was dropped or replaced meanwhile. */
static bool is_about_locked(const struct join_job *job)
{
    bool is_same = job->round.lock_count == job->lock_count;
    for (uint32_t i = 0; i < job->lock_count && is_same; i++) {
        is_same = job->round.locks[i].table == job->locks[i].table;
    }
    return is_same;
}

/* Tables that were dropped meanwhile end with the last lock; one that stands twice in the join is looked at once. */
static void give_back(struct join_job *job, struct exec *exec)
{
    job->is_locked = false;
    unlock(exec, job->locks, job->lock_count);
    for (uint32_t i = 0; i < job->lock_count; i++) {
        struct table *table = job->locks[i].table;
        uint32_t before = 0;
        while (before < i && job->locks[before].table != table) {
            before++;
        }
        if (before == i) {
            ddl_end_if_dropped(exec, table);
        }
    }
}

/* --- the phases --- */

static enum job_status refuse(struct join_job *job, struct exec *exec, enum table_result result)
{
    if (result == TABLE_FAULT) {
        job->replies->fault(exec, &job->fault);
    } else {
        job->replies->refuse(exec, result, job->join != NULL ? statement_at(job, job->refused) : NULL);
    }
    return JOB_DONE;
}

static enum job_status begin_end(struct join_job *job, enum table_result result)
{
    job->result = result;
    job->phase = PHASE_END;
    job->job.shard = JOB_ALL_SHARDS;
    return JOB_MORE;
}

static enum job_status fail_limit(struct join_job *job)
{
    sql_fault_set(&job->fault, SQL_FAULT_MEANING, job->join->select->text, 0, "the %s more than table-join-memory (%" PRIu64 " bytes)",
                  job->round.query_count > 0 ? "statement takes" : "join takes", job->run.memory.limit_bytes);
    return begin_end(job, TABLE_FAULT);
}

/* The select has failed, or the limit was met. */
static enum job_status fail_run(struct join_job *job)
{
    if (job->run.is_too_large) {
        return fail_limit(job);
    }
    if (job->select.failed == EXPRESSION_OK) { /* a part has, and the run does not know */
        const enum select_status status = select_run_settle(&job->select, 1);
        assert(status == SELECT_FAILED);
        (void)status;
    }
    return begin_end(job, statement_run_result(&job->select, &job->fault));
}

static enum job_status begin_read(struct join_job *job, struct exec *exec)
{
    job->phase = PHASE_READ;
    job->job.shard = JOB_NO_SHARD;
    return join_run_start(&job->run, exec) ? JOB_PARTS : begin_end(job, TABLE_NO_MEMORY);
}

static enum table_result check(struct join_job *job, const struct exec *exec)
{
    enum table_result result = TABLE_OK;
    for (uint32_t i = 0; i < job->join->count && result == TABLE_OK; i++) {
        job->refused = i;
        if (!job->join->levels[i].is_looked_up) {
            result = statement_check(statement_at(job, i), exec, job->join->levels[i].range);
        }
    }
    return result;
}

static enum table_result read_round(struct join_job *job, const struct exec *exec)
{
    job->join = NULL;
    job->refused = 0;
    arena_empty(&job->arena);
    const enum table_result result = job->read(&job->round, exec, &job->known, &job->arena, &job->fault);
    if (result != TABLE_OK) {
        return result;
    }
    job->join = job->round.join;
    return check(job, exec);
}

/* Room for what all rounds give. */
static bool make_values(struct join_job *job)
{
    arena_empty(&job->values);
    job->known = (struct query_values){.values = arena_alloc(&job->values, (job->round.query_count + 1u) * sizeof *job->known.values)};
    return job->known.values != NULL;
}

static enum job_status begin_round(struct join_job *job, struct exec *exec)
{
    const uint32_t shards = job->join->tables[0]->shard_count;
    const int64_t limit = atomic_load_explicit(&exec->server->config->table_join_memory, memory_order_relaxed);
    if (!select_run_create(&job->select, job->join->select, job->join->tables[0], shards, exec->now_ms * 1000) ||
        !join_run_create(&job->run, job->join, &job->select, shards, (uint64_t)limit)) {
        return begin_end(job, TABLE_NO_MEMORY);
    }
    job->select.joined = job->join->tables;
    if (!job->round.is_last) {
        struct query_value *value = &job->known.values[job->known.count];
        *value = job->round.value;
        value_set_begin(&value->set, &job->values, &exec->server->secret);
    }
    return begin_read(job, exec);
}

/* Every try begins anew: tables and schemas may have changed since the last one. */
static enum job_status step_start(struct join_job *job, struct exec *exec)
{
    const enum table_result result = read_round(job, exec);
    if (result != TABLE_OK) {
        return refuse(job, exec, result);
    }
    if (must_wait(job, exec) || !lock_all(job, exec)) {
        return JOB_WAIT;
    }
    job->is_locked = true;
    return make_values(job) ? begin_round(job, exec) : begin_end(job, TABLE_NO_MEMORY);
}

static enum job_status step_plan(struct join_job *job, struct exec *exec)
{
    const enum table_result result = read_round(job, exec);
    if (result != TABLE_OK) {
        return begin_end(job, result);
    }
    return is_about_locked(job) ? begin_round(job, exec) : begin_end(job, TABLE_MISSING);
}

static enum job_status step_read(struct join_job *job, struct exec *exec)
{
    uint64_t examined;
    (void)exec;
    if (!join_run_finish(&job->run, &examined)) {
        return fail_run(job);
    }
    job->refused = job->run.level;
    if (!statement_is_within_limit(statement_at(job, job->refused), examined)) {
        return begin_end(job, TABLE_SCAN_LIMIT);
    }
    job->phase = job->run.level > 0 ? PHASE_LINK : PHASE_SETTLE;
    return JOB_MORE;
}

static enum job_status step_link(struct join_job *job, struct exec *exec)
{
    enum join_status status;
    do {
        status = join_run_link(&job->run, LINK_STEPS);
    } while (status == JOIN_MORE && !exec_step_is_over(exec));
    if (status == JOIN_FAILED) {
        return fail_run(job);
    }
    return status == JOIN_DONE ? begin_read(job, exec) : JOB_MORE;
}

static enum job_status step_settle(struct join_job *job, struct exec *exec)
{
    enum select_status status;
    do {
        status = select_run_settle(&job->select, SETTLE_STEPS);
    } while (status == SELECT_MORE && !exec_step_is_over(exec));
    if (status == SELECT_FAILED) {
        return fail_run(job);
    }
    if (status == SELECT_DONE && job->round.is_last) {
        job->replies->rows(exec, select_run_left(&job->select));
    }
    if (status == SELECT_DONE) {
        job->phase = job->round.is_last ? PHASE_REPLY : PHASE_TAKE;
    }
    return JOB_MORE;
}

/* A row of a query in an expression. False: *result says why. */
static bool take_row(struct join_job *job, const struct scalar *item, enum table_result *result)
{
    struct query_value *value = &job->known.values[job->known.count];
    bool is_new;
    if (job->round.kind == SQL_QUERY && value->has_row) {
        sql_fault_set(&job->fault, SQL_FAULT_MEANING, job->join->select->text, value->position, "the query gives more than one row");
        *result = TABLE_FAULT;
        return false;
    }
    value->has_row = true;
    value->has_null |= item->type == SCALAR_NULL;
    if (item->type == SCALAR_NULL || job->round.kind == SQL_EXISTS) {
        return true;
    }
    *result = value_set_add(&value->set, item, &is_new) == EXPRESSION_OK ? TABLE_OK : TABLE_NO_MEMORY;
    return *result == TABLE_OK;
}

/* The round is over. A query that is a value has at most one row, whose value stands in its set now. */
static enum job_status end_round(struct join_job *job)
{
    struct query_value *value = &job->known.values[job->known.count++];
    uint64_t at = 0;
    if (job->round.kind == SQL_QUERY && value->set.count > 0) {
        value->single = *value_set_next(&value->set, &at);
    }
    join_run_release(&job->run);
    select_run_release(&job->select);
    job->phase = PHASE_PLAN;
    job->job.shard = JOB_ALL_SHARDS;
    return JOB_MORE;
}

static enum job_status step_take(struct join_job *job, struct exec *exec)
{
    const struct found_row *found = NULL;
    const struct scalar *items = NULL;
    enum select_status status = SELECT_MORE;
    enum table_result result = TABLE_OK;
    while (!exec_step_is_over(exec) && (status = select_run_next(&job->select, &found, &items)) == SELECT_MORE) {
        if (!take_row(job, items, &result)) {
            return begin_end(job, result);
        }
        if (job->run.memory.limit_bytes > 0 && job->values.used_bytes > job->run.memory.limit_bytes) {
            return fail_limit(job);
        }
    }
    if (status == SELECT_FAILED) {
        return fail_run(job);
    }
    return status == SELECT_DONE ? end_round(job) : JOB_MORE;
}

static enum job_status step_reply(struct join_job *job, struct exec *exec)
{
    const struct found_row *found = NULL;
    const struct scalar *items = NULL;
    enum select_status status = SELECT_MORE;
    while (!exec->reply->is_broken && !exec_step_is_over(exec) && (status = select_run_next(&job->select, &found, &items)) == SELECT_MORE) {
        job->replies->items(exec, job->join->select, items);
    }
    if (status == SELECT_FAILED) {
        return fail_run(job);
    }
    return status == SELECT_DONE || exec->reply->is_broken ? begin_end(job, TABLE_OK) : JOB_MORE;
}

static enum job_status step_end(struct join_job *job, struct exec *exec)
{
    if (job->result != TABLE_OK) {
        (void)refuse(job, exec, job->result); /* a fault's names are the tables', which may end with the locks */
    }
    give_back(job, exec);
    return JOB_DONE;
}

static enum job_status join_job_step(struct job *base, struct exec *exec)
{
    static enum job_status (*const steps[])(struct join_job *, struct exec *) = {
        [PHASE_START] = step_start,   [PHASE_PLAN] = step_plan, [PHASE_READ] = step_read,   [PHASE_LINK] = step_link,
        [PHASE_SETTLE] = step_settle, [PHASE_TAKE] = step_take, [PHASE_REPLY] = step_reply, [PHASE_END] = step_end,
    };
    struct join_job *job = (struct join_job *)base;
    return steps[job->phase](job, exec);
}

static void join_job_destroy(struct job *base, struct exec *exec)
{
    struct join_job *job = (struct join_job *)base;
    if (job->is_locked) { /* the connection died: all batons are held */
        assert(exec->session == NULL);
        give_back(job, exec);
    }
    join_run_release(&job->run);
    select_run_release(&job->select);
    arena_release(&job->arena);
    arena_release(&job->values);
    thread_free(MEM_QUERY_BUFFER, job, sizeof *job);
}

void join_job_start(struct exec *exec, join_read_fn *read, const struct statement_replies *replies)
{
    struct join_job *job = thread_alloc_zeroed(MEM_QUERY_BUFFER, sizeof *job);
    if (job == NULL) {
        replies->refuse(exec, TABLE_NO_MEMORY, NULL);
        return;
    }
    job->job = (struct job){.step = join_job_step, .destroy = join_job_destroy, .shard = JOB_ALL_SHARDS};
    job->read = read;
    job->replies = replies;
    arena_init(&job->arena, MEM_QUERY_BUFFER, SELECT_PLAN_BYTES_MAX);
    arena_init(&job->values, MEM_QUERY_BUFFER, SIZE_MAX);
    exec_start_job(exec, &job->job);
}

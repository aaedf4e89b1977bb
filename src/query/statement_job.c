/* statement_job.c - see statement_job.h.  */
#include "query/statement_job.h"

#include "exec/exec.h"
#include "mem/heap.h"
#include "query/ddl.h"
#include "query/search.h"
#include "shard/server.h"

#include <assert.h>

enum { TIDY_PAGES = 1, EMPTY_PAGES = 1, SETTLE_STEPS = 64, CHECK_STEPS = 64 };

enum phase { PHASE_START, PHASE_FIND, PHASE_SETTLE, PHASE_REPLY, PHASE_CHECK, PHASE_TELL, PHASE_APPLY, PHASE_EMPTY, PHASE_TIDY, PHASE_END };

struct statement_job {
    struct job job;
    size_t size;                 /* of this block, the statement's memory at its end included */
    enum statement_kind kind;
    const struct statement_replies *replies;
    statement_read_fn *read;     /* NULL: statement_parse does */
    enum phase phase;
    bool is_locked;
    enum table_result result;
    struct statement statement;
    struct shard_range range;
    uint32_t shard;              /* EMPTY, TIDY: the one being worked on */
    struct search search;
    struct returning returning;  /* TELL */
    struct arena arena;          /* the plan of a SELECT with clauses, of SET and of RETURNING */
    struct select_run run;       /* and its work */
    struct unique_check check;
    struct sql_fault fault;      /* result is TABLE_FAULT */
    uint64_t found;              /* rows */
    uint64_t done;               /* APPLY, EMPTY: rows */
    max_align_t memory[];
};

/* --- locks --- */

static enum slice_lock_kind lock_kind(const struct statement_job *job)
{
    return job->kind == STATEMENT_SELECT ? SLICES_READ : SLICES_WRITE;
}

static void unlock_slices(struct statement_job *job, struct exec *exec)
{
    job->is_locked = false;
    slices_unlock(exec, job->statement.table, job->range, lock_kind(job));
}

static int32_t job_shard_of(int32_t shard)
{
    return shard == STATEMENT_ALL_SHARDS ? JOB_ALL_SHARDS : shard;
}

/* --- the phases --- */

static enum job_status refuse(struct statement_job *job, struct exec *exec, enum table_result result)
{
    if (result == TABLE_FAULT) {
        job->replies->fault(exec, &job->fault);
    } else {
        job->replies->refuse(exec, result, &job->statement);
    }
    return JOB_DONE;
}

static enum job_status begin_end(struct statement_job *job)
{
    bool is_one = job->range.end - job->range.first == 1;
    job->phase = PHASE_END;
    job->job.shard = is_one ? (int32_t)job->range.first : JOB_ALL_SHARDS;
    return JOB_MORE;
}

static enum job_status fail(struct statement_job *job, enum table_result result)
{
    job->result = result;
    return begin_end(job);
}

/* DELETE of all rows, none of which is told: none is looked for. */
static bool empties_slices(const struct statement_job *job)
{
    const struct statement *statement = &job->statement;
    return job->kind == STATEMENT_DELETE && statement->where.condition_count == 0 && statement->work == NULL && statement->returning == NULL;
}

/* Goes through the slices of the range, from the first on, each under its baton. */
static enum job_status begin_slices(struct statement_job *job, enum phase phase)
{
    job->phase = phase;
    job->shard = job->range.first;
    job->job.shard = (int32_t)job->shard;
    return JOB_MORE;
}

/* After the last one it ends. */
static enum job_status next_slice(struct statement_job *job)
{
    job->shard++;
    job->job.shard = (int32_t)job->shard;
    return job->shard == job->range.end ? begin_end(job) : JOB_MORE;
}

/* The slices are locked: each is looked through by a part. */
static enum job_status begin_find(struct statement_job *job, struct exec *exec)
{
    const enum search_order order = job->kind == STATEMENT_SELECT ? SEARCH_BY_ID : SEARCH_BY_SHARD;
    const struct select *select = job->statement.select;
    if (select != NULL && !select_run_create(&job->run, select, job->statement.table, job->range.end - job->range.first, exec->now_ms * 1000)) {
        return fail(job, TABLE_NO_MEMORY);
    }
    if (!search_create(&job->search, &job->statement, job->range, order, select != NULL ? &job->run : NULL) || !search_start(&job->search, exec)) {
        return fail(job, TABLE_NO_MEMORY);
    }
    return JOB_PARTS;
}

static enum table_result read_statement(struct statement_job *job, struct exec *exec)
{
    arena_empty(&job->arena);
    if (job->read != NULL) {
        return job->read(&job->statement, exec, &job->arena, &job->fault);
    }
    struct table *table = statement_table(exec);
    if (table == NULL) {
        return TABLE_MISSING;
    }
    const enum table_result result = statement_parse(&job->statement, exec, job->kind, table, job->memory);
    return result == TABLE_OK ? statement_plan(&job->statement, exec, &job->arena, &job->fault) : result;
}

/* Every try begins anew: the table, its schema and its place may have changed since the last one. */
static enum job_status step_start(struct statement_job *job, struct exec *exec)
{
    enum table_result result = read_statement(job, exec);
    if (result != TABLE_OK) {
        return refuse(job, exec, result);
    }
    int32_t shard = statement_shard(&job->statement, exec);
    if (job->job.shard != JOB_ALL_SHARDS && job->job.shard != job_shard_of(shard)) {
        job->job.shard = job_shard_of(shard);
        return JOB_MORE;
    }
    job->range = statement_range(&job->statement, shard);
    result = statement_check(&job->statement, exec, job->range);
    if (result != TABLE_OK) {
        return refuse(job, exec, result);
    }
    if (slices_wait_for_script(exec, job->range) || statement_must_wait(&job->statement, exec, job->range)) {
        return JOB_WAIT;
    }
    if (!job->statement.moves_rows && statement_run_small(&job->statement, exec, job->range, job->replies)) {
        return JOB_DONE;
    }
    if (!slices_lock(exec, job->statement.table, job->range, lock_kind(job))) {
        return JOB_WAIT;
    }
    job->is_locked = true;
    if (empties_slices(job)) {
        return begin_slices(job, PHASE_EMPTY);
    }
    job->phase = PHASE_FIND;
    job->job.shard = JOB_NO_SHARD;
    return begin_find(job, exec);
}

/* Takes the next row's baton; after the last row goes on to what follows. */
static enum job_status begin_apply(struct statement_job *job)
{
    const struct found_row *row = search_row(&job->search);
    if (row == NULL || job->result != TABLE_OK) {
        return begin_slices(job, PHASE_TIDY);
    }
    job->phase = PHASE_APPLY;
    job->job.shard = job->statement.moves_rows ? JOB_ALL_SHARDS : (int32_t)row->shard;
    return JOB_MORE;
}

/* The rows are found, and may be changed; none was read. */
static enum job_status begin_change(struct statement_job *job, struct exec *exec)
{
    const struct statement *statement = &job->statement;
    if (statement->returning == NULL) {
        return begin_apply(job);
    }
    returning_begin(&job->returning, statement->returning, statement->table, exec->now_ms * 1000);
    job->replies->rows(exec, job->found);
    job->phase = PHASE_TELL;
    return JOB_MORE;
}

/* All parts are done, or memory was refused to one. */
static enum job_status step_find(struct statement_job *job, struct exec *exec)
{
    uint64_t examined;
    const enum table_result result = search_finish(&job->search, &job->found, &examined);
    const struct row_failure *failure = result != TABLE_OK ? search_failure(&job->search) : NULL;
    if (failure != NULL) {
        return fail(job, statement_keep_result(&job->statement, failure, &job->fault));
    }
    if (job->statement.select == NULL && result != TABLE_OK) {
        return fail(job, result);
    }
    if (!statement_is_within_limit(&job->statement, examined)) {
        return fail(job, TABLE_SCAN_LIMIT);
    }
    if (job->statement.sets_unique) {
        const struct unique_update update = statement_update(&job->statement);
        assert(job->range.first == 0 && job->range.end == job->statement.table->shard_count);
        unique_check_begin(&job->check, &update);
        job->phase = PHASE_CHECK;
        return JOB_MORE;
    }
    if (job->kind != STATEMENT_SELECT) {
        return begin_change(job, exec);
    }
    if (job->statement.select != NULL) {
        job->phase = PHASE_SETTLE;
        return JOB_MORE;
    }
    job->replies->rows(exec, job->found);
    job->phase = PHASE_REPLY;
    return JOB_MORE;
}

/* The slices are locked for writing, so that nothing changes before the rows are. */
static enum job_status step_check(struct statement_job *job, struct exec *exec)
{
    const struct found_row *row = search_row(&job->search);
    enum table_result result = TABLE_OK;
    bool is_done = false;
    while (row != NULL && result == TABLE_OK && !exec_step_is_over(exec)) {
        result = unique_check_row(&job->check, row, &job->statement.fault);
        search_advance(&job->search);
        row = search_row(&job->search);
    }
    while (row == NULL && result == TABLE_OK && !is_done && !exec_step_is_over(exec)) {
        result = unique_check_settle(&job->check, CHECK_STEPS, &is_done, &job->statement.fault);
    }
    if (result != TABLE_OK) {
        return fail(job, result);
    }
    if (!is_done) {
        return JOB_MORE;
    }
    unique_check_release(&job->check);
    search_rewind(&job->search);
    return begin_change(job, exec);
}

/* RETURNING: the rows as they will be, or as they were. */
static enum job_status step_tell(struct statement_job *job, struct exec *exec)
{
    const struct found_row *row = search_row(&job->search);
    enum table_result result = TABLE_OK;
    while (row != NULL && result == TABLE_OK && !exec_step_is_over(exec)) {
        result = statement_tell_returned(&job->statement, exec, &job->returning, row, job->replies, &job->fault);
        search_advance(&job->search);
        row = search_row(&job->search);
    }
    if (result != TABLE_OK) {
        return fail(job, result);
    }
    if (row != NULL) {
        return JOB_MORE;
    }
    search_rewind(&job->search);
    return begin_apply(job);
}

static enum job_status fail_run(struct statement_job *job)
{
    return fail(job, statement_run_result(&job->run, &job->fault));
}

static enum job_status step_settle(struct statement_job *job, struct exec *exec)
{
    enum select_status status;
    do {
        status = select_run_settle(&job->run, SETTLE_STEPS);
    } while (status == SELECT_MORE && !exec_step_is_over(exec));
    if (status == SELECT_FAILED) {
        return fail_run(job);
    }
    if (status == SELECT_DONE) {
        job->replies->rows(exec, select_run_left(&job->run));
        job->phase = PHASE_REPLY;
    }
    return JOB_MORE;
}

static enum job_status reply_run(struct statement_job *job, struct exec *exec)
{
    const struct found_row *found = NULL;
    const struct scalar *items = NULL;
    enum select_status status = SELECT_MORE;
    while (!exec->reply->is_broken && !exec_step_is_over(exec) && (status = select_run_next(&job->run, &found, &items)) == SELECT_MORE) {
        statement_tell_row(&job->statement, exec, found, items, job->replies);
    }
    if (status == SELECT_FAILED) {
        return fail_run(job);
    }
    return status == SELECT_DONE || exec->reply->is_broken ? begin_end(job) : JOB_MORE;
}

static enum job_status step_reply(struct statement_job *job, struct exec *exec)
{
    const struct found_row *row;
    if (job->statement.select != NULL) {
        return reply_run(job, exec);
    }
    while ((row = search_row(&job->search)) != NULL && !exec->reply->is_broken) {
        if (exec_step_is_over(exec)) {
            return JOB_MORE;
        }
        job->replies->row(exec, &job->statement, row);
        search_advance(&job->search);
    }
    return begin_end(job);
}

/* A row that goes to another shard is an effect on both, which belong together. */
static enum table_result apply_row(const struct statement_job *job, struct exec *exec, const struct found_row *row)
{
    if (!job->statement.moves_rows) {
        return statement_apply(&job->statement, exec, row);
    }
    exec_begin_unit(exec);
    const enum table_result result = statement_apply(&job->statement, exec, row);
    exec_end_unit(exec);
    return result;
}

static enum job_status step_apply(struct statement_job *job, struct exec *exec)
{
    const struct found_row *row = search_row(&job->search);
    const uint32_t shard = row->shard;
    uint64_t done = 0;
    while (row != NULL && job->result == TABLE_OK && !exec_step_is_over(exec)) {
        if (row->shard != shard && !job->statement.moves_rows) {
            break;
        }
        job->result = apply_row(job, exec, row);
        if (job->result == TABLE_OK) {
            done++;
            search_advance(&job->search);
            row = search_row(&job->search);
        }
    }
    statement_count_rows(exec, done);
    job->done += done;
    return begin_apply(job);
}

static enum job_status step_tidy(struct statement_job *job, struct exec *exec)
{
    while (!slice_tidy(job->statement.table->slices[job->shard], job->statement.schema, TIDY_PAGES)) {
        if (exec_step_is_over(exec)) {
            return JOB_MORE;
        }
    }
    return next_slice(job);
}

/* Of the slice that is worked on. Returns how many rows went; *is_empty: all are gone. */
static uint64_t empty_step(const struct statement_job *job, size_t limit, bool *is_empty)
{
    struct table_slice *slice = job->statement.table->slices[job->shard];
    const uint64_t before = slice->row_count;
    *is_empty = slice_empty(slice, job->statement.schema, limit);
    return before - slice->row_count;
}

static enum job_status step_empty(struct statement_job *job, struct exec *exec)
{
    uint64_t done = 0;
    bool is_empty;
    do {
        done += empty_step(job, EMPTY_PAGES, &is_empty);
    } while (!is_empty && !exec_step_is_over(exec));
    statement_count_rows(exec, done);
    job->done += done;
    return is_empty ? next_slice(job) : JOB_MORE;
}

static enum job_status step_end(struct statement_job *job, struct exec *exec)
{
    struct table *table = job->statement.table;
    if (table->is_dropped && job->job.shard != JOB_ALL_SHARDS) {
        job->job.shard = JOB_ALL_SHARDS;
        return JOB_MORE;
    }
    if (job->result != TABLE_OK) {
        (void)refuse(job, exec, job->result); /* a fault's names are the table's, which may end with the locks */
    } else if (job->kind != STATEMENT_SELECT && job->statement.returning == NULL) {
        job->replies->changed(exec, job->done);
    }
    unlock_slices(job, exec);
    if (table->is_dropped) {
        ddl_end_if_dropped(exec, table);
    }
    return JOB_DONE;
}

static enum job_status statement_job_step(struct job *base, struct exec *exec)
{
    static enum job_status (*const steps[])(struct statement_job *, struct exec *) = {
        [PHASE_START] = step_start, [PHASE_FIND] = step_find,   [PHASE_SETTLE] = step_settle, [PHASE_REPLY] = step_reply,
        [PHASE_CHECK] = step_check, [PHASE_TELL] = step_tell,   [PHASE_APPLY] = step_apply,   [PHASE_EMPTY] = step_empty, [PHASE_TIDY] = step_tidy,
        [PHASE_END] = step_end,
    };
    struct statement_job *job = (struct statement_job *)base;
    return steps[job->phase](job, exec);
}

/* The connection died: all batons are held. What was begun to be changed is changed to the end. */
static void finish_dead(struct statement_job *job, struct exec *exec)
{
    enum table_result result = job->result;
    const struct found_row *row = NULL;
    uint64_t done = 0;
    while (job->phase == PHASE_APPLY && result == TABLE_OK && (row = search_row(&job->search)) != NULL) {
        result = apply_row(job, exec, row);
        search_advance(&job->search);
        done += result == TABLE_OK ? 1 : 0;
    }
    for (bool is_empty; job->phase == PHASE_EMPTY && job->shard < job->range.end; job->shard++) {
        done += empty_step(job, SIZE_MAX, &is_empty);
        assert(is_empty);
    }
    statement_count_rows(exec, done);
    for (uint32_t i = job->range.first; i < job->range.end && job->kind != STATEMENT_SELECT; i++) {
        slice_tidy(job->statement.table->slices[i], job->statement.schema, SIZE_MAX);
    }
    unlock_slices(job, exec);
    ddl_end_if_dropped(exec, job->statement.table);
}

static void statement_job_destroy(struct job *base, struct exec *exec)
{
    struct statement_job *job = (struct statement_job *)base;
    if (job->is_locked) {
        assert(exec->session == NULL);
        finish_dead(job, exec);
    }
    search_release(&job->search);
    select_run_release(&job->run);
    unique_check_release(&job->check);
    returning_release(&job->returning);
    arena_release(&job->arena);
    thread_free(MEM_QUERY_BUFFER, job, job->size);
}

static void start_job(struct exec *exec, const struct statement_job *description, int32_t shard)
{
    const struct statement_replies *replies = description->replies;
    const size_t size = sizeof(struct statement_job) + (description->read == NULL ? statement_bytes(exec) : 0);
    struct statement_job *job = thread_alloc_zeroed(MEM_QUERY_BUFFER, size);
    if (job == NULL) {
        replies->refuse(exec, TABLE_NO_MEMORY, NULL);
        return;
    }
    *job = *description;
    job->job = (struct job){.step = statement_job_step, .destroy = statement_job_destroy, .shard = job_shard_of(shard)};
    job->size = size;
    arena_init(&job->arena, MEM_QUERY_BUFFER, SELECT_PLAN_BYTES_MAX);
    exec_start_job(exec, &job->job);
}

void statement_job_start(struct exec *exec, enum statement_kind kind, int32_t shard, const struct statement_replies *replies)
{
    start_job(exec, &(struct statement_job){.kind = kind, .replies = replies}, shard);
}

void statement_job_start_read(struct exec *exec, enum statement_kind kind, int32_t shard, const struct statement_replies *replies,
                              statement_read_fn *read)
{
    start_job(exec, &(struct statement_job){.kind = kind, .replies = replies, .read = read}, shard);
}

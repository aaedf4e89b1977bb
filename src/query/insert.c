/* insert.c - see insert.h.  */
#include "query/insert.h"

#include "mem/heap.h"
#include "query/ddl.h"
#include "query/slice_locks.h"
#include "query/slice_wait.h"
#include "query/statement.h"
#include "query/unique_check.h"
#include "shard/server.h"

#include <assert.h>

struct insert {
    struct insert_head head;
    struct table *table;    /* the head's */
    const struct schema *schema;
    struct shard_range range;
    const struct insert_source *source;
    void *reader;           /* the source's */
    uint32_t row_count;
    struct conflict_rows put; /* the rows that were put, up to row_count */
    uint64_t *highest_ids;  /* of the slices, before; one a shard of the range */
    uint32_t checked, taken; /* of the statement's rows */
    uint32_t replied, told;  /* of `put` */
    struct returning returning;
    enum table_result result;
    struct table_fault fault; /* result is TABLE_NOT_UNIQUE; its value is lent from the reader */
    struct sql_fault item_fault; /* an item of RETURNING could not be computed; its kind says so */
    bool pauses;            /* a job's */
};

/* --- the steps --- */

/* Asked behind each row: a step does one at least. */
static bool must_pause(const struct insert *insert, const struct exec *exec)
{
    return insert->pauses && exec_step_is_over(exec);
}

/* Finds the table, and how many rows there are. */
static enum table_result open_rows(struct insert *insert, const struct exec *exec)
{
    const enum table_result result = insert->source->open(insert->reader, exec, &insert->head);
    if (result == TABLE_OK) {
        insert->table = insert->head.table;
        insert->schema = table_schema(insert->table);
        insert->row_count = insert->head.row_count;
    }
    return result;
}

static enum table_result read_row(const struct insert *insert, const struct exec *exec, uint32_t at, struct typed_value *values)
{
    return insert->source->row(insert->reader, exec, at, values);
}

static size_t memory_bytes(const struct insert *insert)
{
    return insert->row_count * sizeof *insert->put.rows + (insert->range.end - insert->range.first) * sizeof *insert->highest_ids;
}

/* `memory`: memory_bytes. */
static enum table_result note_beginning(struct insert *insert, void *memory)
{
    insert->highest_ids = memory;
    for (uint32_t i = insert->range.first; i < insert->range.end; i++) {
        insert->highest_ids[i - insert->range.first] = insert->table->slices[i]->highest_id;
    }
    struct added_row *rows = (struct added_row *)(insert->highest_ids + (insert->range.end - insert->range.first));
    return conflict_begin(&insert->put, insert->head.conflict, insert->table, rows, insert->row_count);
}

/* Rows without a value that must be there may be left out. */
static bool is_left_out(const struct insert *insert, enum table_result result)
{
    return result == TABLE_NULL_VALUE && insert->head.conflict != NULL && insert->head.conflict->skips_nulls;
}

static void check_rows(struct insert *insert, const struct exec *exec)
{
    struct typed_value values[TABLE_COLUMNS_MAX];
    do {
        const enum table_result result = read_row(insert, exec, insert->checked, values);
        insert->result = is_left_out(insert, result) ? TABLE_OK : result;
        insert->checked++;
    } while (insert->checked < insert->row_count && insert->result == TABLE_OK && !must_pause(insert, exec));
}

static uint64_t take_id(const struct insert *insert, const struct exec *exec)
{
    const bool is_taken = insert->row_count == 1 && exec->routed_number != 0 && exec->routed_of == insert->table->serial;
    return is_taken ? exec->routed_number : table_take_row_id(insert->table);
}

/* Are the slices at hand that the row goes to, and that may have its values? */
static bool is_at_hand(const struct insert *insert, uint32_t shard, const struct typed_value *values)
{
    const struct shard_range range = insert->range;
    const bool has_all = range.end - range.first == insert->table->shard_count;
    return has_all || (shard >= range.first && shard < range.end && !unique_asks_all(insert->table, values));
}

/* Another row has one of its values, or the UPDATE would give a row another one's. */
static enum table_result refuse_repeated(struct insert *insert, const struct table_fault *fault)
{
    insert->fault = *fault;
    insert->fault.row = insert->row_count > 1 ? insert->taken + 1 : 0;
    return TABLE_NOT_UNIQUE;
}

static enum table_result settle_unique(struct insert *insert, const struct typed_value *values)
{
    const bool has_all = insert->range.end - insert->range.first == insert->table->shard_count;
    const uint32_t taken = unique_find_taken(insert->table, values, has_all ? UNIQUE_ALL_SLICES : UNIQUE_OWN_SLICE);
    if (taken == COLUMN_NONE) {
        return TABLE_OK;
    }
    const struct table_fault fault = unique_fault(insert->table, taken, &values[taken]);
    return refuse_repeated(insert, &fault);
}

/* Other rows have its values, or not: it is added, left out, or changes the one that it meets. */
static enum table_result put_row(struct insert *insert, uint32_t shard, uint64_t id, const struct typed_value *values)
{
    enum conflict_outcome outcome = CONFLICT_ADD;
    struct row_at met;
    enum table_result result =
        insert->head.conflict == NULL ? settle_unique(insert, values) : conflict_settle(&insert->put, values, &outcome, &met);
    if (result == TABLE_OK && outcome == CONFLICT_ADD) {
        result = conflict_add(&insert->put, shard, id, values);
    } else if (result == TABLE_OK && outcome == CONFLICT_CHANGE) {
        result = conflict_change(&insert->put, met, values);
    }
    insert->item_fault = result == TABLE_FAULT ? insert->put.work_fault : insert->item_fault;
    return result == TABLE_NOT_UNIQUE && insert->head.conflict != NULL ? refuse_repeated(insert, &insert->put.fault) : result;
}

/* The next row gets its number and its shard, and is put: TABLE_NO_NUMBER, TABLE_NOT_UNIQUE; TABLE_NO_MEMORY: also when its route had none.  */
static enum table_result take_row(struct insert *insert, const struct exec *exec)
{
    struct typed_value values[TABLE_COLUMNS_MAX];
    const uint32_t routing = insert->schema->routing_column;
    const enum table_result result = read_row(insert, exec, insert->taken, values);
    if (result != TABLE_OK) { /* memory was refused, unless it is left out: its values were good before */
        return is_left_out(insert, result) ? TABLE_OK : result;
    }
    const uint64_t id = take_id(insert, exec);
    if (!schema_give_number(insert->schema, id, values)) {
        return TABLE_NO_NUMBER;
    }
    const uint32_t shard = table_route(insert->table, &exec->server->secret, routing == COLUMN_NONE ? NULL : &values[routing], id);
    return is_at_hand(insert, shard, values) ? put_row(insert, shard, id, values) : TABLE_NO_MEMORY;
}

static void take_rows(struct insert *insert, const struct exec *exec)
{
    do {
        insert->result = take_row(insert, exec);
        insert->taken++;
    } while (insert->taken < insert->row_count && insert->result == TABLE_OK && !must_pause(insert, exec));
}

/* Replaced rows and versions that were not needed have left pages behind. */
static void tidy_slices(const struct insert *insert)
{
    for (uint32_t i = insert->range.first; insert->head.conflict != NULL && i < insert->range.end; i++) {
        slice_tidy(insert->table->slices[i], insert->schema, SIZE_MAX);
    }
}

static void take_back_rows(struct insert *insert)
{
    struct conflict_rows *put = &insert->put;
    while (put->count > 0) {
        const struct added_row *added = &put->rows[--put->count];
        if (added->row != ROW_NONE && put->single == NULL) {
            slice_take_back(insert->table->slices[added->shard], insert->schema, added->row, insert->highest_ids[added->shard - insert->range.first]);
        }
    }
    for (uint32_t i = insert->range.first; i < insert->range.end; i++) {
        slice_tidy(insert->table->slices[i], insert->schema, SIZE_MAX);
    }
}

static enum table_result reply_row(struct insert *insert, struct exec *exec, const struct added_row *added)
{
    const struct scalar *items = NULL;
    struct unique_update update;
    const bool is_update = conflict_single_update(&insert->put, &update);
    const enum table_result result =
        returning_row(&insert->returning, added->shard, added->row, is_update ? &update : NULL, &items, &insert->item_fault);
    if (result == TABLE_OK) {
        insert->source->items(exec, insert->head.returning, items);
    }
    return exec->reply->is_broken ? TABLE_NO_MEMORY : result;
}

/* Rows and what is told of them; nobody else has heard of them. */
static void reply_rows(struct insert *insert, struct exec *exec)
{
    const struct conflict_rows *put = &insert->put;
    if (insert->replied == 0) {
        returning_begin(&insert->returning, insert->head.returning, insert->table, exec->now_ms * 1000);
        insert->source->rows(exec, put->kept_count);
    }
    while (insert->replied < put->count && insert->result == TABLE_OK) {
        const struct added_row *added = &put->rows[insert->replied++];
        insert->result = added->row != ROW_NONE ? reply_row(insert, exec, added) : TABLE_OK;
        if (must_pause(insert, exec)) {
            return;
        }
    }
}

static bool is_told(const struct insert *insert)
{
    return insert->put.removed == NULL && insert->told == insert->put.count;
}

static void begin_ids(const struct insert *insert, struct exec *exec)
{
    if (insert->head.returning == NULL) {
        insert->source->rows(exec, insert->put.kept_count);
    }
}

/* Makes the changes: rows that were given up go, and the others are told of. */
static void tell_rows(struct insert *insert, struct exec *exec, bool replies)
{
    struct conflict_rows *put = &insert->put;
    uint64_t count = 0;
    exec_begin_unit(exec);
    for (bool is_paused = false; !is_paused && !is_told(insert); is_paused = must_pause(insert, exec)) {
        if (conflict_remove_next(put)) {
            continue;
        }
        struct added_row *added = &put->rows[insert->told++];
        if (added->row == ROW_NONE) {
            continue;
        }
        conflict_keep(put, added);
        count++;
        if (replies) {
            insert->source->row_id(exec, slice_row_id(insert->table->slices[added->shard], added->row));
        }
    }
    exec_end_unit(exec);
    statement_count_rows(exec, count);
}

static void refuse(const struct insert *insert, struct exec *exec, enum table_result result)
{
    if (insert->item_fault.kind != SQL_FAULT_NONE) {
        insert->source->fault(exec, &insert->item_fault);
        return;
    }
    insert->source->refuse(exec, result, result == TABLE_NOT_UNIQUE ? &insert->fault : NULL, insert->reader);
}

/* --- at once --- */

/* The slices are locked for the time of this call, so that row numbers stay. */
static void run_locked(struct insert *insert, struct exec *exec)
{
    for (uint32_t i = insert->range.first; i < insert->range.end; i++) {
        slice_lock_write(insert->table->slices[i]);
    }
    take_rows(insert, exec);
    if (insert->result == TABLE_OK && insert->head.returning != NULL) {
        reply_rows(insert, exec);
        returning_release(&insert->returning);
    }
    if (insert->result == TABLE_OK) {
        insert->result = conflict_apply_single(&insert->put);
    }
    if (insert->result == TABLE_OK) {
        begin_ids(insert, exec);
        tell_rows(insert, exec, insert->head.returning == NULL);
        tidy_slices(insert);
    } else {
        take_back_rows(insert);
        refuse(insert, exec, insert->result);
    }
    for (uint32_t i = insert->range.first; i < insert->range.end; i++) {
        slice_unlock_write(insert->table->slices[i]);
    }
}

static void run_at_once(struct insert *insert, struct exec *exec)
{
    void *memory = exec_scratch(exec, memory_bytes(insert));
    if (memory == NULL) {
        insert->result = TABLE_NO_MEMORY;
    } else {
        check_rows(insert, exec);
    }
    if (insert->result != TABLE_OK) {
        refuse(insert, exec, insert->result);
        return;
    }
    for (uint32_t i = insert->range.first; i < insert->range.end; i++) {
        if (slice_must_wait(exec, insert->table, i, slice_may_write(insert->table->slices[i]), WAIT_WITH_WRITERS)) {
            return;
        }
    }
    insert->result = note_beginning(insert, memory);
    if (insert->result == TABLE_OK) {
        run_locked(insert, exec);
    } else {
        refuse(insert, exec, insert->result);
    }
    conflict_end(&insert->put);
}

/* --- as a job --- */

enum phase { PHASE_LOCK, PHASE_CHECK, PHASE_ADD, PHASE_REPLY, PHASE_TELL, PHASE_END };

struct insert_job {
    struct job job;
    size_t size;        /* of this block */
    struct insert insert;
    enum phase phase;
    bool is_locked;
    int32_t shard;      /* that has the table, or JOB_ALL_SHARDS */
    void *memory;
    size_t memory_bytes;
    max_align_t reader[];
};

static enum job_status end_refused(struct insert_job *job, struct exec *exec, enum table_result result)
{
    refuse(&job->insert, exec, result);
    return JOB_DONE;
}

/* The slices are locked. */
static enum job_status go_on_to(struct insert_job *job, enum phase phase)
{
    job->phase = phase;
    job->job.shard = phase == PHASE_CHECK || phase == PHASE_REPLY ? JOB_NO_SHARD : job->shard;
    return JOB_MORE;
}

/* Every try begins anew: the table and its schema may have changed since the last one. */
static enum job_status step_lock(struct insert_job *job, struct exec *exec)
{
    struct insert *insert = &job->insert;
    const enum table_result result = open_rows(insert, exec);
    if (result != TABLE_OK) {
        return end_refused(job, exec, result);
    }
    insert->range = (struct shard_range){0, insert->table->shard_count};
    if (slices_wait_for_script(exec, insert->range) || !slices_lock(exec, insert->table, insert->range, SLICES_WRITE)) {
        return JOB_WAIT;
    }
    job->is_locked = true;
    job->memory_bytes = memory_bytes(insert);
    job->memory = thread_alloc(MEM_QUERY_BUFFER, job->memory_bytes);
    if (job->memory == NULL) {
        insert->result = TABLE_NO_MEMORY;
        return go_on_to(job, PHASE_END);
    }
    insert->result = note_beginning(insert, job->memory);
    return go_on_to(job, insert->result == TABLE_OK ? PHASE_CHECK : PHASE_END);
}

static enum job_status step_check(struct insert_job *job, struct exec *exec)
{
    check_rows(&job->insert, exec);
    if (job->insert.result != TABLE_OK) {
        return go_on_to(job, PHASE_END);
    }
    return job->insert.checked == job->insert.row_count ? go_on_to(job, PHASE_ADD) : JOB_MORE;
}

static enum job_status step_add(struct insert_job *job, struct exec *exec)
{
    take_rows(&job->insert, exec);
    if (job->insert.result != TABLE_OK) {
        return go_on_to(job, PHASE_END);
    }
    if (job->insert.taken < job->insert.row_count) {
        return JOB_MORE;
    }
    begin_ids(&job->insert, exec);
    return go_on_to(job, job->insert.head.returning != NULL ? PHASE_REPLY : PHASE_TELL);
}

static enum job_status step_reply(struct insert_job *job, struct exec *exec)
{
    reply_rows(&job->insert, exec);
    if (job->insert.result != TABLE_OK) {
        return go_on_to(job, PHASE_END);
    }
    return job->insert.replied == job->insert.put.count ? go_on_to(job, PHASE_TELL) : JOB_MORE;
}

static enum job_status step_tell(struct insert_job *job, struct exec *exec)
{
    tell_rows(&job->insert, exec, job->insert.head.returning == NULL);
    if (!is_told(&job->insert)) {
        return JOB_MORE;
    }
    tidy_slices(&job->insert);
    return go_on_to(job, PHASE_END);
}

static void give_back(struct insert_job *job, struct exec *exec)
{
    struct insert *insert = &job->insert;
    job->is_locked = false;
    slices_unlock(exec, insert->table, insert->range, SLICES_WRITE);
    ddl_end_if_dropped(exec, insert->table);
}

static enum job_status step_end(struct insert_job *job, struct exec *exec)
{
    if (job->insert.result != TABLE_OK) {
        take_back_rows(&job->insert);
        refuse(&job->insert, exec, job->insert.result); /* a fault's names are the table's, which may end with the locks */
    }
    give_back(job, exec);
    return JOB_DONE;
}

static enum job_status insert_job_step(struct job *base, struct exec *exec)
{
    static enum job_status (*const steps[])(struct insert_job *, struct exec *) = {
        [PHASE_LOCK] = step_lock, [PHASE_CHECK] = step_check, [PHASE_ADD] = step_add,
        [PHASE_REPLY] = step_reply, [PHASE_TELL] = step_tell, [PHASE_END] = step_end};
    struct insert_job *job = (struct insert_job *)base;
    return steps[job->phase](job, exec);
}

/* The connection has died, under all batons. */
static void finish_dead(struct insert_job *job, struct exec *exec)
{
    struct insert *insert = &job->insert;
    insert->pauses = false;
    if (job->phase == PHASE_TELL) {
        tell_rows(insert, exec, false);
    } else if (insert->told == 0) {
        take_back_rows(insert);
    }
    give_back(job, exec);
}

static void insert_job_destroy(struct job *base, struct exec *exec)
{
    struct insert_job *job = (struct insert_job *)base;
    if (job->is_locked) {
        finish_dead(job, exec);
    }
    returning_release(&job->insert.returning);
    conflict_end(&job->insert.put);
    job->insert.source->close(job->insert.reader);
    thread_free(MEM_QUERY_BUFFER, job->memory, job->memory_bytes);
    thread_free(MEM_QUERY_BUFFER, job, job->size);
}

static bool start_job(struct exec *exec, const struct table *table, const struct insert_source *source)
{
    const size_t size = sizeof(struct insert_job) + source->reader_bytes;
    struct insert_job *job = thread_alloc_zeroed(MEM_QUERY_BUFFER, size);
    if (job == NULL) {
        return false;
    }
    job->size = size;
    job->shard = table->shard_count == 1 ? 0 : JOB_ALL_SHARDS;
    job->job = (struct job){.step = insert_job_step, .destroy = insert_job_destroy, .shard = job->shard};
    job->insert = (struct insert){.source = source, .reader = job->reader, .pauses = true};
    exec_start_job(exec, &job->job);
    return true;
}

/* Rows that were not routed because memory was refused to it have come to any one shard. */
static bool is_misrouted(const struct insert *insert, const struct exec *exec)
{
    const bool needs_all = insert->row_count > 1 || (insert->head.conflict != NULL && insert->head.conflict->asks_all);
    return needs_all && exec->shard != NULL && insert->table->shard_count > 1;
}

void insert_run(struct exec *exec, const struct insert_source *source, void *reader)
{
    struct insert insert = {.source = source, .reader = reader, .result = TABLE_OK};
    const enum table_result result = open_rows(&insert, exec);
    if (result != TABLE_OK) {
        refuse(&insert, exec, result);
        return;
    }
    if (is_misrouted(&insert, exec) || (insert.head.value_count > EXEC_WORDS_MAX && !start_job(exec, insert.table, source))) {
        refuse(&insert, exec, TABLE_NO_MEMORY);
        return;
    }
    if (insert.head.value_count <= EXEC_WORDS_MAX) {
        const uint32_t first = exec->shard == NULL ? 0 : exec->shard->number;
        insert.range = (struct shard_range){first, exec->shard == NULL ? insert.table->shard_count : first + 1};
        run_at_once(&insert, exec);
    }
}

/* column_job.c - see column_job.h.  */
#include "query/column_job.h"

#include "exec/part.h"
#include "mem/heap.h"
#include "query/ddl.h"
#include "query/slice_wait.h"
#include "shard/server.h"
#include "table/column_fill.h"

#include <assert.h>
#include <string.h>

enum phase { PHASE_START, PHASE_FINISH };

struct fill_part {
    struct part part;
    struct column_fill fill;
    bool is_refused; /* memory was */
};

struct column_job {
    struct job job;
    alter_done_fn *done;
    enum phase phase;
    bool is_locked;
    struct table *table;
    struct typed_value value; /* the default; a text is lent from `words` */
    uint16_t slot;
    struct fill_part *parts;  /* one a slice */
    size_t part_count;
    size_t name_len, word_len;
    char words[];             /* the table's name, then the column's word */
};

static struct bytes name_of(const struct column_job *job)
{
    return (struct bytes){job->words, job->name_len};
}

static struct bytes word_of(const struct column_job *job)
{
    return (struct bytes){job->words + job->name_len, job->word_len};
}

static size_t job_size(size_t name_len, size_t word_len)
{
    return sizeof(struct column_job) + name_len + word_len;
}

/* --- what is free --- */

/* The slots whose old cells are still being freed. */
static void busy_slots(const struct table *table, uint64_t slots[TABLE_COLUMNS_MAX / 64])
{
    for (uint32_t i = 0; i < table->shard_count; i++) {
        const struct table_slice *slice = table->slices[i];
        if (slice->is_cleaning) {
            slots[slice->cleaning_slot / 64] |= UINT64_C(1) << (slice->cleaning_slot % 64);
        }
    }
}

enum table_result column_job_draft(const struct table *table, struct bytes word, struct schema_draft *draft)
{
    uint64_t busy[TABLE_COLUMNS_MAX / 64] = {0};
    busy_slots(table, busy);
    schema_draft_from(draft, table_schema(table));
    return schema_draft_add(draft, word, busy);
}

bool column_job_must_wait(struct exec *exec, const struct table *table)
{
    for (uint32_t i = 0; i < table->shard_count; i++) {
        if (table->slices[i]->is_cleaning) {
            exec_wait_for(exec, &exec->server->shards[i], WAIT_MEMORY, 0, WAIT_WITH_WRITERS);
            return true;
        }
    }
    return false;
}

/* --- parts --- */

static enum part_status step_part(struct part *base, struct thread *thread)
{
    struct fill_part *part = (struct fill_part *)base;
    enum fill_status status = FILL_MORE;
    while (status == FILL_MORE && !part_step_is_over(thread)) {
        status = column_fill_step(&part->fill);
    }
    part->is_refused = status == FILL_NO_MEMORY;
    if (part->is_refused) {
        return PART_FAILED;
    }
    return status == FILL_DONE ? PART_DONE : PART_MORE;
}

static bool create_parts(struct column_job *job, const struct draft_column *column)
{
    job->parts = thread_alloc_zeroed(MEM_QUERY_BUFFER, job->table->shard_count * sizeof *job->parts);
    if (job->parts == NULL) {
        return false;
    }
    job->part_count = job->table->shard_count;
    for (uint32_t i = 0; i < job->table->shard_count; i++) {
        job->parts[i] = (struct fill_part){
            .part = {.step = step_part, .shard = i, .takes_baton = true},
            .fill = {.slice = job->table->slices[i], .value = &job->value, .slot = job->slot, .type = column->form.type}};
    }
    return true;
}

static bool was_refused(const struct column_job *job)
{
    bool was_refused = false;
    for (size_t i = 0; i < job->part_count && !was_refused; i++) {
        was_refused = job->parts[i].is_refused;
    }
    return was_refused;
}

/* --- the job --- */

static enum job_status finish(const struct column_job *job, struct exec *exec, enum table_result result)
{
    const struct table_fault none = {.expected = EXPECTED_NOTHING};
    job->done(exec, result, &none);
    return JOB_DONE;
}

enum outcome { OUTCOME_COLUMN_WANTED, OUTCOME_COLUMN_GIVEN_UP };

/* Gives the locks back. The cells of a column that is given up go. */
static void unlock_all(struct exec *exec, struct column_job *job, enum outcome outcome)
{
    struct table *table = job->table;
    job->is_locked = false;
    for (uint32_t i = 0; i < table->shard_count; i++) {
        slice_unlock_write(table->slices[i]);
        slice_call_waiters(exec, table, i);
    }
    for (uint32_t i = 0; i < table->shard_count && outcome == OUTCOME_COLUMN_GIVEN_UP && !table->is_dropped; i++) {
        ddl_clean_column(exec, i, table->slices[i], job->slot);
    }
    ddl_end_if_dropped(exec, table);
}

static enum job_status column_start(struct column_job *job, struct exec *exec)
{
    struct schema_draft draft;
    const struct catalogue *catalogue = atomic_load_explicit(&exec->server->catalogue, memory_order_acquire);
    job->table = catalogue_find(catalogue, exec->db, name_of(job));
    if (job->table == NULL) {
        return finish(job, exec, TABLE_MISSING);
    }
    if (table_must_wait(exec, job->table) || column_job_must_wait(exec, job->table)) {
        return JOB_WAIT;
    }
    const enum table_result result = column_job_draft(job->table, word_of(job), &draft);
    if (result != TABLE_OK) {
        return finish(job, exec, result);
    }
    const struct draft_column *column = &draft.columns[draft.column_count - 1];
    assert(!column->default_value.is_null && column->index == INDEX_NONE);
    job->value = column->default_value;
    job->slot = column->slot;
    if (!create_parts(job, column) || !exec_start_parts(exec, &job->parts[0].part, (uint32_t)job->part_count, sizeof job->parts[0], PARTS_LONG)) {
        return finish(job, exec, TABLE_NO_MEMORY);
    }
    for (uint32_t i = 0; i < job->table->shard_count; i++) {
        slice_lock_write(job->table->slices[i]);
    }
    job->is_locked = true;
    job->phase = PHASE_FINISH;
    return JOB_PARTS;
}

/* The schema has the column from now on. */
static enum table_result show_column(const struct column_job *job, struct exec *exec)
{
    struct schema_draft draft;
    const enum table_result result = column_job_draft(job->table, word_of(job), &draft);
    assert(result == TABLE_OK && draft.columns[draft.column_count - 1].slot == job->slot);
    struct schema *schema = schema_create(exec->server->shards[0].heap, &draft);
    if (schema == NULL) {
        return TABLE_NO_MEMORY;
    }
    ddl_replace_schema(exec, job->table, schema);
    return TABLE_OK;
}

static enum job_status column_finish(struct column_job *job, struct exec *exec)
{
    enum table_result result = was_refused(job) ? TABLE_NO_MEMORY : TABLE_OK;
    if (job->table->is_dropped) {
        result = TABLE_MISSING;
    }
    if (result == TABLE_OK) {
        result = show_column(job, exec);
    }
    unlock_all(exec, job, result == TABLE_OK ? OUTCOME_COLUMN_WANTED : OUTCOME_COLUMN_GIVEN_UP);
    return finish(job, exec, result);
}

static enum job_status column_step(struct job *base, struct exec *exec)
{
    struct column_job *job = (struct column_job *)base;
    return job->phase == PHASE_START ? column_start(job, exec) : column_finish(job, exec);
}

static void column_destroy(struct job *base, struct exec *exec)
{
    struct column_job *job = (struct column_job *)base;
    if (job->is_locked) {
        assert(exec->session == NULL);
        unlock_all(exec, job, OUTCOME_COLUMN_GIVEN_UP);
    }
    if (job->parts != NULL) {
        thread_free(MEM_QUERY_BUFFER, job->parts, job->part_count * sizeof *job->parts);
    }
    thread_free(MEM_QUERY_BUFFER, job, job_size(job->name_len, job->word_len));
}

enum table_result column_job_start(struct exec *exec, struct bytes table, struct bytes column, alter_done_fn *done)
{
    struct column_job *job = thread_alloc_zeroed(MEM_QUERY_BUFFER, job_size(table.len, column.len));
    if (job == NULL) {
        return TABLE_NO_MEMORY;
    }
    job->job = (struct job){.step = column_step, .destroy = column_destroy, .shard = JOB_ALL_SHARDS};
    job->done = done;
    job->name_len = table.len;
    job->word_len = column.len;
    memcpy(job->words, table.data, table.len);
    memcpy(job->words + table.len, column.data, column.len);
    exec_start_job(exec, &job->job);
    return TABLE_OK;
}

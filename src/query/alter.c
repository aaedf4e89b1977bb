/* alter.c - see alter.h.  */
#include "query/alter.h"

#include "exec/exec.h"
#include "mem/heap.h"
#include "query/ddl.h"
#include "query/index_build.h"
#include "query/slice_wait.h"
#include "query/unique_check.h"
#include "shard/server.h"
#include "table/index_builder.h"
#include "table/unique.h"

#include <assert.h>
#include <string.h>

enum { BUILD_AT_ONCE_ROWS = 1024 };

static struct heap *schema_heap(const struct exec *exec)
{
    return exec->server->shards[0].heap;
}

/* Every slice gets an empty index for the column behind the others; false: no memory, none has one more. */
static bool add_indexes(struct table *table, enum index_kind kind, const struct column *column)
{
    for (uint32_t i = 0; i < table->shard_count; i++) {
        if (slice_add_index(table->slices[i], kind, column)) {
            continue;
        }
        while (i-- > 0) {
            slice_take_index(table->slices[i], table->slices[i]->index_count - 1u);
        }
        return false;
    }
    return true;
}

static void drop_indexes(struct exec *exec, struct table *table, uint32_t at)
{
    for (uint32_t i = 0; i < table->shard_count; i++) {
        ddl_free_index(exec, i, slice_take_index(table->slices[i], at));
    }
}

/* A build that was given up under a lock leaves an empty index behind. */
static void drop_leftovers(struct exec *exec, struct table *table)
{
    while (table->slices[0]->index_count > table_schema(table)->index_count) {
        drop_indexes(exec, table, table->slices[0]->index_count - 1u);
    }
}

/* --- columns --- */

static bool has_rows(const struct table *table)
{
    struct table_memory memory;
    table_memory(table, &memory);
    return memory.row_count > 0;
}

/* The column at the end asks something of rows that are there: they get its default. */
static enum table_result add_to_rows(struct exec *exec, const struct table *table, const struct draft_column *added, struct bytes word,
                                     alter_done_fn *done)
{
    if (added->default_value.is_null) {
        return TABLE_OPTION_NEEDS_EMPTY;
    }
    return added->index != INDEX_NONE ? TABLE_INDEX_COMES_LATER : column_job_start(exec, table_name(table), word, done);
}

enum table_result alter_add_column(struct exec *exec, struct table *table, struct bytes word, alter_done_fn *done)
{
    struct schema_draft draft;
    drop_leftovers(exec, table);
    const enum table_result result = column_job_draft(table, word, &draft);
    if (result != TABLE_OK) {
        return result;
    }
    const struct draft_column *added = &draft.columns[draft.column_count - 1];
    if ((added->is_not_null || !added->default_value.is_null) && has_rows(table)) {
        return add_to_rows(exec, table, added, word, done);
    }
    struct schema *schema = schema_create(schema_heap(exec), &draft);
    if (schema == NULL) {
        return TABLE_NO_MEMORY;
    }
    const struct column *column = &schema->columns[schema->column_count - 1];
    if (column->index != INDEX_NONE && !add_indexes(table, (enum index_kind)column->index, column)) {
        schema_destroy(schema_heap(exec), schema);
        return TABLE_NO_MEMORY;
    }
    ddl_replace_schema(exec, table, schema);
    return TABLE_OK;
}

enum table_result alter_drop_column(struct exec *exec, struct table *table, struct bytes name)
{
    struct schema_draft draft;
    const struct schema *old = table_schema(table);
    uint32_t column = schema_find_column(old, name);
    drop_leftovers(exec, table);
    if (column == COLUMN_NONE) {
        return TABLE_COLUMN_MISSING;
    }
    if (old->column_count == 1) {
        return TABLE_LAST_COLUMN;
    }
    if (column_job_must_wait(exec, table)) {
        return TABLE_OK;
    }
    uint32_t slot = old->columns[column].slot;
    uint32_t index_at = old->columns[column].index_at;
    schema_draft_from(&draft, old);
    schema_draft_remove(&draft, column);
    struct schema *schema = schema_create(schema_heap(exec), &draft);
    if (schema == NULL) {
        return TABLE_NO_MEMORY;
    }
    ddl_replace_schema(exec, table, schema);
    if (index_at != COLUMN_NONE) {
        drop_indexes(exec, table, index_at);
    }
    for (uint32_t i = 0; i < table->shard_count; i++) {
        ddl_clean_column(exec, i, table->slices[i], slot);
    }
    return TABLE_OK;
}

enum table_result alter_rename_column(struct exec *exec, struct table *table, struct bytes name, struct bytes new_name)
{
    struct schema_draft draft;
    const uint32_t column = schema_find_column(table_schema(table), name);
    if (column == COLUMN_NONE) {
        return TABLE_COLUMN_MISSING;
    }
    schema_draft_from(&draft, table_schema(table));
    const enum table_result result = schema_draft_rename(&draft, column, new_name);
    if (result != TABLE_OK) {
        return result;
    }
    struct schema *schema = schema_create(schema_heap(exec), &draft);
    if (schema == NULL) {
        return TABLE_NO_MEMORY;
    }
    ddl_replace_schema(exec, table, schema);
    return TABLE_OK;
}

/* --- the table itself --- */

enum table_result alter_rename_table(struct exec *exec, struct table *table, struct bytes name)
{
    struct bytes space;
    struct bytes own;
    enum table_result result = table_name_split(name, &space, &own);
    if (result != TABLE_OK) {
        return result;
    }
    struct table *renamed = table_create_renamed(schema_heap(exec), table, name);
    if (renamed == NULL) {
        return TABLE_NO_MEMORY;
    }
    const struct catalogue_edit edit = {.what = EDIT_RENAME_TABLE, .db = exec->db, .table = table, .renamed = renamed};
    result = ddl_edit_catalogue(exec, &edit);
    if (result != TABLE_OK) {
        table_discard(schema_heap(exec), renamed);
        return result;
    }
    table_take_parts(renamed);
    ddl_report(exec, table, EVENT_TABLE_RENAME_FROM);
    ddl_report(exec, renamed, EVENT_TABLE_RENAME_TO);
    table_discard(schema_heap(exec), table);
    return TABLE_OK;
}

/* --- indexes --- */

/* What ADD INDEX asks for. */
struct index_wish {
    uint32_t column;
    enum index_kind kind;
    bool is_unique; /* the rows are looked at, also if the column is unique already: TABLE.APPLY may have made two rows alike */
};

/* Cuts the part before the first colon off. False: there is no colon, and the part is all. */
static bool take_part(struct bytes *word, struct bytes *part)
{
    const char *colon = word->len == 0 ? NULL : memchr(word->data, ':', word->len);
    *part = (struct bytes){word->data, colon == NULL ? word->len : (size_t)(colon - word->data)};
    *word = (struct bytes){word->data + part->len + (colon == NULL ? 0 : 1), word->len - part->len - (colon == NULL ? 0 : 1)};
    return colon != NULL;
}

/* "col", and behind it ":kind" and ":unique", each once at most, in any order. Without a kind it is the column's own if it becomes unique,
 * else hash.  */
static enum table_result index_word_parse(struct bytes word, const struct schema *schema, struct index_wish *out)
{
    struct index_wish wish = {.kind = INDEX_NONE};
    struct bytes name;
    struct bytes part;
    bool has_more = take_part(&word, &name);
    while (has_more) {
        has_more = take_part(&word, &part);
        if (!wish.is_unique && bytes_equal_ignore_case(part, BYTES("unique"))) {
            wish.is_unique = true;
        } else if (wish.kind != INDEX_NONE || !index_kind_parse(part, &wish.kind) || wish.kind == INDEX_NONE) {
            return TABLE_BAD_INDEX_KIND;
        }
    }
    wish.column = schema_find_column(schema, name);
    if (wish.column == COLUMN_NONE) {
        return TABLE_COLUMN_MISSING;
    }
    if (wish.kind == INDEX_NONE) {
        const uint8_t own = schema->columns[wish.column].index;
        wish.kind = wish.is_unique && own != INDEX_NONE ? (enum index_kind)own : INDEX_HASH;
    }
    *out = wish;
    return TABLE_OK;
}

/* The column has the wish's index, or none, from now on, and is unique if it says so, or was. */
static enum table_result set_index(struct exec *exec, struct table *table, const struct index_wish *wish)
{
    struct schema_draft draft;
    schema_draft_from(&draft, table_schema(table));
    schema_draft_set_index(&draft, wish->column, wish->kind);
    draft.columns[wish->column].is_unique |= wish->is_unique;
    struct schema *schema = schema_create(schema_heap(exec), &draft);
    if (schema == NULL) {
        return TABLE_NO_MEMORY;
    }
    ddl_replace_schema(exec, table, schema);
    return TABLE_OK;
}

enum table_result alter_drop_index(struct exec *exec, struct table *table, struct bytes name)
{
    const struct schema *schema = table_schema(table);
    uint32_t column = schema_find_column(schema, name);
    drop_leftovers(exec, table);
    if (column == COLUMN_NONE) {
        return TABLE_COLUMN_MISSING;
    }
    uint32_t index_at = schema->columns[column].index_at;
    if (index_at == COLUMN_NONE) {
        return TABLE_OK;
    }
    if (schema->columns[column].is_primary) {
        return TABLE_PRIMARY_INDEX;
    }
    enum table_result result = set_index(exec, table, &(struct index_wish){.column = column, .kind = INDEX_NONE});
    if (result == TABLE_OK) {
        drop_indexes(exec, table, index_at);
    }
    return result;
}

/* --- ADD INDEX as a job --- */

enum phase { PHASE_START, PHASE_CHECK, PHASE_FINISH };

struct index_job {
    struct job job;
    alter_done_fn *done;
    enum phase phase;
    bool is_locked;
    enum table_result result;
    struct table *table;
    struct index_wish wish;
    bool is_built;     /* there is an index more than the schema says; else the column's own is the wanted one */
    bool is_checked;   /* the rows must not have a value twice */
    uint32_t replaced; /* the column's index of the other kind; COLUMN_NONE: it has none */
    struct index_build build;
    struct unique_walk walk;
    size_t name_len, word_len;
    char name[NAMESPACE_NAME_MAX + 1 + TABLE_NAME_MAX];
    char word[ALTER_INDEX_WORD_MAX];
};

static void lock_all(struct table *table)
{
    for (uint32_t i = 0; i < table->shard_count; i++) {
        slice_lock_read(table->slices[i]);
    }
}

enum outcome { OUTCOME_INDEX_WANTED, OUTCOME_INDEX_GIVEN_UP };

/* Gives the locks back. If an index was built, the nodes of an index that is given up go; its empty head stays for drop_leftovers, since other
 * readers may be reading the array of heads.  */
static void unlock_all(struct exec *exec, struct index_job *job, enum outcome outcome)
{
    for (uint32_t i = 0; i < job->table->shard_count; i++) {
        struct table_slice *slice = job->table->slices[i];
        if (outcome == OUTCOME_INDEX_GIVEN_UP && job->is_built) {
            bool is_gone = column_index_free(&slice->indexes[slice->index_count - 1], slice->heap, SIZE_MAX);
            assert(is_gone);
        }
        slice_unlock_read(slice);
        slice_call_waiters(exec, job->table, i);
    }
    job->is_locked = false;
}

static enum job_status finish(const struct index_job *job, struct exec *exec, enum table_result result)
{
    struct table_fault fault = {.expected = EXPECTED_NOTHING};
    if (result == TABLE_REPEATED) {
        const struct typed_value value = unique_walk_value(&job->walk);
        fault = unique_fault(job->table, job->wish.column, &value);
    }
    job->done(exec, result, &fault);
    return JOB_DONE;
}

/* The index that was built is the column's from now on; one of the other kind goes. */
static enum table_result show_index(const struct index_job *job, struct exec *exec, struct table *table)
{
    const enum table_result result = set_index(exec, table, &job->wish);
    for (uint32_t i = 0; result == TABLE_OK && job->replaced != COLUMN_NONE && i < table->shard_count; i++) {
        ddl_free_index(exec, i, slice_replace_index(table->slices[i], job->replaced));
    }
    return result;
}

static bool build_slice(struct table_slice *slice, const struct column *column)
{
    struct index_builder *builder = index_builder_create(slice, column, index_builder_run_rows(slice));
    enum build_status status = builder == NULL ? BUILD_NO_MEMORY : BUILD_MORE;
    while (status == BUILD_MORE) {
        status = index_builder_step(builder);
    }
    index_builder_destroy(builder);
    return status == BUILD_DONE;
}

/* The walk over all rows, by the wanted index, which is complete. */
static void begin_walk(struct index_job *job)
{
    const struct schema *schema = table_schema(job->table);
    struct column column = schema->columns[job->wish.column];
    column.index_at = job->is_built ? (uint16_t)(job->table->slices[0]->index_count - 1u) : column.index_at;
    unique_walk_begin(&job->walk, job->table, unique_column_of(schema, &column));
}

/* Builds and checks in one go when all batons are held and the rows are few. */
static enum table_result work_at_once(struct index_job *job)
{
    const struct column column = table_schema(job->table)->columns[job->wish.column];
    for (uint32_t i = 0; i < job->table->shard_count && job->is_built; i++) {
        if (!build_slice(job->table->slices[i], &column)) {
            return TABLE_NO_MEMORY;
        }
    }
    if (!job->is_checked) {
        return TABLE_OK;
    }
    enum unique_status status;
    begin_walk(job);
    do {
        status = unique_walk_step(&job->walk);
    } while (status == UNIQUE_MORE);
    return status == UNIQUE_REPEATED ? TABLE_REPEATED : TABLE_OK;
}

static enum job_status do_at_once(struct index_job *job, struct exec *exec)
{
    enum table_result result = work_at_once(job);
    if (result == TABLE_OK) {
        result = show_index(job, exec, job->table);
    }
    const enum job_status status = finish(job, exec, result);
    drop_leftovers(exec, job->table);
    return status;
}

static enum job_status go_to_finish(struct index_job *job, enum table_result result)
{
    job->result = result;
    job->phase = PHASE_FINISH;
    job->job.shard = JOB_ALL_SHARDS;
    return JOB_MORE;
}

/* The slices are locked. */
static enum job_status begin_work(struct index_job *job, struct exec *exec)
{
    if (job->is_built && !index_build_start(&job->build, exec)) {
        return go_to_finish(job, TABLE_NO_MEMORY);
    }
    job->phase = job->is_checked ? PHASE_CHECK : PHASE_FINISH;
    job->job.shard = job->is_checked ? JOB_NO_SHARD : JOB_ALL_SHARDS;
    return job->is_built ? JOB_PARTS : JOB_MORE;
}

/* Notes what is to be done. False: nothing is. */
static bool note_work(struct index_job *job, const struct column *column)
{
    job->is_built = column->index != job->wish.kind;
    job->is_checked = job->wish.is_unique;
    job->replaced = job->is_built ? column->index_at : COLUMN_NONE;
    return job->is_built || job->is_checked;
}

static enum job_status index_start(struct index_job *job, struct exec *exec)
{
    const struct catalogue *catalogue = atomic_load_explicit(&exec->server->catalogue, memory_order_acquire);
    struct table *table = catalogue_find(catalogue, exec->db, (struct bytes){job->name, job->name_len});
    struct table_memory memory;
    if (table == NULL) {
        return finish(job, exec, TABLE_MISSING);
    }
    enum table_result result = index_word_parse((struct bytes){job->word, job->word_len}, table_schema(table), &job->wish);
    if (result != TABLE_OK) {
        return finish(job, exec, result);
    }
    if (table_must_wait(exec, table)) {
        return JOB_WAIT;
    }
    drop_leftovers(exec, table);
    const struct column *column = &table_schema(table)->columns[job->wish.column];
    job->table = table;
    if (!note_work(job, column)) {
        return finish(job, exec, set_index(exec, table, &job->wish));
    }
    if (job->is_built && !add_indexes(table, job->wish.kind, column)) {
        return finish(job, exec, TABLE_NO_MEMORY);
    }
    table_memory(table, &memory);
    if (memory.row_count <= BUILD_AT_ONCE_ROWS) {
        return do_at_once(job, exec);
    }
    if (job->is_built && !index_build_create(&job->build, table, job->wish.column)) {
        drop_leftovers(exec, table);
        return finish(job, exec, TABLE_NO_MEMORY);
    }
    lock_all(table);
    job->is_locked = true;
    return begin_work(job, exec);
}

/* The index is complete, unless memory was refused, and nobody changes rows. */
static enum job_status index_check(struct index_job *job, struct exec *exec)
{
    enum unique_status status = UNIQUE_MORE;
    if (job->walk.table == NULL) {
        const enum table_result built = index_build_result(&job->build);
        if (built != TABLE_OK) {
            return go_to_finish(job, built);
        }
        begin_walk(job);
    }
    while (status == UNIQUE_MORE && !exec_step_is_over(exec)) {
        status = unique_walk_step(&job->walk);
    }
    if (status == UNIQUE_MORE) {
        return JOB_MORE;
    }
    return go_to_finish(job, status == UNIQUE_REPEATED ? TABLE_REPEATED : TABLE_OK);
}

/* Others read a slice, too: true, and exec_wait_for was called. Those who wait for this job's own lock stand behind it. */
static bool must_wait_for_readers(struct exec *exec, const struct table *table)
{
    for (uint32_t i = 0; i < table->shard_count; i++) {
        assert(table->slices[i]->reader_count > 0);
        if (table->slices[i]->reader_count > 1) {
            exec_wait_for(exec, &exec->server->shards[i], WAIT_TABLE, (uintptr_t)table, WAIT_HOLDING);
            return true;
        }
    }
    return false;
}

static enum job_status index_finish(struct index_job *job, struct exec *exec)
{
    struct table *table = job->table;
    if (job->result == TABLE_OK) {
        job->result = index_build_result(&job->build);
    }
    if (table->is_dropped && job->result != TABLE_NO_MEMORY) {
        job->result = TABLE_MISSING;
    }
    if (job->result == TABLE_OK) {
        if (must_wait_for_readers(exec, table)) {
            return JOB_WAIT;
        }
        job->result = show_index(job, exec, table);
    }
    const enum job_status status = finish(job, exec, job->result); /* what it tells may be lent from a row */
    unlock_all(exec, job, job->result == TABLE_OK ? OUTCOME_INDEX_WANTED : OUTCOME_INDEX_GIVEN_UP);
    ddl_end_if_dropped(exec, table);
    return status;
}

static enum job_status index_step(struct job *base, struct exec *exec)
{
    static enum job_status (*const steps[])(struct index_job *, struct exec *) = {
        [PHASE_START] = index_start, [PHASE_CHECK] = index_check, [PHASE_FINISH] = index_finish};
    struct index_job *job = (struct index_job *)base;
    return steps[job->phase](job, exec);
}

static void index_destroy(struct job *base, struct exec *exec)
{
    struct index_job *job = (struct index_job *)base;
    if (job->is_locked) {
        assert(exec->session == NULL);
        unlock_all(exec, job, OUTCOME_INDEX_GIVEN_UP);
        ddl_end_if_dropped(exec, job->table);
    }
    index_build_release(&job->build);
    thread_free(MEM_QUERY_BUFFER, job, sizeof *job);
}

enum table_result alter_add_index(struct exec *exec, struct bytes table, struct bytes index, alter_done_fn *done)
{
    if (table.len > NAMESPACE_NAME_MAX + 1 + TABLE_NAME_MAX || index.len > ALTER_INDEX_WORD_MAX) {
        return index.len > ALTER_INDEX_WORD_MAX ? TABLE_COLUMN_MISSING : TABLE_MISSING;
    }
    struct index_job *job = thread_alloc_zeroed(MEM_QUERY_BUFFER, sizeof *job);
    if (job == NULL) {
        return TABLE_NO_MEMORY;
    }
    job->job = (struct job){.step = index_step, .destroy = index_destroy, .shard = JOB_ALL_SHARDS};
    job->done = done;
    job->name_len = table.len;
    job->word_len = index.len;
    memcpy(job->name, table.data, table.len);
    memcpy(job->word, index.data, index.len);
    exec_start_job(exec, &job->job);
    return TABLE_OK;
}

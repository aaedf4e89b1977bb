/* statement.c - see statement.h.  */
#include "query/statement.h"

#include "exec/exec.h"
#include "query/order_cut.h"
#include "query/set_words.h"
#include "query/slice_wait.h"
#include "shard/server.h"

#include <assert.h>
#include <string.h>

/* A statement that finds more, or must look longer, goes on as a job. */
enum { SMALL_STEPS = 6, SMALL_ROWS = 256 };
enum { FAULT_TEXT_KEPT = 256 }; /* bytes of a value in a fault; fewer are shown */

/* --- reading --- */

enum table_result field_parse(const struct schema *schema, struct bytes word, enum table_result bad_field, struct assignment *out,
                              struct table_fault *fault)
{
    struct bytes name;
    struct bytes text;
    enum comparison comparison;
    if (!comparison_split(word, &name, &comparison, &text) || comparison != COMPARE_EQUAL) {
        *fault = (struct table_fault){.expected = EXPECTED_FIELD, .is_known = true, .word = word};
        return bad_field;
    }
    uint32_t column = schema_find_column(schema, name);
    if (column == COLUMN_NONE) {
        *fault = (struct table_fault){.is_known = true, .word = name, .beside = word};
        return TABLE_UNKNOWN_COLUMN;
    }
    struct typed_value value = {.is_null = false};
    if (!typed_value_parse(column_form(&schema->columns[column]), text, &value)) {
        *fault = (struct table_fault){.is_known = true, .form = column_form(&schema->columns[column]), .word = text, .beside = name};
        return TABLE_BAD_VALUE;
    }
    *out = (struct assignment){.column = column, .value = value};
    return TABLE_OK;
}

struct table *statement_table(const struct exec *exec)
{
    return catalogue_find(atomic_load_explicit(&exec->server->catalogue, memory_order_acquire), exec->db, exec->argv[1]);
}

static uint32_t set_capacity(const struct exec *exec)
{
    return exec->argc < TABLE_COLUMNS_MAX ? exec->argc : TABLE_COLUMNS_MAX;
}

size_t statement_bytes(const struct exec *exec)
{
    return where_bytes(exec->argv, exec->argc) + set_capacity(exec) * sizeof(struct assignment);
}

static bool has_word(const struct exec *exec, uint32_t from, const char *word)
{
    for (uint32_t i = from; i < exec->argc; i++) {
        if (bytes_equal_ignore_case(exec->argv[i], bytes_of_string(word))) {
            return true;
        }
    }
    return false;
}

/* col=value; or col=NULL, in any case, where that is no value of the column. */
static enum table_result parse_field(struct statement *statement, struct bytes word, struct assignment *out)
{
    const struct schema *schema = statement->schema;
    struct table_fault *fault = &statement->fault;
    const enum table_result result = field_parse(schema, word, TABLE_BAD_ASSIGNMENT, out, fault);
    if (result != TABLE_BAD_VALUE || !bytes_equal_ignore_case(fault->word, BYTES("NULL"))) {
        return result;
    }
    const struct bytes name = fault->beside;
    *out = (struct assignment){.column = schema_find_column(schema, name), .value = {.is_null = true}};
    *fault = (struct table_fault){.is_known = true, .word = name};
    return schema->columns[out->column].is_not_null ? TABLE_NULL_VALUE : TABLE_OK;
}

/* A word behind SET: a value, or an expression as a text. */
static enum table_result parse_assignment(struct statement *statement, struct bytes word, struct assignment *out, bool *is_computed)
{
    struct bytes name;
    struct bytes expression;
    *is_computed = set_word_split(word, &name, &expression);
    if (!*is_computed) {
        return parse_field(statement, word, out);
    }
    const uint32_t column = schema_find_column(statement->schema, name);
    *out = (struct assignment){.column = column, .value = {.text = expression}};
    if (column == COLUMN_NONE) {
        statement->fault = (struct table_fault){.is_known = true, .word = name, .beside = word};
        return TABLE_UNKNOWN_COLUMN;
    }
    return TABLE_OK;
}

/* The words behind SET, up to `end`. Those that are computed stand at the end of the room for all. */
static enum table_result parse_assignments(struct statement *statement, const struct exec *exec, uint32_t from, uint32_t end)
{
    uint64_t seen[TABLE_COLUMNS_MAX / 64] = {0};
    struct assignment *computed = statement->set + set_capacity(exec);
    if (from == end) {
        return TABLE_BAD_ASSIGNMENT;
    }
    for (uint32_t i = from; i < end; i++) {
        struct assignment assignment;
        bool is_computed;
        enum table_result result = parse_assignment(statement, exec->argv[i], &assignment, &is_computed);
        if (result != TABLE_OK) {
            return result;
        }
        uint64_t bit = UINT64_C(1) << (assignment.column % 64);
        if ((seen[assignment.column / 64] & bit) != 0) {
            return TABLE_FIELD_TWICE;
        }
        seen[assignment.column / 64] |= bit;
        if (is_computed) {
            *--computed = assignment;
            statement->computed_count++;
        } else {
            statement->set[statement->set_count++] = assignment;
        }
        if (assignment.column == statement->schema->routing_column) {
            statement->moves_rows = statement->table->shard_count > 1;
        }
        statement->sets_unique |= statement->schema->columns[assignment.column].is_unique;
    }
    statement->computed = computed;
    return TABLE_OK;
}

static enum table_result parse_where(struct statement *statement, const struct exec *exec, uint32_t *at, void *memory)
{
    static const struct bytes end_words[] = {[STATEMENT_UPDATE] = BYTES("SET"), [STATEMENT_DELETE] = BYTES("RETURNING")};
    struct config *config = exec->server->config;
    struct where_source source = {
        .schema = statement->schema,
        .words = exec->argv + *at,
        .count = exec->argc - *at,
        .is_left_to_right =
            atomic_load_explicit(&config->table_where_precedence, memory_order_relaxed) == WHERE_LEFT_TO_RIGHT,
        .ends = statement->kind == STATEMENT_SELECT ? select_clause_words : &end_words[statement->kind],
        .end_count = statement->kind == STATEMENT_SELECT ? SELECT_CLAUSE_WORDS : 1,
    };
    uint32_t used = 0;
    enum table_result result = where_parse(&statement->where, &source, memory, &used, &statement->fault);
    *at += used;
    return result;
}

enum table_result statement_parse(struct statement *statement, const struct exec *exec, enum statement_kind kind,
                                  struct table *table, void *memory)
{
    *statement = (struct statement){
        .kind = kind,
        .table = table,
        .schema = table_schema(table),
        .set = memory,
        .scan_limit = atomic_load_explicit(&exec->server->config->table_max_scan_rows, memory_order_relaxed),
    };
    uint32_t at = 2;
    if (kind == STATEMENT_UPDATE && !has_word(exec, at, "SET")) {
        return TABLE_MISSING_SET;
    }
    if (kind == STATEMENT_SELECT) {
        select_words_read_columns(&statement->words, exec->argv, exec->argc, &at);
    }
    if (at < exec->argc && bytes_equal_ignore_case(exec->argv[at], BYTES("WHERE"))) {
        at++;
        enum table_result result = parse_where(statement, exec, &at, statement->set + set_capacity(exec));
        if (result != TABLE_OK) {
            return result;
        }
    }
    if (kind == STATEMENT_SELECT) {
        select_words_read_rest(&statement->words, exec->argv, exec->argc, &at);
    }
    if (kind == STATEMENT_DELETE) {
        select_words_read_returning(&statement->words, exec->argv, exec->argc, &at);
    }
    if (kind != STATEMENT_UPDATE) {
        return at == exec->argc ? TABLE_OK : TABLE_BAD_CLAUSE;
    }
    if (at == exec->argc || !bytes_equal_ignore_case(exec->argv[at], BYTES("SET"))) {
        return at == exec->argc ? TABLE_MISSING_SET : TABLE_BAD_CLAUSE;
    }
    const uint32_t from = at + 1;
    uint32_t end = select_words_find_returning(exec->argv, from, exec->argc);
    const enum table_result result = parse_assignments(statement, exec, from, end);
    select_words_read_returning(&statement->words, exec->argv, exec->argc, &end);
    return result;
}

enum table_result statement_result_of(enum sql_fault_kind kind)
{
    switch (kind) {
    case SQL_FAULT_NONE:
        return TABLE_OK;
    case SQL_FAULT_NO_MEMORY:
        return TABLE_NO_MEMORY;
    default:
        return TABLE_FAULT;
    }
}

static enum table_result plan_sets(struct statement *statement, const struct exec *exec, bool is_upsert, struct arena *arena, struct sql_fault *fault)
{
    struct set_words words = {.schema = statement->schema,
                              .sets = statement->computed,
                              .count = statement->computed_count,
                              .now_us = exec->now_ms * 1000,
                              .is_upsert = is_upsert};
    const enum table_result split = table_name_split(exec->argv[1], &words.space, &words.table);
    assert(split == TABLE_OK); /* the table is there */
    (void)split;
    return statement_result_of(set_words_plan(&words, arena, &statement->work, fault));
}

enum table_result statement_parse_upsert(struct statement *statement, const struct exec *exec, uint32_t from, uint32_t end, struct arena *arena,
                                         struct sql_fault *fault)
{
    statement->set = arena_alloc(arena, set_capacity(exec) * sizeof *statement->set);
    if (statement->set == NULL) {
        return TABLE_NO_MEMORY;
    }
    const enum table_result result = parse_assignments(statement, exec, from, end);
    return result == TABLE_OK && statement->computed_count > 0 ? plan_sets(statement, exec, true, arena, fault) : result;
}

enum table_result statement_plan(struct statement *statement, const struct exec *exec, struct arena *arena, struct sql_fault *fault)
{
    const enum table_result result = statement->computed_count > 0 ? plan_sets(statement, exec, false, arena, fault) : TABLE_OK;
    if (LIKELY(!select_words_are_any(&statement->words)) || result != TABLE_OK) {
        return result;
    }
    struct select *select = NULL;
    const struct hash_secret *secret = &exec->server->secret;
    if (statement->kind != STATEMENT_SELECT) {
        const enum sql_fault_kind kind = returning_plan_words(&statement->words, exec->argv, statement->schema, secret, arena, &select, fault);
        statement->returning = select;
        return statement_result_of(kind);
    }
    return statement_result_of(
        select_words_plan(&statement->words, exec->argv, statement->schema, secret, arena, &statement->select, fault));
}

int32_t statement_shard(const struct statement *statement, const struct exec *exec)
{
    if (statement->table->shard_count == 1) {
        return 0;
    }
    const struct condition *routing = statement->schema->routing_column == COLUMN_NONE || statement->moves_rows || statement->sets_unique
                                          ? NULL
                                          : where_equality(&statement->where, statement->schema->routing_column);
    if (routing == NULL) {
        return STATEMENT_ALL_SHARDS;
    }
    return (int32_t)table_route(statement->table, &exec->server->secret, &routing->value, 0);
}

struct shard_range statement_range(const struct statement *statement, int32_t shard)
{
    if (shard == STATEMENT_ALL_SHARDS) {
        return (struct shard_range){0, statement->table->shard_count};
    }
    return (struct shard_range){(uint32_t)shard, (uint32_t)shard + 1};
}

/* --- limits --- */

bool statement_is_within_limit(const struct statement *statement, uint64_t examined)
{
    const bool filters = access_filters(&statement->where, statement->schema) || (statement->work != NULL && statement->work->condition_count > 0);
    return statement->scan_limit <= 0 || examined <= (uint64_t)statement->scan_limit || !filters;
}

enum table_result statement_check(const struct statement *statement, const struct exec *exec, struct shard_range range)
{
    struct config *config = exec->server->config;
    if (atomic_load_explicit(&config->table_require_index, memory_order_relaxed) != 0 &&
        where_needs_index(&statement->where, statement->schema)) {
        return TABLE_NOT_INDEXED;
    }
    uint64_t rows = 0;
    for (uint32_t i = range.first; i < range.end; i++) {
        rows += statement->table->slices[i]->row_count;
    }
    bool scans = access_scans(&statement->where, statement->schema);
    return scans && !statement_is_within_limit(statement, rows) ? TABLE_SCAN_LIMIT : TABLE_OK;
}

bool statement_must_wait(const struct statement *statement, struct exec *exec, struct shard_range range)
{
    const bool is_reading = statement->kind == STATEMENT_SELECT;
    bool must_wait = false;
    for (uint32_t i = range.first; i < range.end && !must_wait; i++) {
        const struct table_slice *slice = statement->table->slices[i];
        must_wait = slice_must_wait(exec, statement->table, i, is_reading ? slice_may_read(slice) : slice_may_write(slice),
                                    is_reading ? WAIT_WITH_READERS : WAIT_WITH_WRITERS);
    }
    return must_wait;
}

/* --- rows --- */

enum table_result statement_keep_result(const struct statement *statement, const struct row_failure *failure, struct sql_fault *fault)
{
    if (failure->result == EXPRESSION_NO_MEMORY) {
        return TABLE_NO_MEMORY;
    }
    row_work_fault(statement->work, failure, fault);
    return TABLE_FAULT;
}

/* The row goes to the shard `to` with its id and its new values. */
static enum table_result move_row(const struct statement *statement, const struct found_row *row, uint32_t to)
{
    struct typed_value values[TABLE_COLUMNS_MAX];
    const struct schema *schema = statement->schema;
    struct table_slice *from = statement->table->slices[row->shard];
    for (uint32_t i = 0; i < schema->column_count; i++) {
        values[i] = slice_value(from, row->row, schema->columns[i].slot);
    }
    for (uint32_t i = 0; i < statement->set_count; i++) {
        values[statement->set[i].column] = statement->set[i].value;
    }
    return slice_move_row(from, row->row, statement->table->slices[to], schema, values);
}

static const struct typed_value *new_routing_value(const struct statement *statement)
{
    uint32_t i = 0;
    while (statement->set[i].column != statement->schema->routing_column) {
        i++;
    }
    return &statement->set[i].value;
}

/* UPDATE, with what it gives the row. */
static enum table_result update_row(const struct statement *statement, const struct exec *exec, const struct found_row *row)
{
    struct table_slice *slice = statement->table->slices[row->shard];
    if (statement->moves_rows) {
        uint32_t to = table_route(statement->table, &exec->server->secret, new_routing_value(statement), row->id);
        if (to != row->shard) {
            return move_row(statement, row, to);
        }
    }
    return slice_update(slice, statement->schema, row->row, statement->set, statement->set_count);
}

/* UPDATE whose SET is computed from the row, or some of it. It was tried before, so that memory alone can fail. */
static enum table_result update_computed(const struct statement *statement, const struct exec *exec, const struct found_row *row)
{
    struct statement computed = *statement;
    struct row_failure failure;
    struct arena arena;
    enum table_result result = TABLE_NO_MEMORY;
    arena_init(&arena, MEM_QUERY_BUFFER, ROW_WORK_BYTES_MAX);
    computed.set_count = statement->work->set_count + statement->set_count;
    computed.set = arena_alloc(&arena, computed.set_count * sizeof *computed.set);
    if (computed.set != NULL &&
        row_work_set(statement->work, statement->table->slices[row->shard], row->row, &arena, computed.set, &failure)) {
        for (uint32_t i = 0; i < statement->set_count; i++) {
            computed.set[statement->work->set_count + i] = statement->set[i];
        }
        result = update_row(&computed, exec, row);
    }
    arena_release(&arena);
    return result;
}

enum table_result statement_apply(const struct statement *statement, const struct exec *exec, const struct found_row *row)
{
    if (statement->kind == STATEMENT_DELETE) {
        slice_delete(statement->table->slices[row->shard], statement->schema, row->row);
        return TABLE_OK;
    }
    return statement->work != NULL ? update_computed(statement, exec, row) : update_row(statement, exec, row);
}

void statement_tell_row(const struct statement *statement, struct exec *exec, const struct found_row *row, const struct scalar *items,
                        const struct statement_replies *replies)
{
    if (statement->select != NULL && statement->select->item_count > 0) {
        replies->items(exec, statement->select, items);
    } else {
        replies->row(exec, statement, row);
    }
}

enum table_result statement_tell_returned(const struct statement *statement, struct exec *exec, struct returning *returning,
                                          const struct found_row *row, const struct statement_replies *replies, struct sql_fault *fault)
{
    const struct unique_update update = statement_update(statement);
    const struct scalar *items = NULL;
    const enum table_result result =
        returning_row(returning, row->shard, row->row, statement->kind == STATEMENT_UPDATE ? &update : NULL, &items, fault);
    if (result != TABLE_OK) {
        return result;
    }
    replies->items(exec, statement->returning, items);
    return exec->reply->is_broken ? TABLE_NO_MEMORY : TABLE_OK;
}

enum table_result statement_run_result(const struct select_run *run, struct sql_fault *fault)
{
    if (run->failed == EXPRESSION_NO_MEMORY) {
        return TABLE_NO_MEMORY;
    }
    select_fault(run->select, run->failed, run->failed_at, fault);
    return TABLE_FAULT;
}

void statement_count_rows(struct exec *exec, uint64_t count)
{
    if (count > 0) {
        exec_count_changes(exec, count);
        exec_effect_none(exec);
    }
}

/* --- at once --- */

enum small { SMALL_FOUND, SMALL_TOO_BIG, SMALL_NO_MEMORY, SMALL_FAILED };

/* Rows of a shard that are enough: any, if a LIMIT has no order. */
static uint64_t enough_rows(const struct select *select)
{
    return select == NULL || select->is_grouped || select->order.count > 0 ? UINT64_MAX : select_wanted(select);
}

void statement_begin_gather(const struct statement *statement, const struct table_slice *slice, struct gather *gather)
{
    const struct select *select = statement->select;
    const bool is_filtered_later = statement->work != NULL && statement->work->condition_count > 0;
    gather_begin(gather, slice, statement->schema, &statement->where);
    if (select != NULL && order_cut_fits(select) && !is_filtered_later) {
        gather_in_order(gather, &(struct row_order){.cells = select->inputs[select->order_keys[0]->result].cells,
                                                    .is_descending = select->order.keys[0].is_descending,
                                                    .nulls_last = select->order.keys[0].nulls_last,
                                                    .wanted = select_wanted(select)});
    }
}

/* Finds all rows of the range in a few steps, in the order of their ids. SMALL_FAILED: *failure is set. */
static enum small find_small(const struct statement *statement, struct shard_range range, struct found *found, uint64_t *examined,
                             struct row_failure *failure)
{
    uint32_t rows[GATHER_ROWS];
    uint32_t steps = 0;
    *examined = 0;
    for (uint32_t shard = range.first; shard < range.end; shard++) {
        struct gather gather;
        uint64_t left = enough_rows(statement->select);
        statement_begin_gather(statement, statement->table->slices[shard], &gather);
        while (!gather.is_done && left > 0) {
            if (++steps > SMALL_STEPS + range.end - range.first) {
                return SMALL_TOO_BIG;
            }
            uint32_t count = gather_step(&gather, rows);
            if (!statement_keep(statement, gather.slice, rows, &count, failure)) {
                return SMALL_FAILED;
            }
            count = count < left ? count : (uint32_t)left;
            left -= count;
            if (found->count + count > SMALL_ROWS) {
                return SMALL_TOO_BIG;
            }
            if (count > 0 && !found_add(found, gather.slice, shard, rows, count)) {
                return SMALL_NO_MEMORY;
            }
        }
        *examined += gather.examined;
    }
    return found_sort(found, SIZE_MAX) == FOUND_SORTED ? SMALL_FOUND : SMALL_NO_MEMORY;
}

/* Rows or items of a run that is settled. False: it has failed. */
static bool tell_run(const struct statement *statement, struct exec *exec, struct select_run *run, const struct statement_replies *replies)
{
    const struct found_row *found = NULL;
    const struct scalar *items = NULL;
    enum select_status status;
    replies->rows(exec, select_run_left(run));
    while ((status = select_run_next(run, &found, &items)) == SELECT_MORE) {
        statement_tell_row(statement, exec, found, items, replies);
    }
    return status == SELECT_DONE;
}

/* The rows are few. *fault is set on TABLE_FAULT. */
static enum table_result select_found(const struct statement *statement, struct exec *exec, const struct found *found,
                                      const struct statement_replies *replies, struct sql_fault *fault)
{
    struct select_run run;
    if (!select_run_create(&run, statement->select, statement->table, 1, exec->now_ms * 1000)) {
        return TABLE_NO_MEMORY;
    }
    bool is_good = true;
    for (size_t i = 0; i < found->count && is_good; i++) {
        const struct found_row *row = found_at(found, i);
        is_good = select_part_take(&run, 0, row->shard, &row->row, 1);
    }
    if (is_good) {
        (void)select_part_settle(&run, 0, SIZE_MAX); /* a failure is the run's, too */
    }
    enum select_status status;
    do {
        status = select_run_settle(&run, SIZE_MAX);
    } while (status == SELECT_MORE);
    is_good = status == SELECT_DONE && tell_run(statement, exec, &run, replies);
    const enum table_result result = is_good ? TABLE_OK : statement_run_result(&run, fault);
    select_run_release(&run);
    return result;
}

static void tell_found(const struct statement *statement, struct exec *exec, const struct found *found,
                       const struct statement_replies *replies)
{
    replies->rows(exec, found->count);
    for (size_t i = 0; i < found->count; i++) {
        replies->row(exec, statement, found_at(found, i));
    }
}

/* *done: how many rows were changed, on errors, too. */
static enum table_result apply_found(const struct statement *statement, struct exec *exec, const struct found *found,
                                     struct shard_range range, size_t *done)
{
    enum table_result result = TABLE_OK;
    *done = 0;
    exec_begin_unit(exec);
    while (*done < found->count && result == TABLE_OK) {
        result = statement_apply(statement, exec, found_at(found, *done));
        *done += result == TABLE_OK ? 1 : 0;
    }
    exec_end_unit(exec);
    for (uint32_t i = range.first; i < range.end && statement->kind == STATEMENT_DELETE; i++) {
        slice_tidy(statement->table->slices[i], statement->schema, SIZE_MAX);
    }
    statement_count_rows(exec, *done);
    return result;
}

struct unique_update statement_update(const struct statement *statement)
{
    return (struct unique_update){
        .table = statement->table, .set = statement->set, .set_count = statement->set_count, .work = statement->work};
}

/* The fault's value, if it is a text, is lent from memory that ends: its beginning is copied. False: no memory. */
static bool keep_fault_text(struct exec *exec, struct table_fault *fault)
{
    if (!column_type_is_text((enum column_type)fault->form.type) || fault->value.is_uuid_read) {
        return true;
    }
    struct bytes *text = &fault->value.text;
    text->len = text->len < FAULT_TEXT_KEPT ? text->len : FAULT_TEXT_KEPT;
    char *copy = exec_scratch(exec, text->len + 1);
    if (copy != NULL) {
        memcpy(copy, text->data, text->len);
        text->data = copy;
    }
    return copy != NULL;
}

/* Would two rows have the same value of a unique column? TABLE_NOT_UNIQUE: *fault says so, until the handler or step returns. */
static enum table_result check_found(const struct statement *statement, struct exec *exec, const struct found *found, struct shard_range range,
                                     struct table_fault *fault)
{
    struct unique_check check;
    enum table_result result = TABLE_OK;
    bool is_done;
    if (!statement->sets_unique) {
        return TABLE_OK;
    }
    const struct unique_update update = statement_update(statement);
    assert(range.first == 0 && range.end == statement->table->shard_count);
    unique_check_begin(&check, &update);
    for (size_t i = 0; i < found->count && result == TABLE_OK; i++) {
        result = unique_check_row(&check, found_at(found, i), fault);
    }
    if (result == TABLE_OK) {
        result = unique_check_settle(&check, SIZE_MAX, &is_done, fault);
    }
    if (result == TABLE_NOT_UNIQUE && !keep_fault_text(exec, fault)) {
        result = TABLE_NO_MEMORY;
    }
    unique_check_release(&check);
    return result;
}

/* RETURNING, if it is there: the rows are told before they are changed. */
static enum table_result tell_returned(const struct statement *statement, struct exec *exec, const struct found *found,
                                       const struct statement_replies *replies, struct sql_fault *fault)
{
    struct returning returning;
    enum table_result result = TABLE_OK;
    if (statement->returning == NULL) {
        return TABLE_OK;
    }
    returning_begin(&returning, statement->returning, statement->table, exec->now_ms * 1000);
    replies->rows(exec, found->count);
    for (size_t i = 0; i < found->count && result == TABLE_OK; i++) {
        result = statement_tell_returned(statement, exec, &returning, found_at(found, i), replies, fault);
    }
    returning_release(&returning);
    return result;
}

static void refuse_small(const struct statement *statement, struct exec *exec, enum table_result result, const struct table_fault *fault,
                         const struct statement_replies *replies)
{
    struct statement refused = *statement;
    if (result == TABLE_NOT_UNIQUE) {
        refused.fault = *fault;
    }
    replies->refuse(exec, result, &refused);
}

bool statement_run_small(const struct statement *statement, struct exec *exec, struct shard_range range,
                         const struct statement_replies *replies)
{
    struct found found;
    struct sql_fault fault;
    struct row_failure failure;
    struct table_fault repeated;
    uint64_t examined;
    size_t done = 0;
    enum table_result result = TABLE_OK;
    found_init(&found, NULL);
    const enum small small = find_small(statement, range, &found, &examined, &failure);
    if (small == SMALL_NO_MEMORY) {
        result = TABLE_NO_MEMORY;
    } else if (small == SMALL_FAILED) {
        result = statement_keep_result(statement, &failure, &fault);
    } else if (small == SMALL_FOUND && !statement_is_within_limit(statement, examined)) {
        result = TABLE_SCAN_LIMIT;
    } else if (small == SMALL_FOUND && statement->kind != STATEMENT_SELECT) {
        result = check_found(statement, exec, &found, range, &repeated);
        result = result == TABLE_OK ? tell_returned(statement, exec, &found, replies, &fault) : result;
        result = result == TABLE_OK ? apply_found(statement, exec, &found, range, &done) : result;
    } else if (small == SMALL_FOUND && statement->select != NULL) {
        result = select_found(statement, exec, &found, replies, &fault);
    }
    if (result == TABLE_FAULT) {
        replies->fault(exec, &fault);
    } else if (result != TABLE_OK) {
        refuse_small(statement, exec, result, &repeated, replies);
    } else if (small == SMALL_FOUND && statement->kind == STATEMENT_SELECT && statement->select == NULL) {
        tell_found(statement, exec, &found, replies);
    } else if (small == SMALL_FOUND && statement->kind != STATEMENT_SELECT && statement->returning == NULL) {
        replies->changed(exec, done);
    }
    found_release(&found);
    return small != SMALL_TOO_BIG;
}

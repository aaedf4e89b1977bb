/* row_work.c - see row_work.h.  */
#include "query/row_work.h"

#include "expression/cast.h"
#include "query/select.h"

#include <assert.h>

/* The work of one call: the row's values, and room for the programs. */
struct worker {
    const struct row_work *work;
    struct scalar *slots;
    struct program_run_state state;
};

static uint32_t slot_count(const struct row_work *work)
{
    return work->excluded == NULL ? work->input_count : work->excluded->base + work->excluded->count;
}

static bool open_worker(struct worker *worker, const struct row_work *work, struct arena *arena)
{
    struct scalar *values = arena_alloc(arena, (slot_count(work) + work->temporary_count + 1u) * sizeof *values);
    *worker = (struct worker){.work = work, .slots = values};
    if (values == NULL) {
        return false;
    }
    worker->state = (struct program_run_state){.slots = values,
                                               .parameters = work->parameters,
                                               .temporaries = values + slot_count(work),
                                               .arena = arena,
                                               .now_us = work->now_us};
    return true;
}

static void load(struct worker *worker, const struct table_slice *slice, uint32_t row)
{
    row_load(worker->work->inputs, worker->work->input_count, slice_page_of(slice, row), row_slot(row), worker->slots);
}

static bool fail(struct row_failure *failure, enum expression_result result, uint32_t position, uint32_t column)
{
    failure->result = result;
    failure->position = position;
    failure->column = column;
    return false;
}

enum expression_result row_value_of(const struct scalar *scalar, struct column_form form, struct arena *arena, struct typed_value *out)
{
    struct scalar value = *scalar;
    assert(scalar->type == row_scalar_type((enum column_type)form.type));
    *out = (struct typed_value){.is_null = false};
    if (form.type == COLUMN_DECIMAL) {
        const enum expression_result result =
            cast_apply(scalar, (struct cast_target){.type = SCALAR_DECIMAL, .precision = form.digits, .scale = form.scale}, arena, &value);
        if (result != EXPRESSION_OK) {
            return result;
        }
    }
    if (column_type_is_text((enum column_type)form.type)) {
        out->text = scalar_text(&value);
    } else if (form.type == COLUMN_FLOAT) {
        out->number = value.number;
    } else {
        out->integer = value.integer;
    }
    return EXPRESSION_OK;
}

/* The row is loaded. */
static bool compute_set(struct worker *worker, struct assignment *set, struct row_failure *failure)
{
    const struct row_work *work = worker->work;
    for (uint32_t i = 0; i < work->set_count; i++) {
        const uint32_t at = work->sets[i].column;
        const struct column *column = &work->schema->columns[at];
        struct scalar value;
        worker->state.position = 0;
        enum expression_result result = program_run(work->sets[i].program, &worker->state, &value);
        failure->text = work->sets[i].text;
        if (result == EXPRESSION_OK && value.type == SCALAR_NULL && column->is_not_null) {
            return fail(failure, EXPRESSION_OK, 0, at);
        }
        set[i] = (struct assignment){.column = at, .value = {.is_null = true}};
        if (result == EXPRESSION_OK && value.type != SCALAR_NULL) {
            result = row_value_of(&value, column_form(column), worker->state.arena, &set[i].value);
        }
        if (result != EXPRESSION_OK) {
            return fail(failure, result, worker->state.position, COLUMN_NONE);
        }
    }
    return true;
}

static bool is_kept_by(struct worker *worker, bool *is_true, struct row_failure *failure)
{
    const struct row_work *work = worker->work;
    *is_true = true;
    for (uint32_t i = 0; i < work->condition_count && *is_true; i++) {
        const enum expression_result result = program_is_true(work->conditions[i], &worker->state, is_true);
        if (result != EXPRESSION_OK) {
            return fail(failure, result, worker->state.position, COLUMN_NONE);
        }
    }
    return true;
}

bool row_work_keep(const struct row_work *work, const struct table_slice *slice, uint32_t *rows, uint32_t *count, struct row_failure *failure)
{
    struct arena arena;
    struct worker worker;
    uint32_t kept = 0;
    failure->text = BYTES("");
    arena_init(&arena, MEM_QUERY_BUFFER, ROW_WORK_BYTES_MAX);
    struct assignment *set = arena_alloc(&arena, (work->set_count + 1u) * sizeof *set);
    bool is_good = (set != NULL && open_worker(&worker, work, &arena)) || fail(failure, EXPRESSION_NO_MEMORY, 0, COLUMN_NONE);
    for (uint32_t i = 0; i < *count && is_good; i++) {
        bool is_true = false;
        load(&worker, slice, rows[i]);
        is_good = is_kept_by(&worker, &is_true, failure) && (!is_true || compute_set(&worker, set, failure));
        if (is_true) {
            rows[kept++] = rows[i];
        }
    }
    *count = kept;
    arena_release(&arena);
    return is_good;
}

bool row_work_set(const struct row_work *work, const struct table_slice *slice, uint32_t row, struct arena *arena, struct assignment *set,
                  struct row_failure *failure)
{
    struct worker worker;
    failure->text = BYTES("");
    if (!open_worker(&worker, work, arena)) {
        return fail(failure, EXPRESSION_NO_MEMORY, 0, COLUMN_NONE);
    }
    load(&worker, slice, row);
    return compute_set(&worker, set, failure);
}

bool row_work_upsert(const struct row_work *work, const struct table_slice *slice, uint32_t row, const struct typed_value *values,
                     struct arena *arena, bool *is_kept, struct assignment *set, struct row_failure *failure)
{
    struct worker worker;
    const struct row_names *excluded = work->excluded;
    failure->text = BYTES("");
    if (!open_worker(&worker, work, arena)) {
        return fail(failure, EXPRESSION_NO_MEMORY, 0, COLUMN_NONE);
    }
    load(&worker, slice, row);
    for (uint32_t i = 0; i < excluded->count; i++) {
        worker.slots[excluded->base + i] = row_input_scalar(excluded->inputs[i], &values[excluded->columns[i]]);
    }
    return is_kept_by(&worker, is_kept, failure) && (!*is_kept || compute_set(&worker, set, failure));
}

void row_work_fault(const struct row_work *work, const struct row_failure *failure, struct sql_fault *fault)
{
    assert(failure->result != EXPRESSION_NO_MEMORY);
    const struct bytes text = failure->text.len > 0 ? failure->text : work->text;
    if (failure->result != EXPRESSION_OK) {
        sql_fault_set(fault, SQL_FAULT_MEANING, text, failure->position, "%s", expression_result_text(failure->result));
    } else {
        const struct bytes name = schema_column_name(work->schema, failure->column);
        sql_fault_set(fault, SQL_FAULT_MEANING, text, failure->position, "column '%.*s' must have a value", (int)name.len, name.data);
    }
    if (failure->text.len > 0) {
        select_fault_show(fault, failure->text);
    }
}

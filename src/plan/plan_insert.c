/* plan_insert.c - see plan_insert.h.  */
#include "plan/plan_insert.h"

#include "plan/plan_rows.h"
#include "query/row_work.h"
#include "table/definition.h"

#include <assert.h>

/* INSERT OR IGNORE, OR REPLACE. */
static bool is_or(const struct plan *plan, enum sql_conflict conflict)
{
    return plan->tree->change->is_or && plan->tree->change->conflict == conflict;
}

static enum table_result read_targets(const struct plan *plan, const struct schema *schema, struct row_columns *targets)
{
    uint64_t seen[TABLE_COLUMNS_MAX / 64] = {0};
    const struct sql_name *name = plan->tree->change->columns;
    *targets = (struct row_columns){.schema = schema, .replaces_nulls = is_or(plan, SQL_CONFLICT_REPLACE)};
    for (uint32_t i = 0; i < schema->column_count && name == NULL; i++) {
        targets->columns[targets->count++] = (uint16_t)i;
    }
    for (; name != NULL; name = name->next) {
        const uint32_t column = schema_find_column(schema, name->name);
        if (column == COLUMN_NONE) {
            return plan_fail(plan, name->position, "there is no column %.*s", (int)(name->name.len > 60 ? 60 : name->name.len), name->name.data);
        }
        const uint64_t bit = UINT64_C(1) << (column % 64);
        if ((seen[column / 64] & bit) != 0) {
            return plan_fail(plan, name->position, "the column is named twice");
        }
        seen[column / 64] |= bit;
        targets->columns[targets->count++] = (uint16_t)column;
    }
    return TABLE_OK;
}

/* Its value would be another one where the row is routed than where it is added. */
static bool reads_clock(const struct program *program)
{
    bool reads = false;
    for (uint32_t i = 0; i < program->step_count && !reads; i++) {
        reads = program->steps[i].kind == STEP_NOW;
    }
    return reads;
}

static enum table_result compile_row(const struct plan *plan, const struct row_columns *targets, const struct sql_node *row,
                                     const struct program **programs)
{
    if (row->count != targets->count) {
        return plan_fail(plan, row->position, "%u value%s expected here, not %u", targets->count, targets->count == 1 ? " was" : "s were", row->count);
    }
    enum table_result result = TABLE_OK;
    const struct schema *schema = targets->schema;
    const struct sql_node *node = row->first;
    for (uint32_t i = 0; i < targets->count && result == TABLE_OK; i++, node = node->next) {
        const enum scalar_type type = row_scalar_type((enum column_type)schema->columns[targets->columns[i]].type);
        result = plan_compile(plan, NULL, node, type, &programs[i]);
        if (result == TABLE_OK && targets->columns[i] == schema->routing_column && reads_clock(programs[i])) {
            result = plan_fail(plan, node->position, "now() cannot give the value of the column that names a row's shard");
        }
    }
    return result;
}

static enum table_result compile_rows(const struct plan *plan, struct plan_rows_in *rows)
{
    const struct sql_node *list = plan->tree->change->rows;
    const struct sql_node *row = list->first;
    enum table_result result = TABLE_OK;
    rows->row_count = list->count;
    rows->rows = arena_alloc(plan->arena, (size_t)list->count * sizeof *rows->rows);
    rows->programs = arena_alloc(plan->arena, (size_t)list->count * rows->targets.count * sizeof *rows->programs);
    if (rows->rows == NULL || rows->programs == NULL) {
        return plan_no_memory(plan);
    }
    for (uint32_t i = 0; i < list->count && result == TABLE_OK; i++, row = row->next) {
        rows->rows[i] = row;
        result = compile_row(plan, &rows->targets, row, rows->programs + (size_t)i * rows->targets.count);
    }
    return result;
}

/* The value of a program that reads no row. */
static enum table_result compute(const struct plan *plan, const struct program *program, int64_t now_us, struct scalar *out)
{
    struct scalar *temporaries = arena_alloc(plan->arena, (program->temporary_count + 1u) * sizeof *temporaries);
    if (temporaries == NULL) {
        return plan_no_memory(plan);
    }
    struct program_run_state run = {.parameters = plan->parameters, .temporaries = temporaries, .arena = plan->arena, .now_us = now_us};
    const enum expression_result result = program_run(program, &run, out);
    if (result == EXPRESSION_NO_MEMORY) {
        return plan_no_memory(plan);
    }
    return result == EXPRESSION_OK ? TABLE_OK : plan_fail(plan, run.position, "%s", expression_result_text(result));
}

/* The computed value as one of the column, or null. */
static enum table_result compute_for(const struct plan *plan, const struct sql_node *node, const struct program *program, int64_t now_us,
                                     struct column_form form, struct typed_value *out)
{
    struct scalar value;
    enum table_result result = compute(plan, program, now_us, &value);
    *out = (struct typed_value){.is_null = true};
    if (result != TABLE_OK || value.type == SCALAR_NULL) {
        return result;
    }
    const enum expression_result is_taken = row_value_of(&value, form, plan->arena, out);
    if (is_taken == EXPRESSION_NO_MEMORY) {
        return plan_no_memory(plan);
    }
    return is_taken == EXPRESSION_OK ? TABLE_OK : plan_fail(plan, node->position, "%s", expression_result_text(is_taken));
}

enum table_result plan_default(const struct plan *plan, const struct sql_node *node, struct column_form form, struct typed_value *out)
{
    const struct program *program;
    const enum table_result result = plan_compile(plan, NULL, node, row_scalar_type((enum column_type)form.type), &program);
    return result == TABLE_OK ? compute_for(plan, node, program, 0, form, out) : result;
}

enum table_result plan_insert(struct plan *plan, const struct exec *exec, const struct table *table, struct plan_rows_in *out)
{
    *out = (struct plan_rows_in){.plan = plan, .now_us = exec->now_ms * 1000};
    enum table_result result = read_targets(plan, table_schema(table), &out->targets);
    if (result == TABLE_OK) {
        result = compile_rows(plan, out);
    }
    if (result == TABLE_OK) {
        result = plan_conflict(plan, exec, table, &out->on_conflict);
    }
    if (result == TABLE_OK) {
        result = plan_returning(plan, exec, table_schema(table), &out->returning);
    }
    if (result == TABLE_OK) {
        result = plan_take_arguments(plan);
    }
    if (result == TABLE_OK && out->on_conflict.work != NULL) {
        out->on_conflict.work->parameters = plan->parameters;
    }
    if (result == TABLE_OK && out->returning != NULL) {
        out->returning->parameters = plan->parameters;
    }
    return result;
}

static enum table_result complete_row(const struct plan *plan, const struct row_columns *targets, const struct sql_node *row,
                                      struct typed_value *values)
{
    const uint32_t missing = row_columns_complete(targets, values);
    if (missing == COLUMN_NONE) {
        return TABLE_OK;
    }
    const struct bytes name = schema_column_name(targets->schema, missing);
    (void)plan_fail(plan, row->position, "column '%.*s' must have a value", (int)name.len, name.data);
    return is_or(plan, SQL_CONFLICT_NOTHING) ? TABLE_NULL_VALUE : TABLE_FAULT;
}

enum table_result plan_insert_row(const struct plan_rows_in *rows, uint32_t at, struct arena *arena, struct typed_value *values)
{
    assert(at < rows->row_count);
    const struct row_columns *targets = &rows->targets;
    const struct program *const *programs = rows->programs + (size_t)at * targets->count;
    const struct sql_node *node = rows->rows[at]->first;
    struct plan plan = *rows->plan;
    enum table_result result = TABLE_OK;
    plan.arena = arena;
    for (uint32_t i = 0; i < targets->schema->column_count; i++) {
        values[i] = (struct typed_value){.is_null = true};
    }
    for (uint32_t i = 0; i < targets->count && result == TABLE_OK; i++, node = node->next) {
        const uint32_t column = targets->columns[i];
        result = compute_for(&plan, node, programs[i], rows->now_us, column_form(&targets->schema->columns[column]), &values[column]);
    }
    return result == TABLE_OK ? complete_row(&plan, targets, rows->rows[at], values) : result;
}

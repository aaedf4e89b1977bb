/* plan_insert.c - see plan_insert.h.  */
#include "plan/plan_insert.h"

#include "query/row_work.h"
#include "table/definition.h"

#include <assert.h>

/* Which column the value at each place is for. */
struct targets {
    uint16_t columns[TABLE_COLUMNS_MAX];
    uint32_t count;
};

static enum table_result read_targets(const struct plan *plan, const struct schema *schema, struct targets *targets)
{
    uint64_t seen[TABLE_COLUMNS_MAX / 64] = {0};
    const struct sql_name *name = plan->tree->change->columns;
    targets->count = 0;
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

static enum table_result compile_row(const struct plan *plan, const struct schema *schema, const struct targets *targets, const struct program **programs)
{
    const struct sql_node *rows = plan->tree->change->rows;
    const struct sql_node *row = rows->first;
    if (row->next != NULL) {
        return plan_fail(plan, row->next->position, "INSERT takes one row at a time");
    }
    if (row->count != targets->count) {
        return plan_fail(plan, row->position, "%u value%s expected here, not %u", targets->count, targets->count == 1 ? " was" : "s were", row->count);
    }
    enum table_result result = TABLE_OK;
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

static enum table_result compute_row(const struct plan *plan, const struct exec *exec, const struct schema *schema, const struct targets *targets,
                                     const struct program *const *programs, struct typed_value *values)
{
    const struct sql_node *node = plan->tree->change->rows->first->first;
    enum table_result result = TABLE_OK;
    for (uint32_t i = 0; i < targets->count && result == TABLE_OK; i++, node = node->next) {
        const uint32_t column = targets->columns[i];
        result = compute_for(plan, node, programs[i], exec->now_ms * 1000, column_form(&schema->columns[column]), &values[column]);
    }
    return result;
}

enum table_result plan_default(const struct plan *plan, const struct sql_node *node, struct column_form form, struct typed_value *out)
{
    const struct program *program;
    const enum table_result result = plan_compile(plan, NULL, node, row_scalar_type((enum column_type)form.type), &program);
    return result == TABLE_OK ? compute_for(plan, node, program, 0, form, out) : result;
}

/* Defaults are for columns that are not named: a null that is given stays one, but in the auto column. */
static enum table_result complete_row(const struct plan *plan, const struct schema *schema, const struct targets *targets, struct typed_value *values)
{
    bool was_null[TABLE_COLUMNS_MAX] = {false};
    for (uint32_t i = 0; i < targets->count; i++) {
        was_null[targets->columns[i]] = values[targets->columns[i]].is_null;
    }
    uint32_t missing = schema_complete_row(schema, values);
    for (uint32_t i = 0; i < schema->column_count; i++) {
        if (was_null[i]) {
            values[i] = (struct typed_value){.is_null = true};
            missing = schema->columns[i].is_not_null && !schema->columns[i].is_auto ? i : missing;
        }
    }
    if (missing == COLUMN_NONE) {
        return TABLE_OK;
    }
    const struct bytes name = schema_column_name(schema, missing);
    return plan_fail(plan, plan->tree->change->rows->first->position, "column '%.*s' must have a value", (int)name.len, name.data);
}

enum table_result plan_insert(struct plan *plan, const struct exec *exec, const struct table *table, struct typed_value *values)
{
    const struct program *programs[TABLE_COLUMNS_MAX];
    const struct schema *schema = table_schema(table);
    struct targets targets;
    for (uint32_t i = 0; i < schema->column_count; i++) {
        values[i] = (struct typed_value){.is_null = true};
    }
    enum table_result result = read_targets(plan, schema, &targets);
    if (result == TABLE_OK) {
        result = compile_row(plan, schema, &targets, programs);
    }
    if (result == TABLE_OK) {
        result = plan_take_arguments(plan);
    }
    if (result == TABLE_OK) {
        result = compute_row(plan, exec, schema, &targets, programs, values);
    }
    return result == TABLE_OK ? complete_row(plan, schema, &targets, values) : result;
}

/* plan_conflict.c - see plan_conflict.h.  */
#include "plan/plan_conflict.h"

#include "exec/exec.h"

struct conflict_planner {
    const struct plan *plan;
    const struct table *table;
    const struct schema *schema;
    const struct sql_change *change;
    struct row_names_upsert *names;
    struct conflict *conflict;
    struct row_work *work;
};

static enum table_result no_column(const struct plan *plan, struct bytes name, uint32_t position)
{
    return plan_fail(plan, position, "there is no column %.*s", (int)(name.len > 60 ? 60 : name.len), name.data);
}

/* (column): a unique one. */
static enum table_result find_target(const struct conflict_planner *planner)
{
    const struct sql_name *name = planner->change->conflict_columns;
    planner->conflict->target = COLUMN_NONE;
    if (name == NULL) {
        return TABLE_OK;
    }
    const uint32_t column = schema_find_column(planner->schema, name->name);
    if (column == COLUMN_NONE) {
        return no_column(planner->plan, name->name, name->position);
    }
    if (name->next != NULL || !planner->schema->columns[column].is_unique) {
        return plan_fail(planner->plan, name->position, "ON CONFLICT takes one column, which is unique");
    }
    planner->conflict->target = column;
    return TABLE_OK;
}

static enum table_result compile(const struct conflict_planner *planner, const struct sql_node *node, enum scalar_type type,
                                 const struct program **out)
{
    const enum table_result result = plan_compile_upsert(planner->plan, planner->names, node, type, out);
    if (result == TABLE_OK && (*out)->temporary_count > planner->work->temporary_count) {
        planner->work->temporary_count = (*out)->temporary_count;
    }
    return result;
}

static enum table_result compile_set(const struct conflict_planner *planner, const struct sql_set *set, struct row_set *out)
{
    const struct row_set *const sets = planner->work->sets;
    const uint32_t column = schema_find_column(planner->schema, set->name);
    if (column == COLUMN_NONE) {
        return no_column(planner->plan, set->name, set->position);
    }
    for (const struct row_set *before = sets; before < out; before++) {
        if (before->column == column) {
            return plan_fail(planner->plan, set->position, "SET gives a column two values");
        }
    }
    const bool is_routing = column == planner->schema->routing_column && planner->table->shard_count > 1;
    planner->conflict->asks_all |= is_routing || planner->schema->columns[column].is_unique;
    out->column = column;
    return compile(planner, set->expression, row_scalar_type((enum column_type)planner->schema->columns[column].type), &out->program);
}

static enum table_result compile_work(const struct conflict_planner *planner)
{
    struct row_work *work = planner->work;
    const struct sql_change *change = planner->change;
    uint32_t count = 0;
    for (const struct sql_set *set = change->sets; set != NULL; set = set->next) {
        count++;
    }
    struct row_set *sets = arena_alloc_zeroed(planner->plan->arena, (count + 1u) * sizeof *sets);
    const struct program **conditions = arena_alloc_zeroed(planner->plan->arena, sizeof *conditions);
    if (sets == NULL || conditions == NULL) {
        return plan_no_memory(planner->plan);
    }
    work->sets = sets;
    work->conditions = conditions;
    enum table_result result = TABLE_OK;
    for (const struct sql_set *set = change->sets; set != NULL && result == TABLE_OK; set = set->next) {
        result = compile_set(planner, set, &sets[work->set_count++]);
    }
    if (change->where != NULL && result == TABLE_OK) {
        result = compile(planner, change->where, SCALAR_BOOLEAN, &conditions[work->condition_count++]);
    }
    return result;
}

static enum table_result plan_update(struct conflict_planner *planner, const struct exec *exec)
{
    const struct plan *plan = planner->plan;
    const char *text = arena_copy(plan->arena, plan->source.text);
    planner->work = arena_alloc_zeroed(plan->arena, sizeof *planner->work);
    planner->names = arena_alloc_zeroed(plan->arena, sizeof *planner->names);
    if (text == NULL || planner->work == NULL || planner->names == NULL ||
        !row_names_create_upsert(planner->names, planner->schema, plan->table->space, plan->table->name, plan->arena)) {
        return plan_no_memory(plan);
    }
    const enum table_result result = compile_work(planner);
    planner->work->schema = planner->schema;
    planner->work->text = (struct bytes){text, plan->source.text.len};
    planner->work->inputs = planner->names->row.inputs;
    planner->work->input_count = planner->names->row.count;
    planner->work->excluded = &planner->names->excluded;
    planner->work->now_us = exec->now_ms * 1000;
    planner->conflict->work = planner->work;
    return result;
}

enum table_result plan_conflict(const struct plan *plan, const struct exec *exec, const struct table *table, struct plan_conflict *out)
{
    static const uint8_t deeds[] = {
        [SQL_CONFLICT_NOTHING] = CONFLICT_IGNORE, [SQL_CONFLICT_REPLACE] = CONFLICT_REPLACE, [SQL_CONFLICT_UPDATE] = CONFLICT_UPDATE};
    const struct sql_change *change = plan->tree->change;
    *out = (struct plan_conflict){.conflict = NULL};
    if (change->conflict == SQL_CONFLICT_ERROR) {
        return TABLE_OK;
    }
    struct conflict *conflict = arena_alloc_zeroed(plan->arena, sizeof *conflict);
    if (conflict == NULL) {
        return plan_no_memory(plan);
    }
    struct conflict_planner planner = {.plan = plan, .table = table, .schema = table_schema(table), .change = change, .conflict = conflict};
    out->conflict = conflict;
    conflict->deed = (enum conflict_deed)deeds[change->conflict];
    conflict->skips_nulls = change->is_or && change->conflict == SQL_CONFLICT_NOTHING;
    enum table_result result = find_target(&planner);
    if (result == TABLE_OK && change->conflict == SQL_CONFLICT_UPDATE) {
        result = plan_update(&planner, exec);
    }
    out->work = planner.work;
    return result;
}

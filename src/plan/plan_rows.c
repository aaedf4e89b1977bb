/* plan_rows.c - see plan_rows.h. Expressions are compiled twice where arguments can make a part of WHERE a condition: once so that the types of
 * the parameters are known, then those that are left.  */
#include "plan/plan_rows.h"

#include "plan/plan_condition.h"
#include "query/select.h"
#include "shard/server.h"

#include <assert.h>

enum table_result plan_parts_of(const struct plan *plan, const struct sql_node *where, struct plan_parts *out)
{
    const bool is_and = where != NULL && where->kind == SQL_AND;
    const uint32_t count = where == NULL ? 0 : is_and ? where->count : 1;
    const struct sql_node *part = is_and ? where->first : where;
    *out = (struct plan_parts){.nodes = arena_alloc(plan->arena, (count + 1u) * sizeof *out->nodes), .count = count};
    if (out->nodes == NULL) {
        return plan_no_memory(plan);
    }
    for (uint32_t i = 0; i < count; i++, part = part->next) {
        out->nodes[i] = part;
    }
    return TABLE_OK;
}

/* What is known of a statement while it is planned. */
struct rows_planner {
    struct plan *plan;
    struct statement *statement;
    struct plan_parts parts;
    const struct sql_set *sets; /* UPDATE; NULL: none */
    uint32_t set_count;
};

static const struct sql_node *where_of(const struct sql_statement *tree)
{
    return tree->kind == SQL_STATEMENT_SELECT ? tree->query->selects->where : tree->change->where;
}

static enum statement_kind kind_of(const struct sql_statement *tree)
{
    switch (tree->kind) {
    case SQL_STATEMENT_UPDATE:
        return STATEMENT_UPDATE;
    case SQL_STATEMENT_DELETE:
        return STATEMENT_DELETE;
    default:
        return STATEMENT_SELECT;
    }
}

/* --- SET --- */

/* Every column is there, and named once. */
static enum table_result check_sets(const struct rows_planner *planner)
{
    const struct schema *schema = planner->statement->schema;
    uint64_t seen[TABLE_COLUMNS_MAX / 64] = {0};
    for (const struct sql_set *set = planner->sets; set != NULL; set = set->next) {
        const uint32_t column = schema_find_column(schema, set->name);
        if (column == COLUMN_NONE) {
            return plan_fail(planner->plan, set->position, "there is no column %.*s", (int)(set->name.len > 60 ? 60 : set->name.len), set->name.data);
        }
        const uint64_t bit = UINT64_C(1) << (column % 64);
        if ((seen[column / 64] & bit) != 0) {
            return plan_fail(planner->plan, set->position, "SET gives a column two values");
        }
        seen[column / 64] |= bit;
        planner->statement->moves_rows |= column == schema->routing_column && planner->statement->table->shard_count > 1;
        planner->statement->sets_unique |= schema->columns[column].is_unique;
    }
    return TABLE_OK;
}

static enum table_result compile_sets(const struct rows_planner *planner, struct row_names *names, struct row_set *sets)
{
    const struct schema *schema = planner->statement->schema;
    enum table_result result = TABLE_OK;
    uint32_t at = 0;
    for (const struct sql_set *set = planner->sets; set != NULL && result == TABLE_OK; set = set->next) {
        sets[at].column = schema_find_column(schema, set->name);
        const enum scalar_type type = row_scalar_type((enum column_type)schema->columns[sets[at].column].type);
        result = plan_compile(planner->plan, names, set->expression, type, &sets[at].program);
        at++;
    }
    return result;
}

/* --- WHERE --- */

/* Those that are not taken, if `taken` is there: *count of them. */
static enum table_result compile_parts(const struct rows_planner *planner, struct row_names *names, const struct program **programs, uint32_t *count)
{
    enum table_result result = TABLE_OK;
    *count = 0;
    for (uint32_t i = 0; i < planner->parts.count && result == TABLE_OK; i++) {
        if (planner->plan->taken == NULL || !planner->plan->taken[i]) {
            result = plan_compile(planner->plan, names, planner->parts.nodes[i], SCALAR_BOOLEAN, &programs[(*count)++]);
        }
    }
    return result;
}

static enum table_result take_conditions(struct rows_planner *planner, const struct row_names *names)
{
    enum { OF_A_PART = 2, PARTS_MAX = WHERE_CONDITIONS_MAX / OF_A_PART };
    struct where *where = &planner->statement->where;
    const uint32_t most = OF_A_PART * (planner->parts.count < PARTS_MAX ? planner->parts.count : PARTS_MAX);
    where_init(where);
    where->conditions = arena_alloc(planner->plan->arena, (most + 1u) * sizeof *where->conditions);
    where->nodes = arena_alloc(planner->plan->arena, 2 * (most + 1u) * sizeof *where->nodes);
    planner->plan->taken = arena_alloc_zeroed(planner->plan->arena, planner->parts.count + 1u);
    if (where->conditions == NULL || where->nodes == NULL || planner->plan->taken == NULL) {
        return plan_no_memory(planner->plan);
    }
    enum table_result result = TABLE_OK;
    for (uint32_t i = 0; i < planner->parts.count && result == TABLE_OK; i++) {
        if (where->condition_count + (uint32_t)OF_A_PART <= most) {
            result = plan_condition(planner->plan, names, planner->parts.nodes[i], where, &planner->plan->taken[i]);
        }
    }
    return result;
}

/* --- the work of rows --- */

static uint32_t larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* What is left of WHERE, and SET. None of both: statement->work stays NULL. */
static enum table_result make_work(const struct rows_planner *planner, const struct exec *exec)
{
    struct plan *plan = planner->plan;
    struct row_names names;
    struct row_work *work = arena_alloc_zeroed(plan->arena, sizeof *work);
    const struct program **conditions = arena_alloc_zeroed(plan->arena, (planner->parts.count + 1u) * sizeof *conditions);
    struct row_set *sets = arena_alloc_zeroed(plan->arena, (planner->set_count + 1u) * sizeof *sets);
    if (work == NULL || conditions == NULL || sets == NULL) {
        return plan_no_memory(plan);
    }
    enum table_result result = plan_names(plan, planner->statement->schema, &names);
    if (result == TABLE_OK) {
        result = compile_parts(planner, &names, conditions, &work->condition_count);
    }
    if (result == TABLE_OK) {
        result = compile_sets(planner, &names, sets);
    }
    if (result != TABLE_OK || (work->condition_count == 0 && planner->set_count == 0)) {
        return result;
    }
    for (uint32_t i = 0; i < work->condition_count; i++) {
        work->temporary_count = larger(work->temporary_count, conditions[i]->temporary_count);
    }
    for (uint32_t i = 0; i < planner->set_count; i++) {
        work->temporary_count = larger(work->temporary_count, sets[i].program->temporary_count);
    }
    const char *text = arena_copy(plan->arena, plan->source.text);
    work->schema = planner->statement->schema;
    work->text = (struct bytes){text, plan->source.text.len};
    work->inputs = names.inputs;
    work->input_count = names.count;
    work->conditions = conditions;
    work->sets = sets;
    work->set_count = planner->set_count;
    work->parameters = plan->parameters;
    work->now_us = exec->now_ms * 1000;
    planner->statement->work = work;
    return text != NULL ? TABLE_OK : plan_no_memory(plan);
}

/* --- SELECT --- */

struct select_source plan_select_source(const struct plan *plan, const struct exec *exec)
{
    return (struct select_source){
        .query = plan->tree->query,
        .text = plan->source.text,
        .secret = &exec->server->secret,
        .parameter_types = plan->parameter_types,
        .arguments = plan->source.arguments,
        .parameter_count = plan->tree->parameter_count,
        .queries = plan->known,
        .has_items = true,
    };
}

/* What items are about that are of the plan's one table. */
static struct select_source source_of_table(const struct plan *plan, const struct exec *exec, const struct schema *schema)
{
    const bool has_alias = plan->alias.len > 0;
    struct select_source source = plan_select_source(plan, exec);
    source.space = has_alias ? BYTES("") : plan->table->space;
    source.table = has_alias ? plan->alias : plan->table->name;
    source.schema = schema;
    return source;
}

static enum table_result plan_items(const struct rows_planner *planner, const struct exec *exec, struct select **out)
{
    struct plan *plan = planner->plan;
    const struct select_source source = source_of_table(plan, exec, planner->statement->schema);
    return statement_result_of(select_plan(&source, plan->arena, out, plan->fault));
}

enum table_result plan_returning(const struct plan *plan, const struct exec *exec, const struct schema *schema, struct select **out)
{
    struct sql_item *items = plan->tree->change->returning;
    *out = NULL;
    if (items == NULL) {
        return TABLE_OK;
    }
    struct sql_select tree = {.items = items, .position = items->position};
    const struct sql_query query = {.selects = &tree, .position = items->position};
    struct select_source source = source_of_table(plan, exec, schema);
    source.query = &query;
    return statement_result_of(returning_plan(&source, plan->arena, out, plan->fault));
}

/* All expressions are compiled once: names and types are right, and it is known of which types the arguments are. */
static enum table_result compile_all(const struct rows_planner *planner, const struct exec *exec, struct row_names *names, struct select **select)
{
    struct plan *plan = planner->plan;
    uint32_t count;
    const struct program **programs = arena_alloc_zeroed(plan->arena, (planner->parts.count + 1u) * sizeof *programs);
    struct row_set *sets = arena_alloc_zeroed(plan->arena, (planner->set_count + 1u) * sizeof *sets);
    if (programs == NULL || sets == NULL) {
        return plan_no_memory(plan);
    }
    enum table_result result = plan_names(plan, planner->statement->schema, names);
    if (result == TABLE_OK) {
        result = check_sets(planner);
    }
    if (result == TABLE_OK) {
        result = compile_parts(planner, names, programs, &count);
    }
    if (result == TABLE_OK) {
        result = compile_sets(planner, names, sets);
    }
    if (result == TABLE_OK) {
        const bool is_select = planner->statement->kind == STATEMENT_SELECT;
        result = is_select ? plan_items(planner, exec, select) : plan_returning(plan, exec, planner->statement->schema, select);
    }
    return result;
}

static struct statement statement_of(const struct plan *plan, const struct exec *exec, struct table *table)
{
    return (struct statement){
        .kind = kind_of(plan->tree),
        .table = table,
        .schema = table_schema(table),
        .scan_limit = atomic_load_explicit(&exec->server->config->table_max_scan_rows, memory_order_relaxed),
    };
}

enum table_result plan_where(struct plan *plan, const struct exec *exec, struct table *table, struct plan_parts parts, struct statement *statement)
{
    struct row_names names;
    *statement = statement_of(plan, exec, table);
    struct rows_planner planner = {.plan = plan, .statement = statement, .parts = parts};
    enum table_result result = plan_names(plan, statement->schema, &names);
    if (result == TABLE_OK) {
        result = take_conditions(&planner, &names);
    }
    return result == TABLE_OK ? make_work(&planner, exec) : result;
}

enum table_result plan_statement(struct plan *plan, const struct exec *exec, struct table *table, struct statement *statement)
{
    struct select *select = NULL;
    struct row_names names;
    *statement = statement_of(plan, exec, table);
    struct rows_planner planner = {.plan = plan, .statement = statement};
    planner.sets = statement->kind == STATEMENT_UPDATE ? plan->tree->change->sets : NULL;
    for (const struct sql_set *set = planner.sets; set != NULL; set = set->next) {
        planner.set_count++;
    }
    enum table_result result = plan_parts_of(plan, where_of(plan->tree), &planner.parts);
    if (result == TABLE_OK) {
        result = compile_all(&planner, exec, &names, &select);
    }
    if (result == TABLE_OK) {
        result = plan_take_arguments(plan);
    }
    if (result == TABLE_OK) {
        result = take_conditions(&planner, &names);
    }
    if (result == TABLE_OK) {
        result = make_work(&planner, exec);
    }
    if (result == TABLE_OK && select != NULL) {
        select->parameters = plan->parameters;
        statement->select = statement->kind == STATEMENT_SELECT ? select : NULL;
        statement->returning = statement->kind == STATEMENT_SELECT ? NULL : select;
    }
    return result;
}

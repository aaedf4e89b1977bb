/* plan_query.c - see plan_query.h. Goes down from query to query by recursion, which SQL_QUERY_DEPTH_MAX bounds.  */
#include "plan/plan_query.h"

#include "expression/query_value.h"
#include "sql/walk.h"

#include <assert.h>

/* What is told of a SELECT: each source, and each query of an expression behind those within it. Either may be NULL. */
struct query_walk {
    void (*source)(struct query_walk *walk, const struct sql_source *source);
    void (*query)(struct query_walk *walk, const struct sql_node *node);
    struct plan_sources found;
    uint32_t at, wanted;          /* queries: how many were told, and which one is looked for */
    const struct sql_node *node;  /* it */
};

static void walk_query(struct query_walk *walk, const struct sql_query *query);

static void walk_expression(struct query_walk *walk, const struct sql_node *root)
{
    struct sql_walk nodes = sql_walk_begin((struct sql_node *)(uintptr_t)root);
    while (root != NULL && sql_walk_next(&nodes)) {
        const struct sql_node *node = nodes.node;
        if (nodes.event == SQL_WALK_LEAVE && (node->kind == SQL_QUERY || node->kind == SQL_EXISTS || node->kind == SQL_IN_QUERY)) {
            walk_query(walk, node->query);
            walk->query(walk, node);
        }
    }
}

static void walk_select(struct query_walk *walk, const struct sql_select *select)
{
    for (const struct sql_item *item = select->items; item != NULL; item = item->next) {
        walk_expression(walk, item->expression);
    }
    for (const struct sql_source *source = select->sources; source != NULL; source = source->next) {
        walk->source(walk, source);
        walk_expression(walk, source->on);
    }
    walk_expression(walk, select->where);
    walk_expression(walk, select->group);
    walk_expression(walk, select->having);
}

static void walk_query(struct query_walk *walk, const struct sql_query *query)
{
    for (const struct sql_select *select = query->selects; select != NULL; select = select->next) {
        walk_select(walk, select);
    }
    for (const struct sql_order *order = query->order; order != NULL; order = order->next) {
        walk_expression(walk, order->expression);
    }
}

/* --- tables --- */

static void count_source(struct query_walk *walk, const struct sql_source *source)
{
    (void)source;
    walk->found.count++;
}

static void add_source(struct query_walk *walk, const struct sql_source *source)
{
    walk->found.sources[walk->found.count++] = source;
}

static void pass_query(struct query_walk *walk, const struct sql_node *node)
{
    (void)walk;
    (void)node;
}

enum table_result plan_sources_of(const struct plan *plan, struct plan_sources *out)
{
    struct query_walk walk = {.source = count_source, .query = pass_query};
    walk_query(&walk, plan->tree->query);
    walk.found.sources = arena_alloc(plan->arena, (walk.found.count + 1u) * sizeof *walk.found.sources);
    if (walk.found.sources == NULL) {
        return plan_no_memory(plan);
    }
    walk.found.count = 0;
    walk.source = add_source;
    walk_query(&walk, plan->tree->query);
    *out = walk.found;
    return TABLE_OK;
}

static bool is_locked(const struct join_round *round, const struct table *table)
{
    uint32_t at = 0;
    while (at < round->lock_count && round->locks[at].table != table) {
        at++;
    }
    return at < round->lock_count;
}

/* Each table once, with all its shards: which of them later rounds need is not known yet. */
static enum table_result lock_all(const struct plan *plan, const struct exec *exec, struct join_round *round)
{
    struct plan_sources sources;
    enum table_result result = plan_sources_of(plan, &sources);
    for (uint32_t i = 0; i < sources.count && result == TABLE_OK; i++) {
        const struct plan one = plan_of_source(plan, sources.sources[i]);
        struct table *table;
        result = plan_find_table(&one, exec, &table);
        if (result != TABLE_OK || is_locked(round, table)) {
            continue;
        }
        if (round->lock_count == JOIN_LOCKS_MAX) {
            return plan_fail(plan, sources.sources[i]->table->position, "too many tables (max %d)", JOIN_LOCKS_MAX);
        }
        round->locks[round->lock_count++] = (struct join_lock){table, {0, table->shard_count}};
    }
    return result;
}

static void lock_levels(struct join_round *round)
{
    for (uint32_t i = 0; i < round->join->count; i++) {
        const struct join_level *level = &round->join->levels[i];
        round->locks[round->lock_count++] = (struct join_lock){level->statement.table, level->range};
    }
}

/* --- queries --- */

static void pass_source(struct query_walk *walk, const struct sql_source *source)
{
    (void)walk;
    (void)source;
}

static void find_query(struct query_walk *walk, const struct sql_node *node)
{
    walk->node = walk->at++ == walk->wanted ? node : walk->node;
}

/* More rows than these say nothing more. */
static void limit_rows(struct select *select, uint64_t most)
{
    select->limit = select->limit < most ? select->limit : most;
}

static enum table_result plan_query(const struct plan *plan, const struct exec *exec, const struct sql_node *node, struct join_round *out)
{
    struct plan inner;
    enum table_result result = plan_of_query(plan, node->query, &inner);
    if (result == TABLE_OK) {
        result = plan_join(&inner, exec, &out->join);
    }
    if (result != TABLE_OK) {
        return result;
    }
    struct select *select = out->join->select;
    if (node->kind != SQL_EXISTS && select->item_count != 1) {
        return plan_fail(plan, node->query->position, "the query has to have one column");
    }
    if (node->kind != SQL_IN_QUERY) {
        limit_rows(select, node->kind == SQL_EXISTS ? 1 : 2);
    }
    const enum scalar_type type = node->kind == SQL_EXISTS ? SCALAR_BOOLEAN : select->items[0].program->type;
    out->kind = (enum sql_kind)node->kind;
    out->value = (struct query_value){.position = node->position, .type = type == SCALAR_UNKNOWN ? SCALAR_STRING : (uint8_t)type, .single = scalar_null()};
    return TABLE_OK;
}

enum table_result plan_round(struct plan *plan, const struct exec *exec, const struct query_values *known, struct join_round *out)
{
    *out = (struct join_round){.is_last = true};
    plan->known = known;
    if (!plan->tree->has_queries) {
        const enum table_result result = plan_join(plan, exec, &out->join);
        if (result == TABLE_OK) {
            lock_levels(out);
        }
        return result;
    }
    if (plan->tree->is_explain) {
        return plan_fail(plan, plan->tree->query->position, "EXPLAIN is not for queries in a query yet");
    }
    struct query_walk walk = {.source = pass_source, .query = find_query, .wanted = known->count};
    walk_query(&walk, plan->tree->query);
    const enum table_result result = lock_all(plan, exec, out);
    out->query_count = walk.at;
    out->is_last = walk.node == NULL;
    if (result != TABLE_OK) {
        return result;
    }
    return out->is_last ? plan_join(plan, exec, &out->join) : plan_query(plan, exec, walk.node, out);
}

/* select.c - trees become a plan. See select.h.  */
#include "query/select.h"

#include "base/number.h"
#include "mem/buffer.h"
#include "sql/same.h"
#include "sql/walk.h"
#include "sql/write.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { SHOWN_MAX = 200 }; /* bytes of the text, in a fault */

struct planner {
    const struct select_source *source;
    struct arena *arena;
    struct select *select;
    struct sql_fault *fault;
    bool has_fault;
    /* Lists that grow while expressions are compiled; all have room for what may come. */
    struct row_names names;            /* of the one table */
    struct row_scope scope;            /* that, or the tables of a join */
    const struct sql_node **key_nodes; /* of the groups; those of the keys are compiled */
    uint32_t key_count;
    const struct sql_node **aggregate_nodes;
    struct group_aggregate *aggregates;
    const struct program **arguments;
    enum scalar_type *aggregate_types;
    uint32_t aggregate_room;
};

/* --- faults and memory --- */

static bool fail(struct planner *planner, uint32_t position, const char *message)
{
    if (!planner->has_fault) {
        sql_fault_set(planner->fault, SQL_FAULT_MEANING, planner->source->text, position, "%s", message);
        planner->has_fault = true;
    }
    return false;
}

static bool fail_memory(struct planner *planner)
{
    if (!planner->has_fault) {
        sql_fault_set(planner->fault, SQL_FAULT_NO_MEMORY, planner->source->text, 0, "no memory for the statement");
        planner->has_fault = true;
    }
    return false;
}

/* At least one element, so that NULL says that memory was refused. */
static void *new_array(struct planner *planner, size_t count, size_t size)
{
    void *array = arena_alloc_zeroed(planner->arena, (count > 0 ? count : 1) * size);
    if (array == NULL) {
        fail_memory(planner);
    }
    return array;
}

/* --- names of a row --- */

static bool is_column(const struct planner *planner, const struct sql_node *node)
{
    uint32_t table;
    uint32_t column;
    return row_scope_column(&planner->scope, node, &table, &column) != ROW_MATCH_NONE;
}

static bool refuse_query(const struct sql_node *node, const char **why)
{
    const bool is_query = node->kind == SQL_QUERY || node->kind == SQL_EXISTS || node->kind == SQL_IN_QUERY;
    if (is_query) {
        *why = "a query can stand in a SELECT of TABLE.QUERY only";
    }
    return is_query;
}

static bool find_in_row(void *context, const struct sql_node *node, struct expression_slot *slot, const char **why)
{
    struct planner *planner = context;
    return !refuse_query(node, why) && node->kind == SQL_COLUMN && row_scope_slot(&planner->scope, node, slot, why);
}

/* --- expressions --- */

static bool compile(struct planner *planner, const struct sql_node *node, expression_find_fn *find, enum scalar_type wanted, const struct program **out)
{
    const struct expression_resolver resolver = {.find = find, .context = planner, .asks_all = find != find_in_row};
    const struct select_source *from = planner->source;
    const struct expression_source source = {.root = node,
                                             .text = from->text,
                                             .resolver = &resolver,
                                             .parameter_types = from->parameter_types,
                                             .parameter_count = from->parameter_count,
                                             .queries = from->queries,
                                             .wanted = wanted};
    struct sql_fault fault;
    if (expression_compile(&source, planner->arena, out, &fault) != SQL_FAULT_NONE) {
        if (!planner->has_fault) { /* of an expression within, if there is one */
            *planner->fault = fault;
            planner->has_fault = true;
        }
        return false;
    }
    struct select *select = planner->select;
    select->temporary_count = (*out)->temporary_count > select->temporary_count ? (*out)->temporary_count : select->temporary_count;
    return true;
}

static bool is_aggregate(const struct sql_node *node)
{
    enum aggregate_kind kind;
    return node->kind == SQL_CALL && aggregate_kind_find(node->text, &kind);
}

static uint32_t count_aggregates(const struct sql_node *root)
{
    uint32_t count = 0;
    struct sql_walk walk = sql_walk_begin((struct sql_node *)(uintptr_t)root);
    while (sql_walk_next(&walk)) {
        count += walk.event == SQL_WALK_ENTER && is_aggregate(walk.node);
    }
    return count;
}

/* --- names of a group --- */

/* Compiles what the aggregate is over, and gives it a place. */
static bool add_aggregate(struct planner *planner, const struct sql_node *node)
{
    struct select *select = planner->select;
    const uint32_t at = select->shape.aggregate_count;
    enum aggregate_kind kind;
    enum scalar_type type = SCALAR_INTEGER;
    assert(at < planner->aggregate_room);
    if (!aggregate_kind_find(node->text, &kind)) {
        return false;
    }
    if (node->is_star ? kind != AGGREGATE_COUNT || node->is_distinct : node->count != 1) {
        return fail(planner, node->position, node->is_star ? "only count takes a star, without DISTINCT" : "an aggregate takes one argument");
    }
    planner->arguments[at] = NULL;
    if (!node->is_star) {
        if (!compile(planner, node->first, find_in_row, SCALAR_UNKNOWN, &planner->arguments[at])) {
            return false;
        }
        type = planner->arguments[at]->type;
    }
    const enum scalar_type result = aggregate_result_type(kind, type);
    if (result == SCALAR_UNKNOWN) {
        return fail(planner, node->position, "the aggregate is not for values of this type");
    }
    planner->aggregate_nodes[at] = node;
    planner->aggregate_types[at] = result;
    planner->aggregates[at] = (struct group_aggregate){.kind = (uint8_t)kind, .is_distinct = node->is_distinct};
    select->shape.aggregate_count++;
    return true;
}

static const struct sql_item *find_alias(const struct planner *planner, const struct sql_node *node)
{
    const struct sql_item *item = planner->source->query->selects->items;
    if (node->kind != SQL_COLUMN || node->of != NULL) {
        return NULL;
    }
    while (item != NULL && (item->alias.len == 0 || item->expression == NULL || !bytes_equal(item->alias, node->text))) {
        item = item->next;
    }
    return item;
}

static bool find_aggregate(struct planner *planner, const struct sql_node *node, struct expression_slot *slot)
{
    uint32_t at = 0;
    while (at < planner->select->shape.aggregate_count && !sql_is_same(planner->aggregate_nodes[at], node)) {
        at++;
    }
    if (at == planner->select->shape.aggregate_count && !add_aggregate(planner, node)) {
        return false;
    }
    *slot = (struct expression_slot){planner->key_count + at, planner->aggregate_types[at]};
    return true;
}

static bool find_in_group(void *context, const struct sql_node *node, struct expression_slot *slot, const char **why)
{
    struct planner *planner = context;
    for (uint32_t i = 0; i < planner->key_count; i++) {
        if (sql_is_same(planner->key_nodes[i], node)) {
            *slot = (struct expression_slot){i, planner->select->keys[i]->type};
            return true;
        }
    }
    if (refuse_query(node, why)) {
        return false;
    }
    if (is_aggregate(node)) {
        return find_aggregate(planner, node, slot);
    }
    if (node->kind != SQL_COLUMN) {
        return false;
    }
    const struct sql_item *item = is_column(planner, node) ? NULL : find_alias(planner, node);
    if (item != NULL && !sql_is_same(item->expression, node)) {
        return find_in_group(context, item->expression, slot, why);
    }
    if (is_column(planner, node)) {
        *why = planner->source->query->selects->is_distinct ? "with DISTINCT it must be one of the items"
                                                            : "the column stands neither in GROUP BY nor in an aggregate";
    }
    return false;
}

static expression_find_fn *finder(const struct planner *planner)
{
    return planner->select->is_grouped ? find_in_group : find_in_row;
}

/* --- items --- */

static uint32_t count_columns(const struct planner *planner, const struct sql_table *star)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < planner->scope.count; i++) {
        count += row_names_is_table(&planner->scope.tables[i], star) ? planner->scope.tables[i].schema->column_count : 0;
    }
    return count;
}

static uint32_t count_items(const struct planner *planner)
{
    uint32_t count = 0;
    for (const struct sql_item *item = planner->source->query->selects->items; item != NULL; item = item->next) {
        count += item->expression != NULL ? 1 : count_columns(planner, item->star);
    }
    return count;
}

/* An item's expression, from 1; NULL: there is no such item, or it is a star. */
static const struct sql_node *item_at(const struct planner *planner, int64_t number)
{
    const struct sql_item *item = planner->source->query->selects->items;
    for (int64_t at = 1; item != NULL && at < number; at++) {
        item = item->next;
    }
    return item != NULL && number >= 1 ? item->expression : NULL;
}

static bool name_item(struct planner *planner, const struct sql_item *item, struct bytes *name)
{
    struct buffer text = BUFFER_EMPTY(MEM_QUERY_BUFFER);
    if (item->alias.len > 0 || item->expression->kind == SQL_COLUMN) {
        *name = item->alias.len > 0 ? item->alias : item->expression->text;
        return true;
    }
    char *copy = NULL;
    if (sql_write_expression(item->expression, &text)) {
        copy = arena_copy(planner->arena, (struct bytes){text.data, text.len});
        *name = (struct bytes){copy, text.len};
    }
    buffer_release(&text);
    return copy != NULL || fail_memory(planner);
}

/* A column of a star has its name; where several tables of a join have that, the table's stands before it. */
static bool name_column(struct planner *planner, const struct row_names *names, const struct sql_node *column, struct bytes *name)
{
    uint32_t table;
    uint32_t at;
    const struct sql_node alone = {.kind = SQL_COLUMN, .text = column->text};
    *name = column->text;
    if (row_scope_column(&planner->scope, &alone, &table, &at) != ROW_MATCH_SEVERAL) {
        return true;
    }
    const size_t len = names->table.len + 1 + column->text.len;
    char *text = new_array(planner, len, 1);
    if (text == NULL) {
        return false;
    }
    memcpy(text, names->table.data, names->table.len);
    text[names->table.len] = '.';
    memcpy(text + names->table.len + 1, column->text.data, column->text.len);
    *name = (struct bytes){text, len};
    return true;
}

/* All columns of a table. */
static bool add_table(struct planner *planner, const struct sql_item *item, const struct row_names *names, struct select_item *items)
{
    const struct sql_table of = {.space = names->space, .name = names->table};
    bool is_good = true;
    for (uint32_t i = 0; i < names->schema->column_count && is_good; i++) {
        const struct sql_node column = {
            .kind = SQL_COLUMN, .text = schema_column_name(names->schema, i), .of = &of, .position = item->position, .height = 1};
        is_good = compile(planner, &column, find_in_row, SCALAR_UNKNOWN, &items[i].program) &&
                  name_column(planner, names, &column, &items[i].name);
    }
    return is_good;
}

/* A star: all columns of all tables, or of one. */
static bool add_columns(struct planner *planner, const struct sql_item *item, struct select_item *items)
{
    bool is_good = true;
    if (planner->select->is_grouped) {
        return fail(planner, item->position, "with groups, or DISTINCT, items are named, not a star");
    }
    if (count_columns(planner, item->star) == 0) {
        return fail(planner, item->position, "the star is of another table");
    }
    for (uint32_t i = 0; i < planner->scope.count && is_good; i++) {
        const struct row_names *names = &planner->scope.tables[i];
        if (row_names_is_table(names, item->star)) {
            is_good = add_table(planner, item, names, items);
            items += names->schema->column_count;
        }
    }
    return is_good;
}

static bool plan_distinct(struct planner *planner)
{
    const struct select *select = planner->select;
    bool *copies = new_array(planner, select->item_count, sizeof *copies);
    for (uint32_t i = 0; i < select->item_count && copies != NULL; i++) {
        copies[i] = !program_is_slot(select->items[i].program);
    }
    planner->select->distinct_copies = copies;
    return copies != NULL;
}

static bool plan_items(struct planner *planner)
{
    struct select_item *items = new_array(planner, count_items(planner), sizeof *items);
    struct select *select = planner->select;
    const struct sql_item *item = planner->source->query->selects->items;
    bool is_good = items != NULL;
    for (; item != NULL && is_good; item = item->next) {
        struct select_item *at = &items[select->item_count];
        if (item->expression == NULL) {
            is_good = add_columns(planner, item, at);
            select->item_count += count_columns(planner, item->star);
        } else {
            is_good = compile(planner, item->expression, finder(planner), SCALAR_UNKNOWN, &at->program) && name_item(planner, item, &at->name);
            select->item_count++;
        }
    }
    select->items = items;
    return is_good && plan_distinct(planner);
}

/* --- groups --- */

static bool is_grouped(const struct planner *planner)
{
    const struct sql_query *query = planner->source->query;
    return query->selects->group != NULL || query->selects->having != NULL || planner->aggregate_room > 0 || query->selects->is_distinct;
}

/* What GROUP BY and ORDER BY mean by a node: a number is an item's, a name may be an alias. NULL: there is no such item. */
static const struct sql_node *meant_node(struct planner *planner, const struct sql_node *node, bool is_column_first)
{
    if (node->kind == SQL_INTEGER) {
        const struct sql_node *meant = item_at(planner, node->integer);
        if (meant == NULL) {
            fail(planner, node->position, "there is no item of this number");
        }
        return meant;
    }
    const bool may_be_alias = node->kind == SQL_COLUMN && !(is_column_first && is_column(planner, node));
    const struct sql_item *item = may_be_alias ? find_alias(planner, node) : NULL;
    return item != NULL ? item->expression : node;
}

static bool add_key(struct planner *planner, const struct sql_node *node)
{
    struct select *select = planner->select;
    if (node == NULL) {
        return false;
    }
    if (count_aggregates(node) > 0) {
        return fail(planner, node->position, "an aggregate cannot stand in GROUP BY");
    }
    const struct program **program = &select->keys[planner->key_count];
    if (!compile(planner, node, find_in_row, SCALAR_UNKNOWN, program)) {
        return false;
    }
    planner->key_nodes[planner->key_count] = node;
    ((bool *)(uintptr_t)select->copies)[planner->key_count] = !program_is_slot(*program);
    planner->key_count++;
    return true;
}

/* GROUP BY; of a DISTINCT alone, the items. */
static bool plan_groups(struct planner *planner)
{
    const struct sql_select *tree = planner->source->query->selects;
    struct select *select = planner->select;
    const bool is_of_items = tree->is_distinct && tree->group == NULL && planner->aggregate_room == 0;
    const uint32_t count = tree->group != NULL ? tree->group->count : is_of_items ? count_items(planner) : 0;
    select->keys = new_array(planner, count, sizeof *select->keys);
    select->copies = new_array(planner, count, sizeof *select->copies);
    planner->key_nodes = new_array(planner, count, sizeof *planner->key_nodes);
    bool is_good = select->keys != NULL && select->copies != NULL && planner->key_nodes != NULL;
    for (const struct sql_node *node = tree->group != NULL ? tree->group->first : NULL; node != NULL && is_good; node = node->next) {
        is_good = add_key(planner, meant_node(planner, node, true));
    }
    for (const struct sql_item *item = tree->items; item != NULL && is_good && is_of_items; item = item->next) {
        is_good = item->expression == NULL ? fail(planner, item->position, "with groups, or DISTINCT, items are named, not a star")
                                           : add_key(planner, item->expression);
    }
    select->is_distinct = tree->is_distinct && !is_of_items;
    select->shape.key_count = planner->key_count;
    return is_good;
}

/* --- order --- */

static uint32_t count_order(const struct planner *planner)
{
    uint32_t count = 0;
    for (const struct sql_order *order = planner->source->query->order; order != NULL; order = order->next) {
        count++;
    }
    return count;
}

/* Behind what ORDER BY says, groups are ordered by their keys, so that they always come alike. */
static void order_by_keys(struct planner *planner, struct found_key *keys, uint32_t at)
{
    struct select *select = planner->select;
    for (uint32_t i = 0; i < select->shape.key_count; i++) {
        struct program *program = new_array(planner, 1, sizeof *program);
        if (program != NULL) {
            *program = (struct program){.type = select->keys[i]->type, .result = OPERAND(BANK_SLOT, i)};
            select->order_keys[at + i] = program;
            keys[at + i] = (struct found_key){.is_descending = false};
        }
    }
}

static bool plan_order(struct planner *planner)
{
    struct select *select = planner->select;
    const uint32_t count = count_order(planner);
    const uint32_t all = count + (select->is_grouped ? select->shape.key_count : 0);
    struct found_key *keys = new_array(planner, all, sizeof *keys);
    select->order_keys = new_array(planner, all, sizeof *select->order_keys);
    bool is_good = keys != NULL && select->order_keys != NULL;
    uint32_t at = 0;
    for (const struct sql_order *order = planner->source->query->order; order != NULL && is_good; order = order->next) {
        const struct sql_node *node = meant_node(planner, order->expression, false);
        is_good = node != NULL && compile(planner, node, finder(planner), SCALAR_UNKNOWN, &select->order_keys[at]);
        keys[at++] = (struct found_key){.is_descending = order->is_descending,
                                        .nulls_last = order->nulls == SQL_NULLS_DEFAULT ? order->is_descending : order->nulls == SQL_NULLS_LAST};
    }
    if (is_good && select->is_grouped) {
        order_by_keys(planner, keys, at);
    }
    select->order = (struct found_order){.keys = keys, .count = all, .carried = select->is_grouped ? 0 : planner->source->joined.count};
    return is_good && !planner->has_fault;
}

/* --- all of it --- */

static bool plan_number(struct planner *planner, const struct sql_node *node, uint64_t none, uint64_t *out)
{
    *out = none;
    if (node == NULL) {
        return true;
    }
    int64_t number = node->integer;
    bool is_number = node->kind == SQL_INTEGER;
    if (node->kind == SQL_PARAMETER) {
        planner->source->parameter_types[number - 1] = SCALAR_INTEGER;
        is_number = int64_parse(planner->source->arguments[number - 1], &number);
    }
    if (!is_number || number < 0) {
        return fail(planner, node->position, "LIMIT and OFFSET take a number from 0");
    }
    *out = (uint64_t)number;
    return true;
}

/* Aggregates may stand in items, HAVING and ORDER BY. */
static bool make_lists(struct planner *planner)
{
    const struct sql_query *query = planner->source->query;
    uint32_t room = query->selects->having != NULL ? count_aggregates(query->selects->having) : 0;
    for (const struct sql_item *item = query->selects->items; item != NULL; item = item->next) {
        room += item->expression != NULL ? count_aggregates(item->expression) : 0;
    }
    for (const struct sql_order *order = query->order; order != NULL; order = order->next) {
        room += count_aggregates(order->expression);
    }
    const struct select_source *source = planner->source;
    planner->scope = source->joined.count > 0 ? source->joined : (struct row_scope){.tables = &planner->names, .count = 1};
    if (source->joined.count == 0 && !row_names_create(&planner->names, source->schema, source->space, source->table, planner->arena)) {
        return fail_memory(planner);
    }
    planner->aggregate_room = room;
    planner->aggregate_nodes = new_array(planner, room, sizeof *planner->aggregate_nodes);
    planner->aggregate_types = new_array(planner, room, sizeof *planner->aggregate_types);
    planner->aggregates = new_array(planner, room, sizeof *planner->aggregates);
    planner->arguments = new_array(planner, room, sizeof *planner->arguments);
    return !planner->has_fault;
}

static bool plan(struct planner *planner)
{
    const struct select_source *source = planner->source;
    const struct sql_query *query = source->query;
    struct select *select = planner->select;
    if (!plan_number(planner, query->limit, UINT64_MAX, &select->limit) || !plan_number(planner, query->offset, 0, &select->offset) ||
        !make_lists(planner)) {
        return false;
    }
    select->is_grouped = is_grouped(planner);
    if (select->is_grouped && !source->has_items) {
        return fail(planner, 0, "with groups the items are to be named");
    }
    if (source->has_items && count_items(planner) > SELECT_ITEMS_MAX) {
        return fail(planner, 0, "too many items (max 4096)");
    }
    if ((select->is_grouped && !plan_groups(planner)) || (source->has_items && !plan_items(planner))) {
        return false;
    }
    if (query->selects->having != NULL && !compile(planner, query->selects->having, find_in_group, SCALAR_BOOLEAN, &select->having)) {
        return false;
    }
    return plan_order(planner);
}

void select_fault_show(struct sql_fault *fault, struct bytes text)
{
    const size_t len = strlen(fault->text);
    snprintf(fault->text + len, sizeof fault->text - len, " of: %.*s", text.len > SHOWN_MAX ? SHOWN_MAX : (int)text.len, text.data);
    for (char *at = fault->text + len; *at != '\0'; at++) {
        *at = (unsigned char)*at < 0x20 || *at == 0x7f ? ' ' : *at;
    }
}

void select_fault(const struct select *select, enum expression_result result, uint32_t position, struct sql_fault *fault)
{
    sql_fault_set(fault, SQL_FAULT_MEANING, select->text, position, "%s", expression_result_text(result));
    if (select->shows_text) {
        select_fault_show(fault, select->text);
    }
}

static bool keep_text(struct planner *planner)
{
    const struct bytes text = planner->source->text;
    const char *copy = arena_copy(planner->arena, text);
    planner->select->text = (struct bytes){copy, text.len};
    planner->select->shows_text = planner->source->shows_text;
    return copy != NULL || fail_memory(planner);
}

enum sql_fault_kind select_plan(const struct select_source *source, struct arena *arena, struct select **out, struct sql_fault *fault)
{
    struct planner planner = {.source = source, .arena = arena, .fault = fault};
    planner.select = new_array(&planner, 1, sizeof *planner.select);
    if (planner.select != NULL) {
        *planner.select = (struct select){.schema = source->schema, .shape.secret = source->secret};
    }
    if (planner.select == NULL || !keep_text(&planner) || !plan(&planner)) {
        assert(planner.has_fault);
        if (source->shows_text && fault->kind == SQL_FAULT_MEANING) {
            select_fault_show(fault, source->text);
        }
        return fault->kind;
    }
    planner.select->inputs = planner.names.inputs;
    planner.select->input_count = planner.names.count;
    planner.select->joined = source->joined;
    for (uint32_t i = 0; i < source->joined.count; i++) {
        planner.select->input_count += source->joined.tables[i].schema->column_count + 1u;
    }
    planner.select->shape.aggregates = planner.aggregates;
    planner.select->arguments = planner.arguments;
    *out = planner.select;
    return SQL_FAULT_NONE;
}

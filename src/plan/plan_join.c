/* plan_join.c - see plan_join.h.  */
#include "plan/plan_join.h"

#include "expression/compare.h"
#include "plan/plan_rows.h"
#include "sql/walk.h"

/* Of WHERE, or of an ON. */
struct join_part {
    const struct sql_node *node;
    uint32_t tables;   /* a bit for each that it names */
    uint32_t left_of;  /* it is in the ON of that LEFT JOIN; 0: it is asked of the whole join */
};

struct join_planner {
    struct plan *plan;
    const struct exec *exec;
    uint32_t count;
    bool has_left;
    const struct sql_source *sources[JOIN_TABLES_MAX];
    struct table *tables[JOIN_TABLES_MAX];
    struct row_scope scope;
    struct join_part *parts;
    uint32_t part_count;
    uint64_t rows[JOIN_TABLES_MAX];   /* that are likely to be found in a table */
    uint32_t levels[JOIN_TABLES_MAX]; /* of a table */
    struct join_level of_table[JOIN_TABLES_MAX];
    struct join *join;
};

static void *new_array(const struct join_planner *planner, size_t count, size_t size)
{
    return arena_alloc_zeroed(planner->plan->arena, (count + 1) * size);
}

static uint32_t bit(uint32_t table)
{
    return UINT32_C(1) << table;
}

/* --- tables --- */

static enum table_result make_scope(const struct join_planner *planner, struct row_scope *out)
{
    uint32_t base = 0;
    *out = (struct row_scope){.tables = new_array(planner, planner->count, sizeof *out->tables), .count = planner->count};
    enum table_result result = out->tables != NULL ? TABLE_OK : plan_no_memory(planner->plan);
    for (uint32_t i = 0; i < planner->count && result == TABLE_OK; i++) {
        const struct plan one = plan_of_source(planner->plan, planner->sources[i]);
        result = plan_names(&one, table_schema(planner->tables[i]), &out->tables[i]);
        out->tables[i].base = base;
        base += table_schema(planner->tables[i])->column_count + 1u;
    }
    return result;
}

static enum table_result check_names(const struct join_planner *planner)
{
    for (uint32_t i = 0; i < planner->count; i++) {
        for (uint32_t before = 0; before < i; before++) {
            const struct row_names *a = &planner->scope.tables[before];
            const struct row_names *b = &planner->scope.tables[i];
            if (bytes_equal(a->table, b->table) && bytes_equal(a->space, b->space)) {
                return plan_fail(planner->plan, planner->sources[i]->table->position,
                                 "two tables have the same name: give one of them another, with AS");
            }
        }
    }
    return TABLE_OK;
}

static enum table_result find_tables(struct join_planner *planner)
{
    const struct sql_source *source = planner->plan->tree->query->selects->sources;
    enum table_result result = TABLE_OK;
    for (; source != NULL && result == TABLE_OK; source = source->next) {
        const struct plan one = plan_of_source(planner->plan, source);
        if (planner->count == JOIN_TABLES_MAX) {
            return plan_fail(planner->plan, source->table->position, "too many tables (max %d)", JOIN_TABLES_MAX);
        }
        planner->sources[planner->count] = source;
        planner->has_left |= source->join == SQL_JOIN_LEFT;
        result = plan_find_table(&one, planner->exec, &planner->tables[planner->count++]);
    }
    if (result == TABLE_OK) {
        result = make_scope(planner, &planner->scope);
    }
    return result == TABLE_OK ? check_names(planner) : result;
}

/* --- parts --- */

/* Every name is that of one column. */
static uint32_t tables_of(const struct row_scope *scope, const struct sql_node *root)
{
    uint32_t tables = 0;
    struct sql_walk walk = sql_walk_begin((struct sql_node *)(uintptr_t)root);
    while (sql_walk_next(&walk)) {
        uint32_t table;
        uint32_t column;
        if (walk.event == SQL_WALK_ENTER && walk.node->kind == SQL_COLUMN && row_scope_column(scope, walk.node, &table, &column) == ROW_MATCH_ONE) {
            tables |= bit(table);
        }
    }
    return tables;
}

/* Compiled once: names and types are right, and it is known of which types the arguments are. */
static enum table_result check_part(struct join_planner *planner, struct row_scope *scope, struct join_part *part, uint32_t table)
{
    const struct program *program;
    const enum table_result result = plan_compile_joined(planner->plan, scope, part->node, SCALAR_BOOLEAN, &program);
    if (result != TABLE_OK) {
        return result;
    }
    part->tables = tables_of(scope, part->node);
    return part->tables >> table <= 1 ? TABLE_OK : plan_fail(planner->plan, part->node->position, "ON names a table that comes later");
}

/* The parts of the ON of a table, or of WHERE: then it is the last one. */
static enum table_result add_parts(struct join_planner *planner, struct row_scope *scope, const struct plan_parts *parts, uint32_t table, bool is_on)
{
    enum table_result result = TABLE_OK;
    for (uint32_t i = 0; i < parts->count && result == TABLE_OK; i++) {
        struct join_part *part = &planner->parts[planner->part_count++];
        part->node = parts->nodes[i];
        part->left_of = is_on && planner->sources[table]->join == SQL_JOIN_LEFT ? table : 0;
        result = check_part(planner, scope, part, table);
    }
    return result;
}

static enum table_result find_parts(struct join_planner *planner)
{
    struct plan_parts parts[JOIN_TABLES_MAX + 1];
    struct row_scope scope; /* its slots are used by nobody */
    uint32_t count = 0;
    enum table_result result = make_scope(planner, &scope);
    for (uint32_t i = 0; i <= planner->count && result == TABLE_OK; i++) {
        const struct sql_node *root = i < planner->count ? planner->sources[i]->on : planner->plan->tree->query->selects->where;
        result = plan_parts_of(planner->plan, root, &parts[i]);
        count += parts[i].count;
    }
    if (result == TABLE_OK) {
        planner->parts = new_array(planner, count, sizeof *planner->parts);
        result = planner->parts != NULL ? TABLE_OK : plan_no_memory(planner->plan);
    }
    for (uint32_t i = 0; i <= planner->count && result == TABLE_OK; i++) {
        const bool is_on = i < planner->count;
        result = add_parts(planner, &scope, &parts[i], is_on ? i : planner->count - 1, is_on);
    }
    return result;
}

/* --- what is asked of a table's rows alone --- */

static bool is_left(const struct join_planner *planner, uint32_t table)
{
    return planner->sources[table]->join == SQL_JOIN_LEFT;
}

/* The table whose rows alone the part is asked of; planner->count: none. */
static uint32_t owner_of(const struct join_planner *planner, const struct join_part *part)
{
    if (part->left_of != 0) {
        return (part->tables & ~bit(part->left_of)) == 0 ? part->left_of : planner->count;
    }
    for (uint32_t i = 0; i < planner->count; i++) {
        if ((part->tables & ~bit(i)) == 0) {
            return is_left(planner, i) ? planner->count : i;
        }
    }
    return planner->count;
}

/* Rows that the conditions leave in a slice, as far as an index says it; those of a hash index are counted up to what one step gives. */
static uint64_t count_slice(const struct join_level *level, const struct table_slice *slice)
{
    enum { IF_NOT_ALL = 8 };
    uint32_t rows[GATHER_ROWS];
    struct gather gather;
    statement_begin_gather(&level->statement, slice, &gather);
    if (gather_is_scan(&gather)) {
        return slice->row_count;
    }
    if (gather.access.kind == ACCESS_RANGE && gather.access.list == NULL) {
        return gather.access.range.end - gather.access.range.first;
    }
    const uint64_t count = gather.is_done ? 0 : gather_step(&gather, rows);
    return gather.is_done ? count : IF_NOT_ALL * count + 1;
}

static uint64_t count_rows(const struct join_level *level)
{
    uint64_t rows = 0;
    for (uint32_t i = level->range.first; i < level->range.end; i++) {
        rows += count_slice(level, level->statement.table->slices[i]);
    }
    return rows;
}

static enum table_result plan_table(struct join_planner *planner, uint32_t table)
{
    struct plan one = plan_of_source(planner->plan, planner->sources[table]);
    struct join_level *level = &planner->of_table[table];
    struct plan_parts own = {.nodes = new_array(planner, planner->part_count, sizeof *own.nodes)};
    if (own.nodes == NULL) {
        return plan_no_memory(planner->plan);
    }
    for (uint32_t i = 0; i < planner->part_count; i++) {
        if (owner_of(planner, &planner->parts[i]) == table) {
            own.nodes[own.count++] = planner->parts[i].node;
        }
    }
    *level = (struct join_level){.table = table, .is_left = is_left(planner, table), .own_parts = own.nodes, .own_part_count = own.count};
    const enum table_result result = plan_where(&one, planner->exec, planner->tables[table], own, &level->statement);
    if (result == TABLE_OK) {
        level->taken = one.taken;
        level->range = statement_range(&level->statement, statement_shard(&level->statement, planner->exec));
        planner->rows[table] = count_rows(level);
    }
    return result;
}

/* --- the order --- */

/* Does an equality connect the table with those in `before`? */
static bool is_connected(const struct join_planner *planner, uint32_t table, uint32_t before)
{
    for (uint32_t i = 0; i < planner->part_count; i++) {
        const struct join_part *part = &planner->parts[i];
        const uint32_t others = part->tables & ~bit(table);
        if (part->node->kind == SQL_EQUAL && (part->tables & bit(table)) != 0 && others != 0 && (others & ~before) == 0) {
            return true;
        }
    }
    return false;
}

/* A column that an index can be asked for a value of that type. */
static bool is_indexed(const struct schema *schema, const struct sql_node *node, struct column_place *place)
{
    if (node->kind != SQL_COLUMN || !condition_find_column(schema, node->text, place)) {
        return false;
    }
    return place->column == COLUMN_ROW_ID || schema->columns[place->column].index_at != COLUMN_NONE;
}

/* Few rows will come, so that it costs less to look for each in an index of the table than to read the table. */
static bool is_worth_lookups(const struct join_planner *planner, uint64_t coming, uint32_t table)
{
    enum { ROWS_A_LOOKUP = 16 }; /* a look at an index of a slice takes as long as reading so many rows */
    const struct shard_range range = planner->of_table[table].range;
    return coming < planner->rows[table] / ((uint64_t)ROWS_A_LOOKUP * (range.end - range.first));
}

/* Does an equality with an indexed column connect the table with others? */
static bool has_indexed_key(const struct join_planner *planner, uint32_t table)
{
    const struct schema *schema = table_schema(planner->tables[table]);
    struct column_place place;
    for (uint32_t i = 0; i < planner->part_count; i++) {
        const struct join_part *part = &planner->parts[i];
        if (part->node->kind == SQL_EQUAL && (part->tables & ~bit(table)) != 0 &&
            ((tables_of(&planner->scope, part->node->first) == bit(table) && is_indexed(schema, part->node->first, &place)) ||
             (tables_of(&planner->scope, part->node->last) == bit(table) && is_indexed(schema, part->node->last, &place)))) {
            return true;
        }
    }
    return false;
}

/* The largest one; or the smallest, where rows of the largest can be looked up for those of that. */
static uint32_t first_table(const struct join_planner *planner)
{
    uint32_t largest = 0;
    uint32_t smallest = 0;
    for (uint32_t i = 1; i < planner->count && !planner->has_left; i++) {
        largest = planner->rows[i] > planner->rows[largest] ? i : largest;
        smallest = planner->rows[i] < planner->rows[smallest] ? i : smallest;
    }
    return has_indexed_key(planner, largest) && is_worth_lookups(planner, planner->rows[smallest], largest) ? smallest : largest;
}

/* Is the table a better next one than the one that was chosen so far? */
static bool comes_first(const struct join_planner *planner, uint32_t table, uint32_t chosen, uint32_t before)
{
    const bool is_table_connected = is_connected(planner, table, before);
    const bool is_chosen_connected = is_connected(planner, chosen, before);
    return is_table_connected != is_chosen_connected ? is_table_connected : planner->rows[table] < planner->rows[chosen];
}

static uint32_t next_table(const struct join_planner *planner, uint32_t before)
{
    uint32_t chosen = planner->count;
    if (before == 0) {
        return first_table(planner);
    }
    for (uint32_t i = 0; i < planner->count; i++) {
        if ((before & bit(i)) == 0 && (chosen == planner->count || (!planner->has_left && comes_first(planner, i, chosen, before)))) {
            chosen = i;
        }
    }
    return chosen;
}

static void order_tables(struct join_planner *planner)
{
    uint32_t before = 0;
    for (uint32_t level = 0; level < planner->count; level++) {
        const uint32_t table = next_table(planner, before);
        before |= bit(table);
        planner->levels[table] = level;
        planner->join->levels[level] = planner->of_table[table];
    }
}

/* --- levels --- */

static uint32_t level_of(const struct join_planner *planner, const struct join_part *part)
{
    uint32_t level = part->left_of != 0 ? planner->levels[part->left_of] : 0;
    for (uint32_t i = 0; i < planner->count; i++) {
        level = (part->tables & bit(i)) != 0 && planner->levels[i] > level ? planner->levels[i] : level;
    }
    return level;
}

static enum table_result add_program(struct join_planner *planner, const struct sql_node *node, struct row_scope *scope, enum scalar_type wanted,
                                     struct join_programs *to)
{
    const struct program *program;
    const enum table_result result = plan_compile_joined(planner->plan, scope, node, wanted, &program);
    if (result == TABLE_OK) {
        struct join *join = planner->join;
        join->temporary_count = program->temporary_count > join->temporary_count ? program->temporary_count : join->temporary_count;
        to->programs[to->count++] = program;
    }
    return result;
}

/* By the key that was just added, if that is an indexed column, and the other side has exactly its values. */
static void choose_lookup(const struct join_planner *planner, const struct sql_node *node, struct join_level *level)
{
    const uint32_t at = level->inner_keys.count - 1;
    const enum scalar_type type = level->outer_keys.programs[at]->type;
    const uint64_t coming = planner->rows[planner->join->levels[0].table];
    struct column_place place;
    if (level->is_looked_up || (type != SCALAR_INTEGER && type != SCALAR_STRING && type != SCALAR_DATE && type != SCALAR_DATETIME) ||
        level->inner_keys.programs[at]->type != type || !is_indexed(level->statement.schema, node, &place) ||
        level->statement.where.condition_count == WHERE_CONDITIONS_MAX || !is_worth_lookups(planner, coming, level->table)) {
        return;
    }
    level->is_looked_up = true;
    level->key_column = place;
    level->key = at;
}

/* An equality of this table's row, and those before it, is a key, if what is equal hashes alike. `own`: the table's names alone. */
static enum table_result add_key(struct join_planner *planner, const struct sql_node *node, struct row_names *own, struct join_level *level)
{
    const uint32_t of_first = tables_of(&planner->scope, node->first);
    const uint32_t of_last = tables_of(&planner->scope, node->last);
    const bool is_first = of_first == bit(level->table);
    const uint32_t others = is_first ? of_last : of_first;
    if ((!is_first && of_last != bit(level->table)) || others == 0 || (others & bit(level->table)) != 0) {
        return TABLE_OK;
    }
    struct row_scope alone = {.tables = own, .count = 1};
    enum table_result result = add_program(planner, is_first ? node->first : node->last, &alone, SCALAR_UNKNOWN, &level->inner_keys);
    if (result == TABLE_OK) {
        result = add_program(planner, is_first ? node->last : node->first, &planner->scope, SCALAR_UNKNOWN, &level->outer_keys);
    }
    if (result != TABLE_OK) {
        return result;
    }
    const uint32_t at = level->inner_keys.count - 1;
    if (!scalar_types_compare(level->inner_keys.programs[at]->type, level->outer_keys.programs[at]->type)) {
        level->inner_keys.count--;
        level->outer_keys.count--;
        return TABLE_OK;
    }
    choose_lookup(planner, is_first ? node->first : node->last, level);
    return TABLE_OK;
}

static enum table_result plan_level(struct join_planner *planner, uint32_t number)
{
    struct join_level *level = &planner->join->levels[number];
    const struct plan one = plan_of_source(planner->plan, planner->sources[level->table]);
    const struct sql_node **nodes = new_array(planner, planner->part_count, sizeof *nodes);
    struct row_names *own = new_array(planner, 1, sizeof *own);
    struct join_programs *const lists[] = {&level->conditions, &level->later, &level->inner_keys, &level->outer_keys};
    bool is_good = nodes != NULL && own != NULL;
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        *lists[i] = (struct join_programs){.programs = new_array(planner, planner->part_count, sizeof *lists[i]->programs)};
        is_good = is_good && lists[i]->programs != NULL;
    }
    enum table_result result = is_good ? plan_names(&one, level->statement.schema, own) : plan_no_memory(planner->plan);
    for (uint32_t i = 0; i < planner->part_count && result == TABLE_OK; i++) {
        const struct join_part *part = &planner->parts[i];
        if (owner_of(planner, part) != planner->count || level_of(planner, part) != number) {
            continue;
        }
        const bool is_later = level->is_left && part->left_of != level->table;
        nodes[level->part_count++] = part->node;
        result = add_program(planner, part->node, &planner->scope, SCALAR_BOOLEAN, is_later ? &level->later : &level->conditions);
        if (result == TABLE_OK && !is_later && part->node->kind == SQL_EQUAL) {
            result = add_key(planner, part->node, own, level);
        }
    }
    level->parts = nodes;
    level->key_inputs = is_good ? own->inputs : NULL;
    level->key_input_count = is_good ? own->count : 0;
    return result;
}

/* --- all of it --- */

static enum table_result plan_select(struct join_planner *planner)
{
    struct select_source source = plan_select_source(planner->plan, planner->exec);
    source.joined = planner->scope;
    return statement_result_of(select_plan(&source, planner->plan->arena, &planner->join->select, planner->plan->fault));
}

static enum table_result plan_levels(struct join_planner *planner)
{
    enum table_result result = plan_take_arguments(planner->plan);
    planner->join->select->parameters = planner->plan->parameters;
    for (uint32_t i = 0; i < planner->count && result == TABLE_OK; i++) {
        planner->join->tables[i] = planner->tables[i];
        result = plan_table(planner, i);
    }
    if (result == TABLE_OK) {
        order_tables(planner);
    }
    for (uint32_t i = 0; i < planner->count && result == TABLE_OK; i++) {
        result = plan_level(planner, i);
    }
    return result;
}

enum table_result plan_join(struct plan *plan, const struct exec *exec, struct join **out)
{
    struct join_planner *planner = arena_alloc_zeroed(plan->arena, sizeof *planner);
    if (planner == NULL) {
        return plan_no_memory(plan);
    }
    planner->plan = plan;
    planner->exec = exec;
    enum table_result result = find_tables(planner);
    planner->join = new_array(planner, 1, sizeof *planner->join);
    struct join_level *levels = new_array(planner, planner->count, sizeof *levels);
    if (result == TABLE_OK && (planner->join == NULL || levels == NULL)) {
        result = plan_no_memory(plan);
    }
    if (result != TABLE_OK) {
        return result;
    }
    planner->join->count = planner->count;
    planner->join->levels = levels;
    result = find_parts(planner);
    if (result == TABLE_OK) {
        result = plan_select(planner);
    }
    if (result == TABLE_OK) {
        result = plan_levels(planner);
    }
    if (result == TABLE_OK) {
        *out = planner->join;
    }
    return result;
}

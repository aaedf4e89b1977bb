/* set_words.c - see set_words.h. Each expression is read as the item of a SELECT.  */
#include "query/set_words.h"

#include "expression/compile.h"
#include "query/condition.h"
#include "query/select.h"
#include "sql/parse.h"

#include <string.h>

#define FRONT "SELECT "

bool set_word_split(struct bytes word, struct bytes *name, struct bytes *expression)
{
    enum comparison comparison;
    if (!comparison_split(word, name, &comparison, expression) || comparison != COMPARE_EQUAL || name->len < 2 || name->data[name->len - 1] != ':') {
        return false;
    }
    name->len--;
    return true;
}

struct planner {
    const struct set_words *words;
    struct row_names_upsert *names;
    struct row_work *work;
    struct arena *arena;
    struct sql_fault *fault;
};

static enum sql_fault_kind refuse_memory(const struct planner *planner)
{
    sql_fault_set(planner->fault, SQL_FAULT_NO_MEMORY, BYTES(""), 0, "no memory for the statement");
    return SQL_FAULT_NO_MEMORY;
}

/* The expression, with words in front that make a statement of it. An empty text: no memory. */
static struct bytes statement_text(const struct planner *planner, struct bytes expression)
{
    const size_t front = strlen(FRONT);
    char *text = expression.len > SIZE_MAX - front ? NULL : arena_alloc(planner->arena, front + expression.len);
    if (text == NULL) {
        return BYTES("");
    }
    memcpy(text, FRONT, front);
    memcpy(text + front, expression.data, expression.len);
    return (struct bytes){text, front + expression.len};
}

/* The word could have said more than it may. NULL: it has. */
static const struct sql_node *expression_of(const struct sql_statement *statement)
{
    if (statement->kind != SQL_STATEMENT_SELECT || statement->is_explain || statement->parameter_count > 0) {
        return NULL;
    }
    const struct sql_query *query = statement->query;
    const struct sql_select *select = query->selects;
    const bool has_more = select->next != NULL || select->is_distinct || select->sources != NULL || select->where != NULL || select->group != NULL ||
                          select->having != NULL || query->order != NULL || query->limit != NULL || query->offset != NULL;
    const bool has_one = select->items->next == NULL && select->items->alias.len == 0;
    return has_more || !has_one ? NULL : select->items->expression;
}

static enum sql_fault_kind compile(struct planner *planner, struct bytes text, uint32_t column, const struct program **out)
{
    const struct sql_statement *statement;
    const enum sql_fault_kind kind = sql_parse(text, planner->arena, &statement, planner->fault);
    if (kind != SQL_FAULT_NONE) {
        return kind;
    }
    const struct sql_node *root = expression_of(statement);
    if (root == NULL) {
        sql_fault_set(planner->fault, SQL_FAULT_MEANING, text, 0, "one expression was expected");
        return SQL_FAULT_MEANING;
    }
    const struct expression_resolver of_row = {.find = row_names_find, .context = &planner->names->row};
    const struct expression_resolver of_two = {.find = row_names_find_upsert, .context = planner->names};
    const struct expression_source source = {.root = root,
                                             .text = text,
                                             .resolver = planner->words->is_upsert ? &of_two : &of_row,
                                             .wanted = row_scalar_type((enum column_type)planner->words->schema->columns[column].type)};
    return expression_compile(&source, planner->arena, out, planner->fault);
}

static enum sql_fault_kind plan_set(struct planner *planner, const struct assignment *word, struct row_set *set)
{
    set->column = word->column;
    set->text = statement_text(planner, word->value.text);
    if (set->text.len == 0) {
        return refuse_memory(planner);
    }
    const enum sql_fault_kind kind = compile(planner, set->text, set->column, &set->program);
    if (kind == SQL_FAULT_NONE && set->program->temporary_count > planner->work->temporary_count) {
        planner->work->temporary_count = set->program->temporary_count;
    }
    if (kind != SQL_FAULT_NONE && kind != SQL_FAULT_NO_MEMORY) {
        select_fault_show(planner->fault, set->text);
    }
    return kind;
}

enum sql_fault_kind set_words_plan(const struct set_words *words, struct arena *arena, const struct row_work **out, struct sql_fault *fault)
{
    struct planner planner = {.words = words, .arena = arena, .fault = fault};
    struct row_set *sets = arena_alloc_zeroed(arena, words->count * sizeof *sets);
    planner.work = arena_alloc_zeroed(arena, sizeof *planner.work);
    planner.names = arena_alloc_zeroed(arena, sizeof *planner.names);
    if (sets == NULL || planner.work == NULL || planner.names == NULL ||
        !row_names_create_upsert(planner.names, words->schema, words->space, words->table, arena)) {
        return refuse_memory(&planner);
    }
    enum sql_fault_kind kind = SQL_FAULT_NONE;
    for (uint32_t i = 0; i < words->count && kind == SQL_FAULT_NONE; i++) {
        kind = plan_set(&planner, &words->sets[i], &sets[i]);
    }
    planner.work->schema = words->schema;
    planner.work->inputs = planner.names->row.inputs;
    planner.work->input_count = planner.names->row.count;
    planner.work->excluded = words->is_upsert ? &planner.names->excluded : NULL;
    planner.work->sets = sets;
    planner.work->set_count = words->count;
    planner.work->now_us = words->now_us;
    *out = planner.work;
    return kind;
}

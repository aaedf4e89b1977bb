/* builder_parts.c - parts of statements: tables, types, items, queries. See builder.h.  */
#include "sql/builder.h"

#include <assert.h>

enum { TYPE_NUMBER_MAX = 1000000 };

const struct sql_table *sql_build_table(struct sql_builder *builder, struct sql_token space, struct sql_token name)
{
    struct sql_table *table = sql_build_block(builder, sizeof *table);
    if (table != NULL) {
        table->space = sql_build_name(builder, space);
        table->name = sql_build_name(builder, name);
        table->position = space.position;
    }
    return table;
}

static int32_t read_type_number(struct sql_builder *builder, const struct sql_token *token)
{
    if (token == NULL) {
        return -1;
    }
    int32_t number = 0;
    for (uint32_t i = 0; i < token->len && number <= TYPE_NUMBER_MAX; i++) {
        number = number * 10 + (builder->text.data[token->position + i] - '0');
    }
    if (number > TYPE_NUMBER_MAX) {
        sql_build_fail(builder, SQL_FAULT_LIMIT, token->position, "the number is too large for a type");
    }
    return number;
}

const struct sql_type *sql_build_type(struct sql_builder *builder, struct sql_token name, const struct sql_token *precision,
                                      const struct sql_token *scale)
{
    struct sql_type *type = sql_build_block(builder, sizeof *type);
    if (type != NULL) {
        type->name = sql_build_name(builder, name);
        type->precision = read_type_number(builder, precision);
        type->scale = read_type_number(builder, scale);
        type->position = name.position;
    }
    return type;
}

struct sql_item *sql_build_item(struct sql_builder *builder, struct sql_node *expression, struct bytes alias)
{
    struct sql_item *item = sql_build_block(builder, sizeof *item);
    if (item != NULL && expression != NULL) {
        item->expression = expression;
        item->alias = alias;
        item->position = expression->position;
    }
    return item;
}

struct sql_item *sql_build_star(struct sql_builder *builder, struct sql_token star, const struct sql_token *table)
{
    struct sql_item *item = sql_build_block(builder, sizeof *item);
    if (item == NULL) {
        return NULL;
    }
    item->position = star.position;
    if (table != NULL) {
        struct sql_table *of = sql_build_block(builder, sizeof *of);
        if (of != NULL) {
            of->name = sql_build_name(builder, *table);
            of->position = table->position;
            item->position = table->position;
        }
        item->star = of;
    }
    return item;
}

struct sql_name *sql_build_name_part(struct sql_builder *builder, struct sql_token token)
{
    struct sql_name *name = sql_build_block(builder, sizeof *name);
    if (name != NULL) {
        name->name = sql_build_name(builder, token);
        name->position = token.position;
    }
    return name;
}

/* The first field of every linked part. */
struct link {
    struct link *next;
};

struct sql_chain *sql_build_link(struct sql_builder *builder, struct sql_chain *chain, void *part)
{
    if (part == NULL || builder->is_failed) {
        return NULL;
    }
    if (chain == NULL) {
        chain = sql_build_block(builder, sizeof *chain);
        if (chain != NULL) {
            *chain = (struct sql_chain){part, part};
        }
        return chain;
    }
    ((struct link *)chain->last)->next = part;
    chain->last = part;
    return chain;
}

void *sql_build_chain_first(const struct sql_chain *chain)
{
    return chain == NULL ? NULL : chain->first;
}

void sql_build_open_query(struct sql_builder *builder, struct sql_token token)
{
    if (builder->query_depth == SQL_QUERY_DEPTH_MAX) {
        sql_build_fail(builder, SQL_FAULT_LIMIT, token.position, "queries are nested too deeply");
        return;
    }
    builder->query_depth++;
}

struct sql_query *sql_build_query(struct sql_builder *builder, const struct sql_chain *selects, const struct sql_chain *order)
{
    struct sql_query *query = sql_build_block(builder, sizeof *query);
    if (query != NULL) {
        query->selects = sql_build_chain_first(selects);
        query->order = sql_build_chain_first(order);
        query->position = query->selects->position;
    }
    return query;
}

struct sql_statement *sql_build_statement(struct sql_builder *builder, enum sql_statement_kind kind, void *part)
{
    struct sql_statement *statement = sql_build_block(builder, sizeof *statement);
    if (statement != NULL) {
        statement->kind = (uint8_t)kind;
        if (kind == SQL_STATEMENT_SELECT) {
            statement->query = part;
        } else if (kind <= SQL_STATEMENT_DELETE) {
            statement->change = part;
        } else {
            statement->definition = part;
        }
    }
    return statement;
}

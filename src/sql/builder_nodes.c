/* builder_nodes.c - the nodes of expressions. See builder.h.  */
#include "sql/builder.h"

#include <assert.h>

static int hex_digit(char c)
{
    return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

/* x'0aff' to bytes. */
static struct bytes unhex(struct sql_builder *builder, struct bytes text)
{
    const size_t len = (text.len - 3) / 2;
    char *bytes = sql_build_block(builder, len + 1);
    for (size_t i = 0; bytes != NULL && i < len; i++) {
        bytes[i] = (char)(hex_digit(text.data[2 + 2 * i]) * 16 + hex_digit(text.data[3 + 2 * i]));
    }
    return (struct bytes){bytes, bytes == NULL ? 0 : len};
}

/* --- nodes --- */

static struct sql_node *new_node(struct sql_builder *builder, enum sql_kind kind, uint32_t position)
{
    if (builder->node_count == SQL_NODES_MAX) {
        sql_build_fail(builder, SQL_FAULT_LIMIT, position, "the statement has too many parts");
    }
    struct sql_node *node = sql_build_block(builder, sizeof *node);
    if (node != NULL) {
        builder->node_count++;
        node->kind = (uint8_t)kind;
        node->height = 1;
        node->position = position;
    }
    return node;
}

static void raise(struct sql_builder *builder, struct sql_node *parent, const struct sql_node *child)
{
    if (child->height >= SQL_DEPTH_MAX) {
        sql_build_fail(builder, SQL_FAULT_LIMIT, child->position, "nested too deeply");
    } else if (parent->height <= child->height) {
        parent->height = (uint16_t)(child->height + 1);
    }
}

struct sql_node *sql_build_append(struct sql_builder *builder, struct sql_node *list, struct sql_node *child)
{
    if (list == NULL || child == NULL) {
        return NULL;
    }
    raise(builder, list, child);
    child->parent = list;
    child->next = NULL;
    child->index = list->count;
    if (list->last == NULL) {
        list->first = child;
    } else {
        list->last->next = child;
    }
    list->last = child;
    list->count++;
    return list;
}

struct sql_node *sql_build_prepend(struct sql_builder *builder, struct sql_node *list, struct sql_node *child)
{
    if (list == NULL || child == NULL) {
        return NULL;
    }
    raise(builder, list, child);
    child->parent = list;
    child->next = list->first;
    list->first = child;
    if (list->last == NULL) {
        list->last = child;
    }
    list->count++;
    return list;
}

struct sql_node *sql_build_list(struct sql_builder *builder, struct sql_node *first)
{
    if (first == NULL) {
        return NULL;
    }
    return sql_build_append(builder, new_node(builder, SQL_LIST, first->position), first);
}

struct sql_node *sql_build_turn(struct sql_builder *builder, struct sql_node *list, enum sql_kind kind, struct sql_token token)
{
    if (builder->is_failed || list == NULL) {
        return NULL;
    }
    list->kind = (uint8_t)kind;
    list->position = token.position;
    return list;
}

static bool read_integer(struct sql_builder *builder, struct sql_node *node, struct bytes digits)
{
    uint64_t number = 0;
    for (size_t i = 0; i < digits.len; i++) {
        if (__builtin_mul_overflow(number, 10, &number) || __builtin_add_overflow(number, (uint64_t)(digits.data[i] - '0'), &number)) {
            return false;
        }
    }
    if (number > (uint64_t)INT64_MAX + 1) {
        return false;
    }
    if (number == (uint64_t)INT64_MAX + 1) {
        builder->minimum = node; /* good behind a minus alone */
    }
    node->integer = (int64_t)number;
    return true;
}

static void check_minimum(struct sql_builder *builder)
{
    if (builder->minimum != NULL) {
        sql_build_fail(builder, SQL_FAULT_LIMIT, builder->minimum->position, "the integer has more than 64 bits");
    }
}

struct sql_node *sql_build_leaf(struct sql_builder *builder, enum sql_kind kind, struct sql_token token)
{
    check_minimum(builder);
    struct sql_node *node = new_node(builder, kind, token.position);
    if (node == NULL) {
        return NULL;
    }
    struct bytes text = sql_build_text(builder, token);
    switch (kind) {
    case SQL_INTEGER:
        if (!read_integer(builder, node, text)) {
            sql_build_fail(builder, SQL_FAULT_LIMIT, token.position, "the integer has more than 64 bits");
        }
        break;
    case SQL_NUMBER:
        node->text = text;
        break;
    case SQL_TEXT:
        node->text = sql_build_unquote(builder, text);
        break;
    case SQL_BLOB:
        node->text = unhex(builder, text);
        break;
    default:
        assert(kind == SQL_NULL || kind == SQL_BOOLEAN);
        break;
    }
    return node;
}

struct sql_node *sql_build_boolean(struct sql_builder *builder, struct sql_token token, bool is_true)
{
    struct sql_node *node = sql_build_leaf(builder, SQL_BOOLEAN, token);
    if (node != NULL) {
        node->integer = is_true;
    }
    return node;
}

struct sql_node *sql_build_typed(struct sql_builder *builder, struct sql_token type, struct sql_token text)
{
    struct sql_node *node = sql_build_leaf(builder, SQL_TEXT, text);
    if (node == NULL) {
        return NULL;
    }
    node->kind = SQL_TYPED;
    node->position = type.position;
    node->type = sql_build_type(builder, type, NULL, NULL);
    return node;
}

struct sql_node *sql_build_parameter(struct sql_builder *builder, struct sql_token token)
{
    struct bytes text = sql_build_text(builder, token);
    const enum sql_parameter_style style = text.data[0] == '?' ? SQL_PARAMETERS_COUNTED : SQL_PARAMETERS_NUMBERED;
    if (builder->style != SQL_PARAMETERS_NONE && builder->style != style) {
        sql_build_fail(builder, SQL_FAULT_SYNTAX, token.position, "? and $1 cannot both be in one statement");
    }
    builder->style = style;
    int64_t which = (int64_t)builder->parameter_count + 1;
    if (style == SQL_PARAMETERS_NUMBERED) {
        which = 0;
        for (size_t i = 1; i < text.len && which <= SQL_PARAMETERS_MAX; i++) {
            which = which * 10 + (text.data[i] - '0');
        }
    }
    if (which < 1 || which > SQL_PARAMETERS_MAX) {
        sql_build_fail(builder, SQL_FAULT_LIMIT, token.position, "parameters are numbered from 1 to 32766");
    }
    struct sql_node *node = new_node(builder, SQL_PARAMETER, token.position);
    if (node == NULL) {
        return NULL;
    }
    node->integer = which;
    if ((uint32_t)which > builder->parameter_count) {
        builder->parameter_count = (uint32_t)which;
    }
    return node;
}

struct sql_node *sql_build_column(struct sql_builder *builder, const struct sql_token *space, const struct sql_token *table, struct sql_token name)
{
    const struct sql_token *begin = space != NULL ? space : table != NULL ? table : &name;
    struct sql_node *node = new_node(builder, SQL_COLUMN, begin->position);
    if (node == NULL) {
        return NULL;
    }
    node->text = sql_build_name(builder, name);
    if (table != NULL) {
        struct sql_table *of = sql_build_block(builder, sizeof *of);
        if (of == NULL) {
            return NULL;
        }
        of->space = space == NULL ? (struct bytes){NULL, 0} : sql_build_name(builder, *space);
        of->name = sql_build_name(builder, *table);
        of->position = begin->position;
        node->of = of;
    }
    return node;
}

struct sql_node *sql_build_unary(struct sql_builder *builder, enum sql_kind kind, struct sql_token token, struct sql_node *child)
{
    return sql_build_append(builder, new_node(builder, kind, token.position), child);
}

struct sql_node *sql_build_negate(struct sql_builder *builder, struct sql_token token, struct sql_node *child)
{
    if (child == NULL) {
        return NULL;
    }
    const bool is_signed = child->kind == SQL_NUMBER ? child->text.data[0] == '-' : child->integer < 0 && child != builder->minimum;
    if ((child->kind != SQL_INTEGER && child->kind != SQL_NUMBER) || is_signed) {
        return sql_build_unary(builder, SQL_NEGATE, token, child);
    }
    child->position = token.position;
    if (child->kind == SQL_INTEGER) {
        child->integer = (int64_t)(0 - (uint64_t)child->integer); /* of INT64_MIN: itself */
        if (child == builder->minimum) {
            builder->minimum = NULL;
        }
        return child;
    }
    char *text = sql_build_block(builder, child->text.len + 1);
    if (text != NULL) {
        text[0] = '-';
        memcpy(text + 1, child->text.data, child->text.len);
        child->text = (struct bytes){text, child->text.len + 1};
    }
    return child;
}

struct sql_node *sql_build_binary(struct sql_builder *builder, enum sql_kind kind, struct sql_token token, struct sql_node *left,
                                  struct sql_node *right)
{
    return sql_build_append(builder, sql_build_append(builder, new_node(builder, kind, token.position), left), right);
}

struct sql_node *sql_build_logical(struct sql_builder *builder, enum sql_kind kind, struct sql_token token, struct sql_node *left,
                                   struct sql_node *right)
{
    if (left == NULL || right == NULL) {
        return NULL;
    }
    struct sql_node *node = left;
    if (left->kind != kind) {
        node = sql_build_append(builder, new_node(builder, kind, token.position), left);
    }
    if (right->kind != kind) {
        return sql_build_append(builder, node, right);
    }
    for (struct sql_node *child = right->first; child != NULL && node != NULL;) {
        struct sql_node *next = child->next;
        node = sql_build_append(builder, node, child);
        child = next;
    }
    return node;
}

struct sql_node *sql_build_call(struct sql_builder *builder, struct sql_token name, struct sql_node *list)
{
    struct sql_node *node = list == NULL ? new_node(builder, SQL_CALL, name.position) : sql_build_turn(builder, list, SQL_CALL, name);
    if (node != NULL) {
        node->text = sql_build_name(builder, name);
    }
    return node;
}

struct sql_node *sql_build_extract(struct sql_builder *builder, struct sql_token name, struct sql_token part, struct sql_node *child)
{
    if (!bytes_equal_ignore_case(sql_build_name(builder, name), BYTES("extract"))) {
        sql_build_fail(builder, SQL_FAULT_SYNTAX, name.position, "only extract takes FROM");
    }
    return sql_build_call(builder, part, sql_build_list(builder, child));
}

struct sql_node *sql_build_cast(struct sql_builder *builder, struct sql_token token, struct sql_node *child, const struct sql_type *type)
{
    struct sql_node *node = sql_build_unary(builder, SQL_CAST, token, child);
    if (node != NULL) {
        node->type = type;
    }
    return node;
}

struct sql_node *sql_build_query_node(struct sql_builder *builder, enum sql_kind kind, struct sql_token token, struct sql_node *child,
                                      struct sql_query *query)
{
    struct sql_node *node = new_node(builder, kind, token.position);
    builder->has_queries = true;
    if (kind == SQL_IN_QUERY) {
        node = sql_build_append(builder, node, child);
    }
    if (node != NULL) {
        node->query = query;
    }
    return node;
}

struct sql_node *sql_build_negated(struct sql_node *node, bool is_negated)
{
    if (node != NULL) {
        node->is_negated = is_negated;
    }
    return node;
}

/* --- the end --- */

void sql_build_finish(struct sql_builder *builder, struct sql_statement *statement, bool is_explain)
{
    check_minimum(builder);
    if (builder->is_failed || statement == NULL) {
        return;
    }
    statement->is_explain = is_explain;
    statement->has_queries = builder->has_queries;
    statement->parameter_count = builder->parameter_count;
    builder->statement = statement;
}

/* same.c - see same.h. Both trees are walked at once; as long as all nodes have been the same, both walks take the same steps.  */
#include "sql/same.h"

#include "sql/walk.h"

static bool is_same_node(const struct sql_node *a, const struct sql_node *b)
{
    const bool is_loose = a->kind == SQL_CALL;
    if (a->kind != b->kind || a->count != b->count || a->integer != b->integer || a->is_negated != b->is_negated ||
        a->is_distinct != b->is_distinct || a->is_star != b->is_star || a->has_operand != b->has_operand || a->has_else != b->has_else) {
        return false;
    }
    if (is_loose ? !bytes_equal_ignore_case(a->text, b->text) : !bytes_equal(a->text, b->text)) {
        return false;
    }
    switch (a->kind) {
    case SQL_COLUMN:
        return a->of == b->of ||
               (a->of != NULL && b->of != NULL && bytes_equal(a->of->space, b->of->space) && bytes_equal(a->of->name, b->of->name));
    case SQL_TYPED:
    case SQL_CAST:
        return bytes_equal_ignore_case(a->type->name, b->type->name) && a->type->precision == b->type->precision &&
               a->type->scale == b->type->scale;
    case SQL_IN_QUERY:
    case SQL_EXISTS:
    case SQL_QUERY:
        return a->query == b->query;
    default:
        return true;
    }
}

bool sql_is_same(const struct sql_node *a, const struct sql_node *b)
{
    struct sql_walk left = sql_walk_begin((struct sql_node *)(uintptr_t)a); /* walks only read */
    struct sql_walk right = sql_walk_begin((struct sql_node *)(uintptr_t)b);
    while (sql_walk_next(&left)) {
        const bool is_there = sql_walk_next(&right);
        if (!is_there || (left.event == SQL_WALK_ENTER && !is_same_node(left.node, right.node))) {
            return false;
        }
    }
    return true;
}

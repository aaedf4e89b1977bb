/* plan_condition.c - see plan_condition.h.  */
#include "plan/plan_condition.h"

#include "expression/query_value.h"
#include "expression/scalar_text.h"
#include "query/access.h"

#include <assert.h>
#include <string.h>

enum { FLOAT_WHOLE_MAX = 1 << 30 }; /* every integer up to it, and many above, are floats exactly */

/* --- values --- */

/* A literal or an argument, as it is beside a value of that type. False: it is something else, or none of the type. */
static bool constant_of(const struct plan *plan, const struct sql_node *node, enum scalar_type beside, struct scalar *out)
{
    enum scalar_type type = beside;
    switch ((enum sql_kind)node->kind) {
    case SQL_INTEGER:
        *out = scalar_integer(node->integer);
        return true;
    case SQL_BOOLEAN:
        *out = scalar_boolean(node->integer != 0);
        return true;
    case SQL_NUMBER:
        return (beside == SCALAR_FLOAT || beside == SCALAR_DECIMAL) && scalar_parse(beside, node->text, plan->arena, out) == EXPRESSION_OK;
    case SQL_TEXT:
        return !scalar_is_number(beside) && beside != SCALAR_BOOLEAN && scalar_parse(beside, node->text, plan->arena, out) == EXPRESSION_OK;
    case SQL_BLOB:
        *out = scalar_bytes(SCALAR_BLOB, node->text);
        return true;
    case SQL_TYPED:
        return scalar_type_find(node->type->name, &type) && type == beside &&
               scalar_parse(type, node->text, plan->arena, out) == EXPRESSION_OK;
    case SQL_PARAMETER:
        *out = plan->parameters[node->integer - 1];
        return true;
    case SQL_QUERY:
        *out = query_values_find(plan->known, node->position)->single; /* it compiles, so it is known */
        return true;
    default:
        return false;
    }
}

/* The same value as one of the column. False: it has none that is equal, or compares otherwise. */
static bool value_of(const struct scalar *scalar, struct column_form form, struct typed_value *out)
{
    char scratch[SCALAR_TEXT_MAX];
    const enum scalar_type type = (enum scalar_type)scalar->type;
    *out = (struct typed_value){.is_null = false};
    if (form.type == COLUMN_DECIMAL) {
        return (type == SCALAR_DECIMAL || type == SCALAR_INTEGER) && typed_value_parse(form, scalar_format(scalar, scratch), out);
    }
    if (form.type == COLUMN_FLOAT && type == SCALAR_INTEGER) {
        out->number = (double)scalar->integer;
        return scalar->integer >= -FLOAT_WHOLE_MAX && scalar->integer <= FLOAT_WHOLE_MAX;
    }
    if (type != row_scalar_type((enum column_type)form.type) || form.type == COLUMN_JSON) {
        return false;
    }
    if (column_type_is_text((enum column_type)form.type)) {
        out->text = scalar_text(scalar);
    } else if (form.type == COLUMN_FLOAT) {
        out->number = scalar->number;
    } else {
        out->integer = scalar->integer;
    }
    return true;
}

/* A column, and beside it a value of it. */
struct side {
    struct condition condition; /* of the column */
    const struct sql_node *column;
};

static bool find_column(const struct row_names *names, const struct sql_node *node, struct side *side)
{
    struct column_place place;
    if (node->kind != SQL_COLUMN || row_names_column(names, node) == ROW_NO_COLUMN || !condition_find_column(names->schema, node->text, &place)) {
        return false;
    }
    *side = (struct side){.condition = condition_of(&place), .column = node};
    return true;
}

static bool find_value(const struct plan *plan, const struct side *side, const struct sql_node *node, struct typed_value *out)
{
    const struct column_form form = condition_form(&side->condition);
    struct scalar scalar;
    return constant_of(plan, node, row_scalar_type((enum column_type)form.type), &scalar) && value_of(&scalar, form, out);
}

static bool set_value(const struct plan *plan, struct side *side, enum comparison comparison, const struct sql_node *node)
{
    struct operand operand = {.side = 0};
    if (!find_value(plan, side, node, &operand.value)) {
        return false;
    }
    condition_set_value(&side->condition, comparison, &operand);
    return true;
}

/* --- parts --- */

static bool comparison_of(enum sql_kind kind, bool is_mirrored, enum comparison *out)
{
    switch (kind) {
    case SQL_EQUAL:
        *out = COMPARE_EQUAL;
        return true;
    case SQL_NOT_EQUAL:
        *out = COMPARE_NOT_EQUAL;
        return true;
    case SQL_LESS:
        *out = is_mirrored ? COMPARE_GREATER : COMPARE_LESS;
        return true;
    case SQL_LESS_EQUAL:
        *out = is_mirrored ? COMPARE_GREATER_EQUAL : COMPARE_LESS_EQUAL;
        return true;
    case SQL_GREATER:
        *out = is_mirrored ? COMPARE_LESS : COMPARE_GREATER;
        return true;
    case SQL_GREATER_EQUAL:
        *out = is_mirrored ? COMPARE_LESS_EQUAL : COMPARE_GREATER_EQUAL;
        return true;
    default:
        return false;
    }
}

static bool take_comparison(const struct plan *plan, const struct row_names *names, const struct sql_node *part, struct where *where)
{
    const struct sql_node *left = part->first;
    const struct sql_node *right = part->last;
    struct side side;
    enum comparison comparison;
    const bool is_mirrored = !find_column(names, left, &side);
    if ((is_mirrored && !find_column(names, right, &side)) || !comparison_of((enum sql_kind)part->kind, is_mirrored, &comparison) ||
        !set_value(plan, &side, comparison, is_mirrored ? left : right)) {
        return false;
    }
    where_require(where, &side.condition);
    return true;
}

static bool take_between(const struct plan *plan, const struct row_names *names, const struct sql_node *part, struct where *where)
{
    struct side from;
    if (part->is_negated || !find_column(names, part->first, &from)) {
        return false;
    }
    struct side to = from;
    if (!set_value(plan, &from, COMPARE_GREATER_EQUAL, part->first->next) || !set_value(plan, &to, COMPARE_LESS_EQUAL, part->last)) {
        return false;
    }
    where_require(where, &from.condition);
    where_require(where, &to.condition);
    return true;
}

/* values: of the arena; they stay with the condition. */
static void require_list(struct side *side, struct typed_value *values, uint32_t count, bool is_negated, struct where *where)
{
    condition_set_list(&side->condition, values, count);
    if (is_negated) {
        condition_negate(&side->condition);
    }
    where_require(where, &side->condition);
}

static enum table_result take_list(const struct plan *plan, const struct row_names *names, const struct sql_node *part, struct where *where,
                                   bool *is_taken)
{
    struct side side;
    uint32_t count = 0;
    if (part->count - 1 > CONDITION_VALUES_MAX || !find_column(names, part->first, &side)) {
        return TABLE_OK;
    }
    struct typed_value *values = arena_alloc(plan->arena, part->count * sizeof *values);
    if (values == NULL) {
        return plan_no_memory(plan);
    }
    for (const struct sql_node *node = part->first->next; node != NULL; node = node->next) {
        if (!find_value(plan, &side, node, &values[count++])) {
            return TABLE_OK;
        }
    }
    require_list(&side, values, count, part->is_negated, where);
    *is_taken = true;
    return TABLE_OK;
}

/* IN over what a query has given: few values, which an index may look up; of more the set knows sooner whether it has one. In no rows, or NOT IN with
 * null among them, rows with null match otherwise than a condition says.  */
static enum table_result take_query(const struct plan *plan, const struct row_names *names, const struct sql_node *part, struct where *where,
                                    bool *is_taken)
{
    const struct query_value *given = query_values_find(plan->known, part->position);
    const struct scalar *value;
    struct side side;
    uint64_t at = 0;
    uint32_t count = 0;
    assert(given != NULL); /* it compiles */
    if (given->set.count == 0 || given->set.count > ACCESS_VALUES_MAX || (part->is_negated && given->has_null) ||
        !find_column(names, part->first, &side)) {
        return TABLE_OK;
    }
    struct typed_value *values = arena_alloc(plan->arena, given->set.count * sizeof *values);
    if (values == NULL) {
        return plan_no_memory(plan);
    }
    while ((value = value_set_next(&given->set, &at)) != NULL) {
        if (!value_of(value, condition_form(&side.condition), &values[count++])) {
            return TABLE_OK;
        }
    }
    require_list(&side, values, count, part->is_negated, where);
    *is_taken = true;
    return TABLE_OK;
}

/* Without ESCAPE a backslash has no meaning in SQL, but one in a condition. */
static enum table_result take_like(const struct plan *plan, const struct row_names *names, const struct sql_node *part, struct where *where,
                                   bool *is_taken)
{
    struct side side;
    struct typed_value pattern;
    if (part->count != 2 || !find_column(names, part->first, &side) || side.condition.type != COLUMN_STRING ||
        !find_value(plan, &side, part->last, &pattern) ||
        (pattern.text.len > 0 && memchr(pattern.text.data, '\\', pattern.text.len) != NULL)) {
        return TABLE_OK;
    }
    if (condition_set_pattern(&side.condition, pattern.text, plan->arena) != TABLE_OK) {
        return plan_no_memory(plan);
    }
    if (part->is_negated) {
        condition_negate(&side.condition);
    }
    where_require(where, &side.condition);
    *is_taken = true;
    return TABLE_OK;
}

static bool take_null(const struct row_names *names, const struct sql_node *part, struct where *where)
{
    struct side side;
    if (!find_column(names, part->first, &side)) {
        return false;
    }
    side.condition.kind = CONDITION_NULL;
    side.condition.is_inverted = part->is_negated;
    where_require(where, &side.condition);
    return true;
}

enum table_result plan_condition(const struct plan *plan, const struct row_names *names, const struct sql_node *part, struct where *where,
                                 bool *is_taken)
{
    *is_taken = false;
    switch ((enum sql_kind)part->kind) {
    case SQL_BETWEEN:
        *is_taken = take_between(plan, names, part, where);
        return TABLE_OK;
    case SQL_IN_LIST:
        return take_list(plan, names, part, where, is_taken);
    case SQL_IN_QUERY:
        return take_query(plan, names, part, where, is_taken);
    case SQL_LIKE:
        return take_like(plan, names, part, where, is_taken);
    case SQL_IS_NULL:
        *is_taken = take_null(names, part, where);
        return TABLE_OK;
    case SQL_EQUAL:
    case SQL_NOT_EQUAL:
    case SQL_LESS:
    case SQL_LESS_EQUAL:
    case SQL_GREATER:
    case SQL_GREATER_EQUAL:
        *is_taken = take_comparison(plan, names, part, where);
        return TABLE_OK;
    default:
        return TABLE_OK;
    }
}

/* compile_operators.c - operators that look at all their operands. Those stand on the stack, the last one on top.  */
#include "expression/compiler_private.h"

#include "expression/cast.h"
#include "expression/compare.h"
#include "expression/query_value.h"

#include <assert.h>
#include <stdlib.h>

/* --- comparisons --- */

enum { LESS = 1, EQUAL = 2, GREATER = 4 };

static unsigned comparison_flags(enum sql_kind kind)
{
    static const uint8_t flags[] = {
        [SQL_EQUAL] = EQUAL, [SQL_NOT_EQUAL] = LESS | GREATER, [SQL_LESS] = LESS,
        [SQL_LESS_EQUAL] = LESS | EQUAL, [SQL_GREATER] = GREATER, [SQL_GREATER_EQUAL] = GREATER | EQUAL,
    };
    return flags[kind];
}

static enum program_step_kind comparison_step(enum scalar_type a, enum scalar_type b)
{
    if (a == b && (a == SCALAR_INTEGER || scalar_is_time(a))) {
        return STEP_COMPARE_INTEGER;
    }
    return a == SCALAR_STRING && b == SCALAR_STRING ? STEP_COMPARE_STRING : STEP_COMPARE;
}

static void compile_comparison(struct compiler *compiler, const struct sql_node *node)
{
    struct operand *a = compiler_top(compiler, 1);
    struct operand *b = compiler_top(compiler, 0);
    compiler_match(compiler, node, a, b);
    struct program_step *step = compiler_step(compiler, comparison_step(a->type, b->type), node);
    step->flags = (uint8_t)comparison_flags(node->kind);
    step->a = a->operand;
    step->b = b->operand;
    step->to = compiler_temporary(compiler, a);
    compiler_reduce(compiler, node, 2, SCALAR_BOOLEAN);
}

static void compile_between(struct compiler *compiler, const struct sql_node *node)
{
    struct operand *value = compiler_top(compiler, 2);
    struct operand *low = compiler_top(compiler, 1);
    struct operand *high = compiler_top(compiler, 0);
    if (value->type == SCALAR_UNKNOWN && low->type == SCALAR_UNKNOWN) {
        compiler_match(compiler, node, value, high);
    }
    compiler_match(compiler, node, value, low);
    compiler_match(compiler, node, value, high);
    struct program_step *step = compiler_step(compiler, STEP_BETWEEN, node);
    step->flags = node->is_negated;
    step->a = value->operand;
    step->b = low->operand;
    step->c = high->operand;
    step->to = compiler_temporary(compiler, value);
    compiler_reduce(compiler, node, 3, SCALAR_BOOLEAN);
}

static int order_scalars(const void *a, const void *b)
{
    return scalar_order(a, b);
}

/* Sorted, each once, without nulls. */
static void fill_set(struct compiler *compiler, struct program_set *set, uint32_t count)
{
    const struct scalar *constants = compiler->constants.data;
    set->values = arena_alloc(compiler->arena, count * sizeof *set->values);
    if (set->values == NULL) {
        compiler_no_memory(compiler);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct scalar *value = &constants[compiler_top(compiler, i)->operand & OPERAND_INDEX_MAX];
        if (value->type == SCALAR_NULL) {
            set->has_null = true;
        } else {
            set->values[set->count++] = *value;
        }
    }
    qsort(set->values, set->count, sizeof *set->values, order_scalars);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < set->count; i++) {
        if (kept == 0 || scalar_compare(&set->values[kept - 1], &set->values[i]) != 0) {
            set->values[kept++] = set->values[i];
        }
    }
    set->count = kept;
}

void compile_in_literals(struct compiler *compiler, const struct sql_node *node)
{
    const uint32_t count = node->count - 1;
    struct operand *value = compiler_top(compiler, count);
    for (uint32_t i = count; i-- > 0;) {
        compiler_match(compiler, node, value, compiler_top(compiler, i));
    }
    struct program_set *set = vector_add(compiler, &compiler->sets, sizeof *set);
    if (compiler->is_failed) {
        return;
    }
    fill_set(compiler, set, count);
    struct program_step *step = compiler_step(compiler, STEP_IN_SET, node);
    step->flags = node->is_negated;
    step->a = value->operand;
    step->jump = compiler->sets.count - 1;
    step->to = compiler_temporary(compiler, value);
    compiler_reduce(compiler, node, count + 1, SCALAR_BOOLEAN);
}

/* What is looked for is on the stack. In no rows at all there is nothing, not even null. */
static void compile_in_query(struct compiler *compiler, const struct sql_node *node)
{
    const struct query_value *value = query_values_find(compiler->source->queries, node->position);
    compiler_push(compiler, node, compiler_constant(compiler, scalar_null()), (enum scalar_type)value->type);
    struct program_set *set = vector_add(compiler, &compiler->sets, sizeof *set);
    if (compiler->is_failed) {
        return;
    }
    struct operand *looked_for = compiler_top(compiler, 1);
    compiler_match(compiler, node, looked_for, compiler_top(compiler, 0));
    compiler_drop(compiler, 1);
    *set = (struct program_set){.given = &value->set, .has_null = value->has_null};
    if (value->set.count == 0 && !value->has_null) {
        looked_for->operand = compiler_constant(compiler, scalar_boolean(node->is_negated));
        looked_for->node = node;
        looked_for->type = SCALAR_BOOLEAN;
        return;
    }
    struct program_step *step = compiler_step(compiler, STEP_IN_SET, node);
    step->flags = node->is_negated;
    step->a = looked_for->operand;
    step->jump = compiler->sets.count - 1;
    step->to = compiler_temporary(compiler, looked_for);
    compiler_reduce(compiler, node, 1, SCALAR_BOOLEAN);
}

/* --- LIKE --- */

/* The pattern is a literal: it is read now. Returns false when it has to be read for each row. */
static bool compile_known_pattern(struct compiler *compiler, const struct sql_node *node)
{
    const struct sql_node *pattern = node->first->next;
    const struct sql_node *escape = pattern->next;
    if (pattern->kind != SQL_TEXT || (escape != NULL && escape->kind != SQL_TEXT)) {
        return false;
    }
    if (escape != NULL && escape->text.len != 1) {
        compiler_fail(compiler, escape, "an escape character is one character of ASCII");
        return true;
    }
    struct like like;
    const enum expression_result result =
        like_read(pattern->text, escape == NULL ? -1 : (unsigned char)escape->text.data[0], compiler->arena, &like);
    if (result == EXPRESSION_NO_MEMORY) {
        compiler_no_memory(compiler);
        return true;
    }
    if (result != EXPRESSION_OK) {
        compiler_fail(compiler, pattern, "the pattern ends with its escape character");
        return true;
    }
    bool is_all;
    bool is_exact;
    const struct bytes prefix = like_prefix(&like, &is_all, &is_exact);
    const bool is_simple = !node->is_negated && (is_all || is_exact);
    struct operand *text = compiler_top(compiler, node->count - 1);
    const uint32_t prefix_at = is_simple ? compiler_constant(compiler, scalar_bytes(SCALAR_STRING, prefix)) : 0;
    struct like *kept = is_simple ? NULL : vector_add(compiler, &compiler->likes, sizeof *kept);
    if (kept != NULL) {
        *kept = like;
    }
    struct program_step *step =
        compiler_step(compiler, !is_simple ? STEP_LIKE_READ : is_all ? STEP_LIKE_PREFIX : STEP_COMPARE_STRING, node);
    step->flags = is_simple ? EQUAL : node->is_negated;
    step->a = text->operand;
    step->b = prefix_at;
    step->jump = compiler->likes.count - 1;
    step->to = compiler_temporary(compiler, text);
    return true;
}

static void compile_like(struct compiler *compiler, const struct sql_node *node)
{
    for (uint32_t i = 0; i < node->count; i++) {
        compiler_require(compiler, compiler_top(compiler, i), SCALAR_STRING);
    }
    if (!compiler->is_failed && !compile_known_pattern(compiler, node)) {
        struct operand *text = compiler_top(compiler, node->count - 1);
        struct program_step *step = compiler_step(compiler, STEP_LIKE, node);
        step->flags = (uint8_t)(node->is_negated | (node->count == 3) << 1);
        step->a = text->operand;
        step->b = compiler_top(compiler, node->count - 2)->operand;
        step->c = compiler_top(compiler, 0)->operand;
        step->to = compiler_temporary(compiler, text);
    }
    compiler_reduce(compiler, node, node->count, SCALAR_BOOLEAN);
}

/* --- arithmetic and texts --- */

static void require_number(struct compiler *compiler, const struct sql_node *node, struct operand *operand, enum scalar_type other)
{
    compiler_adapt(compiler, operand, scalar_is_number(other) ? other : SCALAR_INTEGER, true);
    if (!scalar_is_number(operand->type) && operand->type != SCALAR_NULL) {
        compiler_fail(compiler, node, "a number was expected here, not %s", scalar_type_name(operand->type));
    }
}

static void compile_arithmetic(struct compiler *compiler, const struct sql_node *node)
{
    struct operand *a = compiler_top(compiler, 1);
    struct operand *b = compiler_top(compiler, 0);
    require_number(compiler, node, a, b->type);
    require_number(compiler, node, b, a->type);
    const enum scalar_type type = scalar_types_join(a->type, b->type);
    if (node->kind == SQL_REMAINDER && type == SCALAR_FLOAT) {
        compiler_fail(compiler, node, "%% is for integers and decimals, not for floats");
    }
    struct program_step *step = compiler_step(compiler, STEP_ADD + (node->kind - SQL_ADD), node);
    step->a = a->operand;
    step->b = b->operand;
    step->to = compiler_temporary(compiler, a);
    compiler_reduce(compiler, node, 2, type);
}

_Static_assert(STEP_REMAINDER - STEP_ADD == SQL_REMAINDER - SQL_ADD, "arithmetic is in one order everywhere");

static void compile_concat(struct compiler *compiler, const struct sql_node *node)
{
    struct operand *a = compiler_top(compiler, 1);
    struct operand *b = compiler_top(compiler, 0);
    const bool is_blob = a->type == SCALAR_BLOB || b->type == SCALAR_BLOB;
    if (a->type == SCALAR_UNKNOWN) {
        compiler_adapt(compiler, a, is_blob ? SCALAR_BLOB : SCALAR_STRING, false);
    }
    if (b->type == SCALAR_UNKNOWN) {
        compiler_adapt(compiler, b, is_blob ? SCALAR_BLOB : SCALAR_STRING, false);
    }
    if (is_blob && !scalar_types_compare(a->type, b->type)) {
        compiler_fail(compiler, node, "a blob can be joined with a blob only");
    }
    struct program_step *step = compiler_step(compiler, STEP_CONCAT, node);
    step->a = a->operand;
    step->b = b->operand;
    step->to = compiler_temporary(compiler, a);
    compiler_reduce(compiler, node, 2, is_blob ? SCALAR_BLOB : SCALAR_STRING);
}

static void compile_json(struct compiler *compiler, const struct sql_node *node)
{
    struct operand *json = compiler_top(compiler, 1);
    struct operand *path = compiler_top(compiler, 0);
    const bool is_text = node->kind == SQL_JSON_TEXT;
    compiler_adapt(compiler, json, SCALAR_JSON, false);
    if (path->type == SCALAR_UNKNOWN) {
        compiler_adapt(compiler, path, SCALAR_STRING, false);
    }
    if (json->type != SCALAR_JSON && json->type != SCALAR_NULL) {
        compiler_fail(compiler, node, "json was expected before %s, not %s", is_text ? "->>" : "->", scalar_type_name(json->type));
    }
    if (path->type != SCALAR_STRING && path->type != SCALAR_INTEGER && path->type != SCALAR_NULL) {
        compiler_fail(compiler, node, "a path is a string or an integer, not %s", scalar_type_name(path->type));
    }
    struct program_step *step = compiler_step(compiler, STEP_JSON, node);
    step->flags = is_text;
    step->a = json->operand;
    step->b = path->operand;
    step->to = compiler_temporary(compiler, json);
    compiler_reduce(compiler, node, 2, is_text ? SCALAR_STRING : SCALAR_JSON);
}

/* --- operators of one operand --- */

static void compile_unary(struct compiler *compiler, const struct sql_node *node)
{
    static const uint8_t kinds[] = {[SQL_NOT] = STEP_NOT, [SQL_NEGATE] = STEP_NEGATE, [SQL_IS_NULL] = STEP_IS_NULL};
    struct operand *a = compiler_top(compiler, 0);
    enum scalar_type type = SCALAR_BOOLEAN;
    switch (node->kind) {
    case SQL_NOT:
        compiler_require(compiler, a, SCALAR_BOOLEAN);
        break;
    case SQL_NEGATE:
        require_number(compiler, node, a, SCALAR_NULL);
        type = a->type;
        break;
    default:
        if (a->type == SCALAR_UNKNOWN) {
            compiler_adapt(compiler, a, SCALAR_STRING, false);
        }
        break;
    }
    struct program_step *step = compiler_step(compiler, kinds[node->kind], node);
    step->flags = node->is_negated;
    step->a = a->operand;
    step->to = compiler_temporary(compiler, a);
    compiler_reduce(compiler, node, 1, type);
}

static void compile_cast(struct compiler *compiler, const struct sql_node *node)
{
    struct operand *a = compiler_top(compiler, 0);
    const struct sql_type *named = node->type;
    enum scalar_type type;
    if (!scalar_type_find(named->name, &type)) {
        compiler_fail(compiler, node, "there is no type %.*s", named->name.len > 60 ? 60 : (int)named->name.len, named->name.data);
        return;
    }
    const bool has_scale = type == SCALAR_DECIMAL && named->precision >= 0;
    const int scale = named->scale >= 0 ? named->scale : 0;
    if (has_scale && (named->precision < 1 || named->precision > SCALAR_SCALE_MAX || scale > named->precision)) {
        compiler_fail(compiler, node, "a decimal has 1 to 18 digits, and no more behind the point than that");
    }
    if (a->type == SCALAR_UNKNOWN) {
        compiler_adapt(compiler, a, type, false);
    }
    if (!cast_is_possible(a->type, type)) {
        compiler_fail(compiler, node, "%s cannot become %s", scalar_type_name(a->type), scalar_type_name(type));
    }
    struct program_step *step = compiler_step(compiler, STEP_CAST, node);
    step->flags = (uint8_t)type;
    step->a = a->operand;
    step->b = has_scale ? (uint32_t)named->precision + 1 : 0;
    step->c = has_scale ? (uint32_t)scale + 1 : 0;
    step->to = compiler_temporary(compiler, a);
    compiler_reduce(compiler, node, 1, type);
}

void compile_operator(struct compiler *compiler, const struct sql_node *node)
{
    switch (node->kind) {
    case SQL_NEGATE:
    case SQL_NOT:
    case SQL_IS_NULL:
        compile_unary(compiler, node);
        break;
    case SQL_ADD:
    case SQL_SUBTRACT:
    case SQL_MULTIPLY:
    case SQL_DIVIDE:
    case SQL_REMAINDER:
        compile_arithmetic(compiler, node);
        break;
    case SQL_CONCAT:
        compile_concat(compiler, node);
        break;
    case SQL_JSON_GET:
    case SQL_JSON_TEXT:
        compile_json(compiler, node);
        break;
    case SQL_BETWEEN:
        compile_between(compiler, node);
        break;
    case SQL_LIKE:
        compile_like(compiler, node);
        break;
    case SQL_CAST:
        compile_cast(compiler, node);
        break;
    case SQL_IN_QUERY:
        compile_in_query(compiler, node);
        break;
    default:
        assert(node->kind >= SQL_EQUAL && node->kind <= SQL_GREATER_EQUAL);
        compile_comparison(compiler, node);
        break;
    }
}

/* compile.c - see compile.h. Walks over the tree once; what an operator does with its operands is in compile_operators.c, compile_branches.c
 * and compile_calls.c.  */
#include "expression/compile.h"

#include "base/number.h"
#include "expression/aggregate_kind.h"
#include "expression/cast.h"
#include "expression/compiler_private.h"
#include "expression/query_value.h"
#include "sql/walk.h"

#include <assert.h>

/* --- leaves --- */

static void push_literal(struct compiler *compiler, const struct sql_node *node)
{
    struct scalar value = scalar_null();
    enum scalar_type type;
    switch (node->kind) {
    case SQL_NULL:
        break;
    case SQL_BOOLEAN:
        value = scalar_boolean(node->integer != 0);
        break;
    case SQL_INTEGER:
        value = scalar_integer(node->integer);
        break;
    case SQL_NUMBER:
        value = scalar_float(0);
        if (!double_parse(node->text, &value.number)) {
            compiler_fail(compiler, node, "the number is out of range");
        }
        break;
    case SQL_TYPED:
        if (!scalar_type_find(node->type->name, &type)) {
            compiler_fail(compiler, node, "there is no type %.*s", (int)(node->type->name.len > 60 ? 60 : node->type->name.len),
                          node->type->name.data);
            return;
        }
        value = compiler_parse(compiler, node, type);
        break;
    default:
        value = scalar_bytes(node->kind == SQL_BLOB ? SCALAR_BLOB : SCALAR_STRING, node->text);
        break;
    }
    compiler_push(compiler, node, compiler_constant(compiler, value), value.type);
}

static void push_parameter(struct compiler *compiler, const struct sql_node *node)
{
    const struct expression_source *source = compiler->source;
    const uint32_t index = (uint32_t)node->integer - 1;
    assert(index < source->parameter_count);
    compiler->is_constant = false;
    compiler_push(compiler, node, OPERAND(BANK_PARAMETER, index), source->parameter_types[index]);
}

/* --- names --- */

static bool needs_slot(const struct sql_node *node)
{
    enum aggregate_kind kind;
    switch (node->kind) {
    case SQL_COLUMN:
    case SQL_QUERY:
    case SQL_EXISTS:
    case SQL_IN_QUERY:
        return true;
    case SQL_CALL:
        return aggregate_kind_find(node->text, &kind);
    default:
        return false;
    }
}

static void fail_unresolved(struct compiler *compiler, const struct sql_node *node, const char *why)
{
    if (why != NULL) {
        compiler_fail(compiler, node, "%s", why);
    } else if (node->kind == SQL_COLUMN) {
        const struct bytes table = node->of == NULL ? BYTES("") : node->of->name;
        compiler_fail(compiler, node, "there is no column %.*s%s%.*s", table.len > 60 ? 60 : (int)table.len, table.data,
                      table.len > 0 ? "." : "", node->text.len > 60 ? 60 : (int)node->text.len, node->text.data);
    } else {
        compiler_fail(compiler, node, node->kind == SQL_CALL ? "an aggregate cannot stand here" : "a query cannot stand here");
    }
}

/* Asks for the node's slot, when it has to have one or may. True: it is on the stack. */
static bool push_slot(struct compiler *compiler, const struct sql_node *node)
{
    const struct expression_resolver *resolver = compiler->source->resolver;
    const bool is_needed = needs_slot(node);
    struct expression_slot slot = {0};
    const char *why = NULL;
    if (!is_needed && !resolver->asks_all) {
        return false;
    }
    if (!resolver->find(resolver->context, node, &slot, &why)) {
        if (is_needed) {
            fail_unresolved(compiler, node, why);
        }
        return false;
    }
    assert(slot.index <= OPERAND_INDEX_MAX);
    compiler->is_constant = false;
    struct operand *pushed = compiler_push(compiler, node, OPERAND(BANK_SLOT, slot.index), slot.type);
    if (pushed != NULL && node->kind == SQL_IN_QUERY && node->is_negated) {
        struct program_step *step = compiler_step(compiler, STEP_NOT, node);
        step->a = pushed->operand;
        step->to = compiler_temporary(compiler, pushed);
        pushed->operand = OPERAND(BANK_TEMPORARY, step->to);
    }
    return pushed != NULL;
}

/* --- the walk --- */

/* A query whose rows are known: EXISTS and a query that is a value are constants. IN is compiled when what it looks for is on the stack. */
static bool enter_query(struct compiler *compiler, const struct sql_node *node)
{
    const bool is_query = node->kind == SQL_QUERY || node->kind == SQL_EXISTS || node->kind == SQL_IN_QUERY;
    const struct query_value *value = is_query ? query_values_find(compiler->source->queries, node->position) : NULL;
    if (value == NULL || node->kind == SQL_IN_QUERY) {
        return value != NULL;
    }
    const bool is_exists = node->kind == SQL_EXISTS;
    compiler_push(compiler, node, compiler_constant(compiler, is_exists ? scalar_boolean(value->has_row) : value->single),
                  is_exists ? SCALAR_BOOLEAN : (enum scalar_type)value->type);
    compiler->resolved = node;
    return true;
}

static void enter(struct compiler *compiler, struct sql_walk *walk)
{
    const struct sql_node *node = walk->node;
    if (node->kind <= SQL_TYPED) {
        push_literal(compiler, node);
    } else if (node->kind == SQL_PARAMETER) {
        push_parameter(compiler, node);
    } else if (node->kind == SQL_LIST) {
        compiler_fail(compiler, node, "one expression was expected, not a list");
    } else if (enter_query(compiler, node)) {
        return;
    } else if (push_slot(compiler, node)) {
        compiler->resolved = node;
        sql_walk_skip(walk);
    } else if (!compiler->is_failed && compile_is_branching(node)) {
        compile_branch_enter(compiler, node);
    }
}

static void leave(struct compiler *compiler, const struct sql_node *node)
{
    if (node->kind <= SQL_PARAMETER || compiler->resolved == node) {
        return; /* it is on the stack */
    }
    if (compile_is_branching(node)) {
        compile_branch_operand(compiler, node);
        if (!compiler->is_failed) {
            compile_branch_leave(compiler, node);
        }
    } else if (node->kind == SQL_CALL) {
        compile_call(compiler, node);
    } else {
        compile_operator(compiler, node);
    }
}

static void walk_tree(struct compiler *compiler)
{
    struct sql_walk walk = sql_walk_begin((struct sql_node *)(uintptr_t)compiler->source->root); /* it only reads */
    while (!compiler->is_failed && sql_walk_next(&walk)) {
        switch (walk.event) {
        case SQL_WALK_ENTER:
            enter(compiler, &walk);
            break;
        case SQL_WALK_BETWEEN:
            if (compile_is_branching(walk.node)) {
                compile_branch_operand(compiler, walk.node);
            }
            break;
        default:
            leave(compiler, walk.node);
            break;
        }
    }
}

/* --- the result --- */

static bool is_taken_as(enum scalar_type from, enum scalar_type to)
{
    switch (to) {
    case SCALAR_FLOAT:
        return scalar_is_number(from);
    case SCALAR_DECIMAL:
        return from == SCALAR_INTEGER || from == SCALAR_NUMBER;
    case SCALAR_INTEGER:
        return from == SCALAR_NUMBER;
    case SCALAR_DATETIME:
        return from == SCALAR_DATE;
    case SCALAR_JSON:
        return from == SCALAR_STRING;
    default:
        return false;
    }
}

/* The one operand that is left becomes of the type that is wanted. */
static void settle(struct compiler *compiler)
{
    const enum scalar_type wanted = compiler->source->wanted;
    struct operand *result = compiler_top(compiler, 0);
    compiler_adapt(compiler, result, wanted, false);
    if (wanted == SCALAR_UNKNOWN || wanted == (enum scalar_type)result->type || result->type == SCALAR_NULL) {
        return;
    }
    if (!is_taken_as(result->type, wanted)) {
        compiler_fail(compiler, result->node, "%s was expected here, not %s", wanted == SCALAR_BOOLEAN ? "a condition" : scalar_type_name(wanted),
                      scalar_type_name(result->type));
        return;
    }
    struct program_step *step = compiler_step(compiler, STEP_CAST, result->node);
    step->flags = (uint8_t)wanted;
    step->c = wanted == SCALAR_INTEGER; /* the scale 0: only what is whole */
    step->a = result->operand;
    step->to = compiler_temporary(compiler, result);
    compiler_reduce(compiler, result->node, 1, wanted);
}

static const struct program *finish(struct compiler *compiler)
{
    struct program *program = arena_alloc(compiler->arena, sizeof *program);
    if (program == NULL) {
        compiler_no_memory(compiler);
        return NULL;
    }
    assert(compiler->stack.count == 1);
    *program = (struct program){
        .type = compiler_top(compiler, 0)->type,
        .result = compiler_top(compiler, 0)->operand,
        .step_count = compiler->steps.count,
        .temporary_count = compiler->temporary_count,
        .steps = compiler->steps.data,
        .constants = compiler->constants.data,
        .likes = compiler->likes.data,
        .sets = compiler->sets.data,
        .functions = compiler->functions.data,
        .is_constant = compiler->is_constant,
    };
    return program;
}

enum sql_fault_kind expression_compile(const struct expression_source *source, struct arena *arena, const struct program **out,
                                       struct sql_fault *fault)
{
    struct compiler compiler = {.source = source, .arena = arena, .fault = fault, .is_constant = true};
    walk_tree(&compiler);
    if (!compiler.is_failed) {
        settle(&compiler);
    }
    const struct program *program = compiler.is_failed ? NULL : finish(&compiler);
    if (compiler.is_failed) {
        return fault->kind;
    }
    *out = program;
    return SQL_FAULT_NONE;
}

/* compile_branches.c - operators that stop before their last operand: AND, OR, CASE, coalesce, IN with what is no literal.
 *
 * Each has a temporary for its result from the begin, and a chain of jumps to its end. AND and OR begin when their first operand is there, and
 * take its place on the stack; the others stand below their operands. The jumps of a CASE:
 *
 *     [operand]  when 1 -> UNLESS_TRUE -> next   then 1 -> MOVE, JUMP -> end   next: when 2 ...   [else -> MOVE]   end:  */
#include "expression/compiler_private.h"

#include <assert.h>

bool compile_is_branching(const struct sql_node *node)
{
    return node->kind == SQL_AND || node->kind == SQL_OR || node->kind == SQL_CASE || node->kind == SQL_IN_LIST ||
           (node->kind == SQL_CALL &&
            (bytes_equal_ignore_case(node->text, BYTES("coalesce")) || bytes_equal_ignore_case(node->text, BYTES("ifnull"))));
}

static bool is_literal(const struct sql_node *node)
{
    return node->kind <= SQL_TYPED;
}

static bool has_only_literals(const struct sql_node *in)
{
    for (const struct sql_node *child = in->first->next; child != NULL; child = child->next) {
        if (!is_literal(child)) {
            return false;
        }
    }
    return true;
}

/* --- results of several branches --- */

static struct operand *begin(struct compiler *compiler, const struct sql_node *node, enum scalar_type type)
{
    struct operand *result = compiler_push(compiler, node, 0, type);
    if (result != NULL) {
        result->operand = OPERAND(BANK_TEMPORARY, compiler_temporary(compiler, result));
    }
    return result;
}

/* The operand on top is one more branch of the result. */
static void join_type(struct compiler *compiler, struct operand *result, struct operand *branch)
{
    compiler_adapt(compiler, branch, result->type, false);
    const enum scalar_type joined = scalar_types_join(result->type, branch->type);
    if (joined == SCALAR_UNKNOWN) {
        compiler_fail(compiler, branch->node, "branches are %s and %s: one type was expected", scalar_type_name(result->type),
                      scalar_type_name(branch->type));
        return;
    }
    const bool is_first = result->type == SCALAR_NULL;
    result->is_mixed = result->is_mixed || (!is_first && branch->type != SCALAR_NULL && branch->type != result->type);
    result->type = (uint8_t)joined;
}

static void end(struct compiler *compiler, struct operand *result)
{
    compiler_land(compiler, result);
    if (result->is_mixed && result->type != SCALAR_NUMBER) {
        struct program_step *step = compiler_step(compiler, STEP_CAST, result->node);
        step->flags = result->type;
        step->a = result->operand;
        step->to = compiler_temporary(compiler, result);
    }
}

/* --- AND, OR --- */

static void take_condition(struct compiler *compiler, const struct sql_node *node)
{
    const bool is_and = node->kind == SQL_AND;
    struct operand *top = compiler_top(compiler, 0);
    compiler_require(compiler, top, SCALAR_BOOLEAN);
    if (top->node->parent == node && top->node == node->first) {
        struct program_step *step = compiler_step(compiler, is_and ? STEP_AND_BEGIN : STEP_OR_BEGIN, node);
        step->a = top->operand;
        step->to = compiler_temporary(compiler, top);
        top->operand = OPERAND(BANK_TEMPORARY, step->to);
        top->node = node;
        top->type = SCALAR_BOOLEAN;
        compiler_chain(compiler, top);
        return;
    }
    struct operand *result = compiler_top(compiler, 1);
    struct program_step *step = compiler_step(compiler, is_and ? STEP_AND : STEP_OR, node);
    step->a = top->operand;
    step->to = compiler_temporary(compiler, result);
    compiler_chain(compiler, result);
    compiler_drop(compiler, 1);
}

/* --- CASE --- */

static void take_when(struct compiler *compiler, const struct sql_node *node, struct operand *result)
{
    struct operand *top = compiler_top(compiler, 0);
    uint32_t condition = top->operand;
    if (node->has_operand) {
        compiler_match(compiler, top->node, result + 1, top);
        struct program_step *step = compiler_step(compiler, STEP_COMPARE, top->node);
        step->flags = 2; /* equal */
        step->a = result[1].operand;
        step->b = top->operand;
        step->to = compiler_temporary(compiler, top);
        condition = OPERAND(BANK_TEMPORARY, step->to);
    } else {
        compiler_require(compiler, top, SCALAR_BOOLEAN);
        condition = top->operand;
    }
    struct program_step *step = compiler_step(compiler, STEP_UNLESS_TRUE, node);
    step->a = condition;
    result->next_when = compiler->steps.count - 1;
}

static void take_then(struct compiler *compiler, struct operand *result, bool is_else)
{
    struct operand *top = compiler_top(compiler, 0);
    join_type(compiler, result, top);
    struct program_step *step = compiler_step(compiler, STEP_MOVE, top->node);
    step->a = top->operand;
    step->to = compiler_temporary(compiler, result);
    if (!is_else) {
        compiler_step(compiler, STEP_JUMP, top->node);
        compiler_chain(compiler, result);
        if (!compiler->is_failed) {
            ((struct program_step *)compiler->steps.data)[result->next_when].jump = compiler->steps.count;
        }
    }
}

static void take_case(struct compiler *compiler, const struct sql_node *node)
{
    const uint32_t first = node->has_operand;
    /* The result stands below the operand of the CASE, and below what is on top now. */
    struct operand *result = compiler_top(compiler, 1);
    if (result->node != node) {
        result = compiler_top(compiler, 2);
    }
    const uint32_t index = result->index++;
    if (index < first) {
        return; /* the operand stays */
    }
    const bool is_else = node->has_else && index == node->count - 1;
    if (!is_else && (index - first) % 2 == 0) {
        take_when(compiler, node, result);
    } else {
        take_then(compiler, result, is_else);
    }
    compiler_drop(compiler, 1);
}

static void leave_case(struct compiler *compiler, const struct sql_node *node)
{
    if (node->has_operand) {
        compiler_drop(compiler, 1);
    }
    struct operand *result = compiler_top(compiler, 0);
    if (!node->has_else) {
        const uint32_t null = compiler_constant(compiler, scalar_null());
        struct program_step *step = compiler_step(compiler, STEP_MOVE, node);
        step->a = null;
        step->to = compiler_temporary(compiler, result);
    }
    end(compiler, result);
}

/* --- coalesce, IN --- */

static void take_coalesce(struct compiler *compiler, const struct sql_node *node)
{
    struct operand *result = compiler_top(compiler, 1);
    struct operand *top = compiler_top(compiler, 0);
    join_type(compiler, result, top);
    struct program_step *step = compiler_step(compiler, STEP_UNLESS_NULL, node);
    step->a = top->operand;
    step->to = compiler_temporary(compiler, result);
    compiler_chain(compiler, result);
    compiler_drop(compiler, 1);
}

static void take_in(struct compiler *compiler, const struct sql_node *node)
{
    struct operand *top = compiler_top(compiler, 0);
    if (top->node == node->first) {
        compiler->literal_list = has_only_literals(node) ? node : NULL;
        return; /* what is looked for stays */
    }
    if (compiler->literal_list == node) {
        return; /* and so do literals */
    }
    struct operand *result = compiler_top(compiler, 2);
    compiler_match(compiler, node, compiler_top(compiler, 1), top);
    struct program_step *step = compiler_step(compiler, STEP_IN_ONE, node);
    step->a = compiler_top(compiler, 1)->operand;
    step->b = top->operand;
    step->to = compiler_temporary(compiler, result);
    compiler_chain(compiler, result);
    compiler_drop(compiler, 1);
}

static void leave_in(struct compiler *compiler, const struct sql_node *node)
{
    if (compiler->literal_list == node) {
        compile_in_literals(compiler, node);
        return;
    }
    compiler_drop(compiler, 1);
    struct operand *result = compiler_top(compiler, 0);
    compiler_land(compiler, result);
    if (node->is_negated) {
        struct program_step *step = compiler_step(compiler, STEP_NOT, node);
        step->a = result->operand;
        step->to = compiler_temporary(compiler, result);
    }
}

/* --- all of them --- */

void compile_branch_enter(struct compiler *compiler, const struct sql_node *node)
{
    if (node->kind == SQL_CASE || node->kind == SQL_CALL) {
        begin(compiler, node, SCALAR_NULL);
    } else if (node->kind == SQL_IN_LIST && !has_only_literals(node)) {
        const struct operand *result = begin(compiler, node, SCALAR_BOOLEAN);
        const uint32_t no = compiler_constant(compiler, scalar_boolean(false));
        struct program_step *step = compiler_step(compiler, STEP_MOVE, node);
        step->a = no;
        step->to = result == NULL ? 0 : compiler_temporary(compiler, result);
    }
    if (node->kind == SQL_CALL && (node->count < 2 || node->is_distinct || node->is_star)) {
        compiler_fail(compiler, node, "%.*s takes two arguments or more", (int)node->text.len, node->text.data);
    }
}

void compile_branch_operand(struct compiler *compiler, const struct sql_node *node)
{
    switch (node->kind) {
    case SQL_CASE:
        take_case(compiler, node);
        break;
    case SQL_CALL:
        take_coalesce(compiler, node);
        break;
    case SQL_IN_LIST:
        take_in(compiler, node);
        break;
    default:
        take_condition(compiler, node);
        break;
    }
}

void compile_branch_leave(struct compiler *compiler, const struct sql_node *node)
{
    switch (node->kind) {
    case SQL_CASE:
        leave_case(compiler, node);
        break;
    case SQL_CALL:
        end(compiler, compiler_top(compiler, 0));
        break;
    case SQL_IN_LIST:
        leave_in(compiler, node);
        break;
    default:
        compiler_land(compiler, compiler_top(compiler, 0));
        break;
    }
}

/* compile_calls.c - calls of functions that look at all their arguments.  */
#include "expression/compiler_private.h"

#include "expression/functions.h"

#define NAME_WIDTH(name) ((name).len > 60 ? 60 : (int)(name).len), (name).data

/* The type that a parameter or a text in quotes takes as this argument. */
static enum scalar_type argument_type(enum function_argument argument)
{
    static const uint8_t types[] = {
        [ARGUMENT_STRING] = SCALAR_STRING,   [ARGUMENT_BYTES] = SCALAR_STRING,   [ARGUMENT_NUMBER] = SCALAR_NUMBER,
        [ARGUMENT_INTEGER] = SCALAR_INTEGER, [ARGUMENT_TIME] = SCALAR_DATETIME,
    };
    return types[argument];
}

static void compile_now(struct compiler *compiler, const struct sql_node *node)
{
    struct operand *result = compiler_push(compiler, node, 0, SCALAR_DATETIME);
    if (node->count != 0) {
        compiler_fail(compiler, node, "now takes no argument");
    }
    if (compiler->is_failed) {
        return;
    }
    compiler->is_constant = false;
    struct program_step *step = compiler_step(compiler, STEP_NOW, node);
    step->to = compiler_temporary(compiler, result);
    result->operand = OPERAND(BANK_TEMPORARY, step->to);
}

static void compile_nullif(struct compiler *compiler, const struct sql_node *node)
{
    if (node->count != 2) {
        compiler_fail(compiler, node, "nullif takes two arguments");
        return;
    }
    struct operand *a = compiler_top(compiler, 1);
    struct operand *b = compiler_top(compiler, 0);
    compiler_match(compiler, node, a, b);
    const enum scalar_type type = a->type;
    struct program_step *step = compiler_step(compiler, STEP_NULLIF, node);
    step->a = a->operand;
    step->b = b->operand;
    step->to = compiler_temporary(compiler, a);
    compiler_reduce(compiler, node, 2, type);
}

static void compile_function(struct compiler *compiler, const struct sql_node *node, const struct function *function)
{
    if (node->count < function->count_min || node->count > function->count_max) {
        compiler_fail(compiler, node, "%.*s takes %d%s argument%s", NAME_WIDTH(node->text), function->count_min,
                      function->count_max > function->count_min ? " or more" : "", function->count_max > 1 ? "s" : "");
        return;
    }
    uint32_t operands[FUNCTION_ARGUMENTS_MAX] = {0};
    for (uint32_t i = 0; i < node->count; i++) {
        struct operand *operand = compiler_top(compiler, node->count - 1 - i);
        compiler_adapt(compiler, operand, argument_type(function->arguments[i]), false);
        if (!function_argument_takes(function->arguments[i], operand->type)) {
            compiler_fail(compiler, operand->node, "%.*s takes %s, not %s", NAME_WIDTH(node->text),
                          function_argument_name(function->arguments[i]), scalar_type_name(operand->type));
        }
        operands[i] = operand->operand;
    }
    const struct operand *first = compiler_top(compiler, node->count - 1);
    const enum scalar_type type = function->result == SCALAR_UNKNOWN ? (enum scalar_type)first->type : (enum scalar_type)function->result;
    const struct function **kept = vector_add(compiler, &compiler->functions, sizeof *kept);
    if (kept != NULL) {
        *kept = function;
    }
    struct program_step *step = compiler_step(compiler, STEP_CALL, node);
    step->flags = (uint8_t)node->count;
    step->a = operands[0];
    step->b = operands[1];
    step->c = operands[2];
    step->jump = compiler->functions.count - 1;
    step->to = compiler_temporary(compiler, first);
    compiler_reduce(compiler, node, node->count, type);
}

void compile_call(struct compiler *compiler, const struct sql_node *node)
{
    if (node->is_star || node->is_distinct) {
        compiler_fail(compiler, node, "%.*s is no aggregate function", NAME_WIDTH(node->text));
        return;
    }
    if (bytes_equal_ignore_case(node->text, BYTES("now"))) {
        compile_now(compiler, node);
        return;
    }
    if (bytes_equal_ignore_case(node->text, BYTES("nullif"))) {
        compile_nullif(compiler, node);
        return;
    }
    const struct function *function = function_find(node->text);
    if (function == NULL) {
        compiler_fail(compiler, node, "there is no function %.*s", NAME_WIDTH(node->text));
        return;
    }
    compile_function(compiler, node, function);
}

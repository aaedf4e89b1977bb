/* compiler.c - faults, arrays, operands, steps, types: what all files of the compiler need. See compiler_private.h.  */
#include "expression/compiler_private.h"

#include "expression/compare.h"
#include "expression/decimal.h"
#include "expression/scalar_text.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

enum { VECTOR_MIN = 8, MESSAGE_MAX = 200 };

/* --- faults and arrays --- */

void compiler_fail(struct compiler *compiler, const struct sql_node *node, const char *format, ...)
{
    char message[MESSAGE_MAX];
    if (compiler->is_failed) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    sql_fault_set(compiler->fault, SQL_FAULT_MEANING, compiler->source->text, node->position, "%s", message);
    compiler->is_failed = true;
}

void compiler_no_memory(struct compiler *compiler)
{
    if (!compiler->is_failed) {
        sql_fault_set(compiler->fault, SQL_FAULT_NO_MEMORY, compiler->source->text, compiler->source->root->position,
                      "no memory for the statement");
        compiler->is_failed = true;
    }
}

void *vector_add(struct compiler *compiler, struct vector *vector, size_t size)
{
    if (vector->count == vector->capacity) {
        const uint32_t capacity = vector->capacity == 0 ? VECTOR_MIN : vector->capacity * 2;
        void *data = arena_alloc(compiler->arena, capacity * size);
        if (data == NULL) {
            compiler_no_memory(compiler);
            return NULL;
        }
        if (vector->count > 0) {
            memcpy(data, vector->data, vector->count * size);
        }
        vector->data = data;
        vector->capacity = capacity;
    }
    void *element = (char *)vector->data + vector->count++ * size;
    memset(element, 0, size);
    return element;
}

/* --- operands --- */

struct operand *compiler_push(struct compiler *compiler, const struct sql_node *node, uint32_t operand, enum scalar_type type)
{
    struct operand *pushed = vector_add(compiler, &compiler->stack, sizeof *pushed);
    if (pushed != NULL) {
        *pushed = (struct operand){.node = node, .operand = operand, .type = (uint8_t)type, .chain = NO_JUMP, .next_when = NO_JUMP};
    }
    return pushed;
}

struct operand *compiler_top(struct compiler *compiler, uint32_t below)
{
    assert(below < compiler->stack.count);
    return (struct operand *)compiler->stack.data + (compiler->stack.count - 1 - below);
}

void compiler_drop(struct compiler *compiler, uint32_t count)
{
    assert(count <= compiler->stack.count);
    compiler->stack.count -= count;
}

uint32_t compiler_constant(struct compiler *compiler, struct scalar value)
{
    struct scalar *constant = vector_add(compiler, &compiler->constants, sizeof *constant);
    if (constant == NULL) {
        return 0;
    }
    *constant = value;
    return OPERAND(BANK_CONSTANT, compiler->constants.count - 1);
}

uint32_t compiler_temporary(struct compiler *compiler, const struct operand *operand)
{
    const uint32_t index = (uint32_t)(operand - (struct operand *)compiler->stack.data);
    if (compiler->temporary_count <= index) {
        compiler->temporary_count = index + 1;
    }
    return index;
}

/* --- steps --- */

struct program_step *compiler_step(struct compiler *compiler, enum program_step_kind kind, const struct sql_node *node)
{
    struct program_step *step = vector_add(compiler, &compiler->steps, sizeof *step);
    if (step == NULL) {
        step = &compiler->scratch_step; /* nobody will run it */
    }
    step->kind = (uint8_t)kind;
    step->position = node->position;
    return step;
}

void compiler_chain(struct compiler *compiler, struct operand *operand)
{
    if (!compiler->is_failed) {
        struct program_step *step = (struct program_step *)compiler->steps.data + (compiler->steps.count - 1);
        step->jump = operand->chain;
        operand->chain = compiler->steps.count - 1;
    }
}

void compiler_land(struct compiler *compiler, struct operand *operand)
{
    struct program_step *steps = compiler->steps.data;
    while (!compiler->is_failed && operand->chain != NO_JUMP) {
        struct program_step *step = &steps[operand->chain];
        operand->chain = step->jump;
        step->jump = compiler->steps.count;
    }
}

void compiler_reduce(struct compiler *compiler, const struct sql_node *node, uint32_t count, enum scalar_type type)
{
    compiler_drop(compiler, count - 1);
    struct operand *result = compiler_top(compiler, 0);
    result->node = node;
    result->operand = OPERAND(BANK_TEMPORARY, compiler_temporary(compiler, result));
    result->type = (uint8_t)type;
}

/* --- types --- */

struct scalar compiler_parse(struct compiler *compiler, const struct sql_node *node, enum scalar_type type)
{
    struct scalar value = scalar_null();
    const enum expression_result result = scalar_parse(type, node->text, compiler->arena, &value);
    if (result == EXPRESSION_NO_MEMORY) {
        compiler_no_memory(compiler);
    } else if (result != EXPRESSION_OK) {
        compiler_fail(compiler, node, "'%.*s' is no %s", node->text.len > 60 ? 60 : (int)node->text.len, node->text.data,
                      scalar_type_name(type));
    }
    return value;
}

static void set_parameter(struct compiler *compiler, struct operand *operand, enum scalar_type type)
{
    uint8_t *known = &compiler->source->parameter_types[operand->node->integer - 1];
    if (*known == SCALAR_UNKNOWN) {
        *known = (uint8_t)(type == SCALAR_NULL || type == SCALAR_UNKNOWN ? SCALAR_STRING : type);
    }
    operand->type = *known;
}

/* A text in quotes beside a value of another type. */
static void adapt_text(struct compiler *compiler, struct operand *operand, enum scalar_type type)
{
    struct scalar value;
    if (type == SCALAR_DATE && scalar_parse(type, operand->node->text, compiler->arena, &value) != EXPRESSION_OK) {
        type = SCALAR_DATETIME; /* a date may be compared with a moment */
    }
    if (type == SCALAR_DATE || type == SCALAR_DATETIME || type == SCALAR_UUID || type == SCALAR_JSON || type == SCALAR_BLOB) {
        value = compiler_parse(compiler, operand->node, type);
        operand->operand = compiler_constant(compiler, value);
        operand->type = value.type;
    }
}

void compiler_adapt(struct compiler *compiler, struct operand *operand, enum scalar_type type, bool is_loose)
{
    struct scalar value;
    if (operand->type == SCALAR_UNKNOWN) {
        set_parameter(compiler, operand, is_loose && type == SCALAR_INTEGER ? SCALAR_NUMBER : type);
    } else if (operand->node->kind == SQL_TEXT && operand->type == SCALAR_STRING) {
        adapt_text(compiler, operand, type);
    } else if (operand->node->kind == SQL_NUMBER && type == SCALAR_DECIMAL && decimal_parse(operand->node->text, &value)) {
        operand->operand = compiler_constant(compiler, value);
        operand->type = SCALAR_DECIMAL;
    }
}

void compiler_match(struct compiler *compiler, const struct sql_node *node, struct operand *a, struct operand *b)
{
    compiler_adapt(compiler, a, b->type, true);
    compiler_adapt(compiler, b, a->type, true);
    if (!scalar_types_compare(a->type, b->type)) {
        compiler_fail(compiler, node, "%s cannot be compared with %s", scalar_type_name(a->type), scalar_type_name(b->type));
    }
}

void compiler_require(struct compiler *compiler, struct operand *operand, enum scalar_type type)
{
    compiler_adapt(compiler, operand, type, false);
    if (operand->type != type && operand->type != SCALAR_NULL) {
        compiler_fail(compiler, operand->node, "%s was expected, not %s", scalar_type_name(type), scalar_type_name(operand->type));
    }
}

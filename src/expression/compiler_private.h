/* compiler_private.h - what the files of the compiler share.
 *
 * Operands that wait for their operator stand on a stack. An operator's result goes into the temporary with the index of its place on the
 * stack, where its first operand stood: a step reads all its operands before it writes.  */
#ifndef EXPRESSION_COMPILER_PRIVATE_H
#define EXPRESSION_COMPILER_PRIVATE_H

#include "expression/program.h"
#include "expression/source.h"
#include "mem/arena.h"
#include "sql/fault.h"

enum { NO_JUMP = UINT32_MAX };

struct operand {
    const struct sql_node *node;
    uint32_t operand;   /* program.h */
    uint8_t type;       /* enum scalar_type */
    bool is_mixed;      /* CASE, coalesce: branches had several types */
    uint32_t chain;     /* the last jump to the end of this operator, which leads to those before it */
    uint32_t next_when; /* CASE: the jump to the next WHEN */
    uint32_t index;     /* how many operands have been compiled */
};

/* A growing array in the arena. */
struct vector {
    void *data;
    uint32_t count, capacity;
};

struct compiler {
    const struct expression_source *source;
    struct arena *arena;
    struct sql_fault *fault;
    struct vector stack, steps, constants, likes, sets, functions;
    uint32_t temporary_count;
    struct program_step scratch_step;
    const struct sql_node *resolved; /* the node that was entered last has a slot */
    const struct sql_node *literal_list; /* the IN whose list is walked over now, when it has only literals */
    bool is_failed, is_constant;
};

/* --- compiler.c: faults, arrays, operands, steps, types --- */
void compiler_fail(struct compiler *compiler, const struct sql_node *node, const char *format, ...) PRINTF_LIKE(3, 4);
void compiler_no_memory(struct compiler *compiler);
/* One more element of `size` bytes, zeroed; NULL: failed. */
void *vector_add(struct compiler *compiler, struct vector *vector, size_t size);

struct operand *compiler_push(struct compiler *compiler, const struct sql_node *node, uint32_t operand, enum scalar_type type);
/* The operand that stands `below` places under the top. */
struct operand *compiler_top(struct compiler *compiler, uint32_t below);
void compiler_drop(struct compiler *compiler, uint32_t count);
uint32_t compiler_constant(struct compiler *compiler, struct scalar value);
/* The temporary at the operand's place on the stack. */
uint32_t compiler_temporary(struct compiler *compiler, const struct operand *operand);
/* A step for the node; never NULL (a scratch one after a fault). Set its operands before the next one is added. */
struct program_step *compiler_step(struct compiler *compiler, enum program_step_kind kind, const struct sql_node *node);
/* The last step jumps to the end of the operator. */
void compiler_chain(struct compiler *compiler, struct operand *operand);
/* All its jumps lead here. */
void compiler_land(struct compiler *compiler, struct operand *operand);
/* `count` operands become one, which the last step has put into the temporary of the first. */
void compiler_reduce(struct compiler *compiler, const struct sql_node *node, uint32_t count, enum scalar_type type);

/* Literals and parameters take a type from what they stand beside. is_loose: beside an integer a parameter may be any number. */
void compiler_adapt(struct compiler *compiler, struct operand *operand, enum scalar_type type, bool is_loose);
/* Both to each other, and both must go together. */
void compiler_match(struct compiler *compiler, const struct sql_node *node, struct operand *a, struct operand *b);
/* It must be of the type, or null. */
void compiler_require(struct compiler *compiler, struct operand *operand, enum scalar_type type);
/* A value of the type from its text in quotes, or a fault. */
struct scalar compiler_parse(struct compiler *compiler, const struct sql_node *node, enum scalar_type type);

/* --- compile_operators.c, compile_branches.c, compile_calls.c --- */
void compile_operator(struct compiler *compiler, const struct sql_node *node);
void compile_in_literals(struct compiler *compiler, const struct sql_node *node);

/* Operators that do not look at all their operands. */
bool compile_is_branching(const struct sql_node *node);
void compile_branch_enter(struct compiler *compiler, const struct sql_node *node);
/* An operand is on top of the stack. */
void compile_branch_operand(struct compiler *compiler, const struct sql_node *node);
void compile_branch_leave(struct compiler *compiler, const struct sql_node *node);

void compile_call(struct compiler *compiler, const struct sql_node *node);

#endif

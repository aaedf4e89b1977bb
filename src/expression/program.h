/* program.h - a compiled expression: steps over operands in four banks. What compile.h gives, and evaluate.h runs.
 *
 *     operand    31 30 | 29 .. 0
 *                bank    index in it
 *
 *     slots        of the row, the caller's         constants   of the program
 *     parameters   of the statement, the caller's   temporaries of the run
 *
 * A step reads a, b and c and writes a temporary. Jumps go forward, so that a program ends; its result is an operand, too.
 *
 * Memory     In the arena that it was compiled in.
 * Threads    Never changed afterwards: any number of threads may run it.  */
#ifndef EXPRESSION_PROGRAM_H
#define EXPRESSION_PROGRAM_H

#include "expression/functions.h"
#include "expression/like.h"
#include "expression/scalar.h"

enum program_bank { BANK_SLOT, BANK_CONSTANT, BANK_PARAMETER, BANK_TEMPORARY, BANK_COUNT };

#define OPERAND(bank, index) ((uint32_t)(bank) << 30 | (uint32_t)(index))
enum { OPERAND_INDEX_MAX = (1 << 30) - 1 };

enum program_step_kind {
    STEP_MOVE,            /* to = a */
    STEP_JUMP,            /* to jump */
    STEP_UNLESS_TRUE,     /* to jump unless a is true */
    STEP_UNLESS_NULL,     /* to = a; to jump unless it is null */
    STEP_AND_BEGIN,       /* to = a; to jump if it is false */
    STEP_AND,             /* to = to AND a; the same */
    STEP_OR_BEGIN,
    STEP_OR,
    STEP_NOT,
    STEP_COMPARE,         /* flags: a bit for less, equal, greater */
    STEP_COMPARE_INTEGER, /* the same of two integers */
    STEP_COMPARE_STRING,
    STEP_IS_NULL,         /* flags: 1 when negated, as in the next five */
    STEP_BETWEEN,         /* a, b, c */
    STEP_LIKE,            /* a; b: the pattern; c: the escape */
    STEP_LIKE_READ,       /* a; jump: which of the program's patterns */
    STEP_LIKE_PREFIX,     /* a begins with the constant b */
    STEP_IN_SET,          /* a; jump: which of the program's sets */
    STEP_IN_ONE,          /* to = to OR a = b; to jump if it is true */
    STEP_NULLIF,
    STEP_ADD,             /* in the order of enum arithmetic */
    STEP_SUBTRACT,
    STEP_MULTIPLY,
    STEP_DIVIDE,
    STEP_REMAINDER,
    STEP_NEGATE,
    STEP_CONCAT,
    STEP_JSON,            /* flags: 1 for ->> */
    STEP_CAST,            /* flags: the type; b, c: precision and scale, plus 1 */
    STEP_CALL,            /* jump: which of the program's functions; a, b, c: arguments, `flags` of them */
    STEP_NOW,
};

struct program_step {
    uint8_t kind;  /* enum program_step_kind */
    uint8_t flags;
    uint32_t to;   /* a temporary's index */
    uint32_t a, b, c;
    uint32_t jump;
    uint32_t position; /* in the statement's text, for errors */
};

struct value_set;

/* IN over literals: their values in order, without repetition; or over what a query has given. */
struct program_set {
    const struct value_set *given; /* NULL: literals */
    struct scalar *values;
    uint32_t count;
    bool has_null;
};

struct program {
    enum scalar_type type; /* of the result; SCALAR_NUMBER: as it comes */
    uint32_t result;       /* an operand */
    uint32_t step_count, temporary_count;
    const struct program_step *steps;
    const struct scalar *constants;
    const struct like *likes;
    const struct program_set *sets;
    const struct function *const *functions;
    bool is_constant; /* neither slots nor parameters nor now() are read */
};

/* Its result is the value of a slot, as that stands in the row: `result` is the slot's index. */
static inline bool program_is_slot(const struct program *program)
{
    return program->result >> 30 == BANK_SLOT;
}

#endif

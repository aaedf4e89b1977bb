/* evaluate.h - a program over a row.
 *
 *     run.slots = row;
 *     result = program_run(program, &run, &value);       or program_is_true for a condition
 *     arena_empty(run.arena);                            when no text of the result is needed any more, a row or some rows later
 *
 * Threads    A run belongs to one thread; a program to all.
 * Memory     Nothing is allocated but texts that functions, || and CAST make, patterns of LIKE that are no literals, and they are in the arena.
 * Cost       O(steps), and what texts take. Nothing recurses, jumps go forward.  */
#ifndef EXPRESSION_EVALUATE_H
#define EXPRESSION_EVALUATE_H

#include "expression/program.h"

struct program_run_state {
    const struct scalar *slots;      /* the row; each of its slot's type, or null */
    const struct scalar *parameters; /* each of its parameter's type, or null */
    struct scalar *temporaries;      /* at least the program's temporary_count; nothing has to be in them */
    struct arena *arena;
    int64_t now_us;                  /* what now() is: the same in a whole statement */
    uint32_t position;               /* of the step that failed */
};

/* The result, of the program's type or null. Its text is lent from the row, the parameters, the program or the arena.
 * Anything but EXPRESSION_OK: run->position says where, *out is not set.  */
MUST_USE enum expression_result program_run(const struct program *program, struct program_run_state *run, struct scalar *out);
/* Of a condition: true, neither false nor null. */
MUST_USE enum expression_result program_is_true(const struct program *program, struct program_run_state *run, bool *is_true);

#endif

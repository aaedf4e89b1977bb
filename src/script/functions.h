/* functions.h - the functions of all threads: the set of libraries that holds now, and each thread's Lua state with what it has loaded of it.
 *
 * FUNCTION LOAD runs a library's code on the thread of its connection, and makes a new set. Another thread runs the code once more, when it is
 * asked for a function of it: so what a library keeps in local variables is each thread's own (docs/COMPATIBILITY.md). While code is being
 * loaded it sees redis.register_function and redis.log, and nothing else.
 *
 * Threads    functions_change: under all batons. functions_hold, functions_count: any. The others: a thread's own part.
 * Memory     MEM_SCRIPT. A thread holds the set that it has last looked at, and its loaded code, until it looks again.
 * Invariant  What a thread's state has loaded is in the set that it holds.
 * Limits     FUNCTION_LOAD_MS of function_load.h for the code of a library; it is ended then.
 * Source     Redis 7.0's documentation of functions.  */
#ifndef SCRIPT_FUNCTIONS_H
#define SCRIPT_FUNCTIONS_H

#include "script/function_set.h"

struct exec;
struct functions;
struct script_state;
struct thread;

/* For `thread_count` threads. NULL: no memory. functions_destroy: while no shard thread runs. */
struct functions *functions_create(uint32_t thread_count) MUST_USE;
void functions_destroy(struct functions *functions);

/* The set that holds now. Gives: function_set_release. */
struct function_set *functions_hold(struct functions *functions) MUST_USE;
/* Takes the set, which holds from now on. On the thread that has loaded what is new in it (functions_load). */
void functions_change(struct exec *exec, struct function_set *set);

/* How many there are; what their code takes; what all Lua states take. Any thread. */
struct function_counts {
    uint32_t libraries, functions;
    uint64_t bytes, state_bytes;
};
void functions_count(struct functions *functions, struct function_counts *out);

/* --- of the calling thread: exec->thread --- */

/* Libraries whose names are taken. */
struct function_others {
    struct function_library *const *libraries;
    uint32_t count;
};
/* Runs a library's code: a new library, held once, that is loaded in this thread's state. NULL: replied why. Whoever does not put it into
 * the set calls functions_forget. */
struct function_library *functions_load(struct exec *exec, struct bytes code, const struct function_others *others) MUST_USE;
void functions_forget(struct exec *exec, const struct function_library *library);
/* The function of this name: lent until the thread looks again. NULL: there is none. */
const struct function_place *functions_find(struct exec *exec, struct bytes name);

/* A function that is about to run, and runs: others have their turn meanwhile (script/run.h), and may change the set. */
struct function_call {
    struct script_state *state;       /* the function is on its stack */
    struct function_library *library; /* held */
    const struct function *function;
};
/* False: replied why not. */
MUST_USE bool functions_begin(struct exec *exec, const struct function_place *place, struct function_call *call);
void functions_end(struct exec *exec, struct function_call *call);

#endif

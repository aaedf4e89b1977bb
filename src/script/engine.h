/* engine.h - scripts of the whole server: the registry, and a Lua state for each thread.
 *
 * Threads    script_engine_create, script_engine_destroy: while no shard thread runs. A thread's state is its own.
 * Memory     MEM_SCRIPT.  */
#ifndef SCRIPT_ENGINE_H
#define SCRIPT_ENGINE_H

#include "base/attributes.h"
#include "script/registry.h"
#include "script/state.h"

struct exec;
struct reply;
struct server;
struct thread;

struct script_engine {
    struct scripts *scripts;
    const struct server *server;
    struct script_runs *runs;        /* that have paused: runs.h */
    uint32_t thread_count;
    _Atomic uint64_t *bytes;         /* by thread: of its state; relaxed */
    struct script_state *states[];   /* by thread; NULL: none yet */
};

/* NULL: no memory. Becomes server->scripts. */
struct script_engine *script_engine_create(const struct server *server) MUST_USE;
void script_engine_destroy(struct script_engine *engine);

/* The calling thread's state, opened or emptied if it has to be; another one while a script that has paused has that. NULL: no memory. */
struct script_state *script_engine_state(struct thread *thread) MUST_USE;
/* It is not used any more for now. */
void script_engine_leave(struct script_state *state);
/* Pushes the script's function. False: Lua's message, or that memory is out, was replied, and nothing is pushed. */
MUST_USE bool script_push_function(struct exec *exec, struct script_state *state, struct script *script);
/* The script of a text: a known one, or a new one that has compiled. Gives: script_release. NULL: replied why. */
struct script *script_of_text(struct exec *exec, struct script_state *state, struct bytes text) MUST_USE;
/* The memory of all states. Any thread. */
uint64_t script_engine_state_bytes(const struct script_engine *engine);

#endif

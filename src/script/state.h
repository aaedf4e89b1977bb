/* state.h - one Lua state: its memory, and what a script cannot change in it.
 *
 * A script sees globals through a read-only table: what stands behind it is written by script_state_set_global alone. Libraries are
 * hidden behind read-only tables of their own (script_state_protect). The JIT compiler is off: compiled loops call no hooks, so a script in one
 * could not be ended.
 *
 * Threads    A state belongs to one shard thread. Others read `told_bytes`.
 * Memory     thread_alloc, MEM_SCRIPT, up to `limit_bytes`; beyond it Lua raises "not enough memory" in guarded calls, and the state goes on.
 * Invariant  No table that one script shares with the next can be changed by a script.  */
#ifndef SCRIPT_STATE_H
#define SCRIPT_STATE_H

#include "base/attributes.h"
#include "base/bytes.h"

#include <lua.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct script_run;
struct script_runs;

enum { SCRIPT_READONLY_MAX = 24 };

struct script_state {
    lua_State *lua;
    size_t used_bytes;                       /* of all blocks */
    _Atomic uint64_t *told_bytes;            /* of all states of the thread, for other threads: relaxed */
    const _Atomic int64_t *limit_bytes;      /* 0: none */
    const void *readonly[SCRIPT_READONLY_MAX]; /* tables that scripts see and cannot change, by address */
    uint32_t readonly_count;
    uint64_t random;                         /* math.random's: base of Redis's numbers, 48 bits */
    uint32_t guards;                         /* guarded calls under way: see script_state_call */
    const char *stack_start;                 /* where the thread's stack was when the first of them began */
    void *reserve;                           /* given up when memory is refused outside of such a call; NULL: it was */
    struct script_runs *runs;                /* of the server, that have paused: set by who opens it */
    struct script_run *run;                  /* the script that runs now; NULL: none */
    bool is_ending;                          /* the script that runs is killed, at each instruction */
    bool is_deep;                            /* ... has taken too much of the stack, which it is told at each instruction */
    bool refuses_next;                       /* the next request for more memory */
    char end_place[64];                      /* where it was when that was seen, "@user_script:3" */
    bool is_spare;                           /* opened since another one of the thread was in use: engine.h */
    uint64_t generation;                     /* of the scripts that were compiled in it: registry.h */
};

/* It has its reserve, or has it again: before it is used. False: no memory. */
MUST_USE bool script_state_is_ready(struct script_state *state);
/* With Lua's own libraries as scripts may see them, and ready. NULL: no memory. */
struct script_state *script_state_create(const _Atomic int64_t *limit_bytes, _Atomic uint64_t *told_bytes) MUST_USE;
void script_state_destroy(struct script_state *state);
/* That of a C function's argument, coroutine or not. */
struct script_state *script_state_of(lua_State *lua);

/* lua_pcall, in which memory is refused beyond the limit. Outside of such a call a refusal would end the process, so there the little that is
 * asked for is given, if need be in place of the reserve.  */
int script_state_call(lua_State *lua, int arguments, int results, int handler);

/* The value on top of the stack becomes the global `name`; pops it. */
void script_state_set_global(lua_State *lua, const char *name);
/* In place of the table on top of the stack: a table that reads like it and cannot be changed. The table itself stays its maker's. */
void script_state_protect(lua_State *lua);
/* Compiles text, never bytecode: 0 and a function is on the stack, or a status of Lua's and a message. */
int script_state_compile(lua_State *lua, struct bytes text, const char *name);

#endif

/* function_load.h - a library's code run in one Lua state, and the functions that it has registered there.
 *
 * Threads    The Lua state's.
 * Invariant  Between calls the state's globals are those of functions that run; the loading code's are put in their place and taken back.  */
#ifndef SCRIPT_FUNCTION_LOAD_H
#define SCRIPT_FUNCTION_LOAD_H

#include "base/attributes.h"
#include "script/function_library.h"

#include <lua.h>

struct script_state;

enum { FUNCTION_LOAD_ERROR_MAX = 1024, FUNCTION_LOAD_MS = 500 };

#define FUNCTION_ERROR_NAME "Library names can only contain letters, numbers, or underscores(_) and must be at least one character long"

enum function_load_status {
    FUNCTION_LOAD_FINE,
    FUNCTION_LOAD_COMPILING, /* Lua's message is left in `error` */
    FUNCTION_LOAD_RUNNING,   /* the same */
    FUNCTION_LOAD_NO_MEMORY,
};

/* Of a state that script_open has made: it becomes one for functions. False: no memory. */
MUST_USE bool function_load_open(lua_State *lua);
/* Runs the code, which adds its functions to the library. On an error the state has nothing of it. */
MUST_USE enum function_load_status function_load_first(struct script_state *state, struct function_library *library, char *error);
/* Runs the code of a library whose functions are known. */
MUST_USE enum function_load_status function_load_again(struct script_state *state, struct function_library *library, char *error);
/* Pushes a function. False, and nothing is pushed: the library is not loaded here, or without this function. */
MUST_USE bool function_load_push(lua_State *lua, const struct function_library *library, uint32_t index);
/* The state has nothing of the library any more. */
void function_load_forget(lua_State *lua, const struct function_library *library);

#endif

/* api.h - what scripts find in the table `redis`.
 *
 * Threads    That of the Lua state.
 * Source     Redis 7.0's documentation, "Redis Lua API reference".  */
#ifndef SCRIPT_API_H
#define SCRIPT_API_H

#include <lua.h>

/* Leaves the table. */
int script_open_redis(lua_State *lua);

#endif

/* libraries.h - what scripts find beside Lua's own libraries: cjson, cmsgpack and struct, as redis-server 7.0 has them.
 *
 * Each function makes a new library and leaves its table on the Lua stack, like a luaopen_ function; nothing global is set.
 *
 * Threads    A Lua state is one thread's; libraries of different states share nothing.
 * Memory     Everything comes from the state's own allocator. An error that is raised leaves nothing behind that is not collected.
 * Source     https://github.com/redis/lua-cmsgpack and http://www.inf.puc-rio.br/~roberto/struct/ name the functions; bytes and
 *            error texts are those that redis-server 7.0.15 gives.  */
#ifndef SCRIPT_LIBRARIES_H
#define SCRIPT_LIBRARIES_H

#include <lua.h>

/* encode, decode, new, null, _NAME, _VERSION, and the settings of encode and decode, which hold for this state alone. */
int script_open_cjson(lua_State *L);

/* pack, unpack, unpack_one, unpack_limit, and four strings about it. */
int script_open_cmsgpack(lua_State *L);

/* pack, unpack, size. */
int script_open_struct(lua_State *L);

#endif

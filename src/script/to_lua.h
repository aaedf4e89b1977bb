/* to_lua.h - a reply becomes a Lua value, by Redis's rules.
 *
 *   RESP2  integer number, bulk string, null false, +OK {ok=}, -ERR {err=, ignore_error_stats_update=true}, array table
 *   RESP3  null nil, boolean, {double=}, {map=}, {set=}, {big_number=}, {verbatim_string={format=, string=}}
 *
 * Threads    That of the Lua state; inside of a protected call, as memory may be refused.
 * Source     Redis 7.0's documentation of the conversion ("Lua API").  */
#ifndef SCRIPT_TO_LUA_H
#define SCRIPT_TO_LUA_H

#include "base/bytes.h"

#include <lua.h>

/* Pushes the value of one whole reply of this server. */
void script_push_reply(lua_State *lua, struct bytes reply);

#endif

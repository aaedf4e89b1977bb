/* to_reply.h - what a script returns becomes a reply, by Redis's rules.
 *
 *   string bulk, number integer (its fraction is cut), true 1, false and nil null, {ok=} status, {err=} error, table array up to its first nil;
 *   {double=} {map=} {set=} {big_number=} {verbatim_string=}; booleans of RESP3 after redis.setresp(3)
 *
 * Threads    That of the Lua state.
 * Limits     Tables in tables as deep as Lua's stack goes: deeper ones become an error in their place.
 * Source     Redis 7.0's documentation of the conversion ("Lua API").  */
#ifndef SCRIPT_TO_REPLY_H
#define SCRIPT_TO_REPLY_H

#include "net/reply.h"

#include <lua.h>

/* The value on top of the stack, which it pops. `protocol`: what the script has chosen; the client's is the reply's. */
void script_reply_value(lua_State *lua, struct reply *reply, uint8_t protocol);

#endif

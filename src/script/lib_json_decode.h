/* lib_json_decode.h - cjson.decode: JSON as a Lua value.  */
#ifndef SCRIPT_LIB_JSON_DECODE_H
#define SCRIPT_LIB_JSON_DECODE_H

#include <lua.h>

/* A C function with the upvalues of lib_json.h. */
int json_decode(lua_State *L);

#endif

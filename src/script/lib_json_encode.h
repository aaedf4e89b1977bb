/* lib_json_encode.h - cjson.encode: one Lua value as JSON.  */
#ifndef SCRIPT_LIB_JSON_ENCODE_H
#define SCRIPT_LIB_JSON_ENCODE_H

#include <lua.h>

/* A C function with the upvalues of lib_json.h. */
int json_encode(lua_State *L);

#endif

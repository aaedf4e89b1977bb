/* lib_json.h - the settings that a cjson library's functions share. They live in a userdata that is upvalue JSON_SETTINGS of each.  */
#ifndef SCRIPT_LIB_JSON_H
#define SCRIPT_LIB_JSON_H

#include <lua.h>

/* The upvalues of each function: the settings, and room for the text that it makes. */
enum { JSON_SETTINGS = 1, JSON_ROOM = 2 };

enum json_invalid { JSON_INVALID_REFUSED, JSON_INVALID_AS_IS, JSON_INVALID_NULL };

struct json_settings {
    int sparse_convert; /* boolean: a sparse array becomes an object instead of an error */
    int sparse_ratio;   /* an array is sparse if its highest index is over ratio times its items; 0: never */
    int sparse_safe;    /* and over this */
    int encode_depth_max;
    int decode_depth_max;
    int precision;             /* digits of a number */
    int keep_buffer;           /* boolean that is told back: no buffer outlives its call here */
    int encode_invalid;        /* enum json_invalid: NaN and infinities */
    int decode_invalid;        /* enum json_invalid, not NULL: those, hexadecimal numbers, leading zeros and plus signs */
};

static inline struct json_settings *json_settings_of(lua_State *L)
{
    return lua_touserdata(L, lua_upvalueindex(JSON_SETTINGS));
}

#endif

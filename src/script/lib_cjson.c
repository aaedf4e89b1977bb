/* lib_cjson.c - the library cjson: its table, and the functions that tell and change its settings.
 *
 * Debian's lua-cjson is not used: it computes lengths in int, so that a long string makes encode write behind its buffer (CVE-2022-24834),
 * and it takes memory that the Lua state does not count and ends the process when there is none.
 *
 * Threads    The Lua state's: a setting that a script changes holds for later scripts of the same state.  */
#include "script/lib_json.h"
#include "script/lib_json_decode.h"
#include "script/lib_json_encode.h"
#include "script/libraries.h"

#include <lauxlib.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

enum { SPARSE_RATIO = 2, SPARSE_SAFE = 10, DEPTH_MAX = 1000, PRECISION_MAX = 14 };

static void check_count(lua_State *L, int count)
{
    luaL_argcheck(L, lua_gettop(L) <= count, count + 1, "found too many arguments");
    lua_settop(L, count);
}

/* Sets a number between `lowest` and `highest` if argument `arg` is there; pushes it. An error names argument 1, as redis-server does. */
static void option_number(lua_State *L, int arg, int *setting, int lowest, int highest)
{
    if (!lua_isnil(L, arg)) {
        const lua_Integer number = luaL_checkinteger(L, arg);
        luaL_argcheck(L, number >= lowest && number <= highest, 1,
                      lua_pushfstring(L, "expected integer between %d and %d", lowest, highest));
        *setting = (int)number;
    }
    lua_pushinteger(L, *setting);
}

/* Sets one of the names off, on and those behind if argument `arg` is there, a boolean being off or on; pushes it. */
static void option_name(lua_State *L, int arg, int *setting, const char *const *names)
{
    if (lua_isboolean(L, arg)) {
        *setting = lua_toboolean(L, arg);
    } else if (!lua_isnil(L, arg)) {
        *setting = luaL_checkoption(L, arg, NULL, names);
    }
    if (*setting <= 1) {
        lua_pushboolean(L, *setting);
    } else {
        lua_pushstring(L, names[*setting]);
    }
}

static const char *const switch_names[] = {"off", "on", NULL};

static int encode_sparse_array(lua_State *L)
{
    struct json_settings *settings = json_settings_of(L);
    check_count(L, 3);
    option_name(L, 1, &settings->sparse_convert, switch_names);
    option_number(L, 2, &settings->sparse_ratio, 0, INT_MAX);
    option_number(L, 3, &settings->sparse_safe, 0, INT_MAX);
    return 3;
}

static int encode_max_depth(lua_State *L)
{
    check_count(L, 1);
    option_number(L, 1, &json_settings_of(L)->encode_depth_max, 1, INT_MAX);
    return 1;
}

static int decode_max_depth(lua_State *L)
{
    check_count(L, 1);
    option_number(L, 1, &json_settings_of(L)->decode_depth_max, 1, INT_MAX);
    return 1;
}

static int encode_number_precision(lua_State *L)
{
    check_count(L, 1);
    option_number(L, 1, &json_settings_of(L)->precision, 1, PRECISION_MAX);
    return 1;
}

static int encode_keep_buffer(lua_State *L)
{
    check_count(L, 1);
    option_name(L, 1, &json_settings_of(L)->keep_buffer, switch_names);
    return 1;
}

static int encode_invalid_numbers(lua_State *L)
{
    static const char *const names[] = {"off", "on", "null", NULL};
    check_count(L, 1);
    option_name(L, 1, &json_settings_of(L)->encode_invalid, names);
    return 1;
}

static int decode_invalid_numbers(lua_State *L)
{
    check_count(L, 1);
    option_name(L, 1, &json_settings_of(L)->decode_invalid, switch_names);
    return 1;
}

static int new_library(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"encode", json_encode},
        {"decode", json_decode},
        {"encode_sparse_array", encode_sparse_array},
        {"encode_max_depth", encode_max_depth},
        {"decode_max_depth", decode_max_depth},
        {"encode_number_precision", encode_number_precision},
        {"encode_keep_buffer", encode_keep_buffer},
        {"encode_invalid_numbers", encode_invalid_numbers},
        {"decode_invalid_numbers", decode_invalid_numbers},
        {"new", new_library},
    };
    lua_newtable(L);
    struct json_settings *settings = lua_newuserdata(L, sizeof *settings);
    *settings = (struct json_settings){.sparse_ratio = SPARSE_RATIO, .sparse_safe = SPARSE_SAFE, .encode_depth_max = DEPTH_MAX,
        .decode_depth_max = DEPTH_MAX, .precision = PRECISION_MAX, .keep_buffer = true, .decode_invalid = JSON_INVALID_AS_IS};
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        lua_pushvalue(L, -1);
        lua_pushnil(L);
        lua_pushcclosure(L, functions[i].func, 2);
        lua_setfield(L, -3, functions[i].name);
    }
    lua_pop(L, 1);
    lua_pushlightuserdata(L, NULL);
    lua_setfield(L, -2, "null");
    lua_pushliteral(L, "cjson");
    lua_setfield(L, -2, "_NAME");
    lua_pushliteral(L, "2.1.0");
    lua_setfield(L, -2, "_VERSION");
    return 1;
}

int script_open_cjson(lua_State *L)
{
    return new_library(L);
}

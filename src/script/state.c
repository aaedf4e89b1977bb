/* state.c - see state.h.  */
#include "script/state.h"

#include "mem/heap.h"

#include <lauxlib.h>
#include <luajit.h>
#include <lualib.h>
#include <math.h>
#include <string.h>

enum { RESERVE_BYTES = 16384 };

#define ERROR_READONLY "Attempt to modify a readonly table"

/* --- memory --- */

static void count_bytes(struct script_state *state, size_t before, size_t after)
{
    state->used_bytes = state->used_bytes - before + after;
    atomic_fetch_add_explicit(state->told_bytes, after - before, memory_order_relaxed);
}

static bool is_over_limit(const struct script_state *state, size_t more)
{
    const int64_t limit = atomic_load_explicit(state->limit_bytes, memory_order_relaxed);
    return limit > 0 && state->used_bytes + more > (size_t)limit;
}

static void *take(void *block, size_t old_size, size_t new_size)
{
    return block == NULL ? thread_alloc(MEM_SCRIPT, new_size) : thread_realloc(MEM_SCRIPT, block, old_size, new_size);
}

static void give_up_reserve(struct script_state *state)
{
    thread_free(MEM_SCRIPT, state->reserve, RESERVE_BYTES);
    state->reserve = NULL;
}

/* lua_Alloc. What becomes smaller is never refused: Lua relies on it. */
static void *allocate(void *state_pointer, void *block, size_t old_size, size_t new_size)
{
    struct script_state *state = state_pointer;
    old_size = block == NULL ? 0 : old_size;
    if (new_size == 0) {
        if (block != NULL) {
            thread_free(MEM_SCRIPT, block, old_size);
            count_bytes(state, old_size, 0);
        }
        return NULL;
    }
    if (new_size > old_size && state->guards > 0 && UNLIKELY(state->refuses_next || is_over_limit(state, new_size - old_size))) {
        state->refuses_next = false;
        return NULL;
    }
    void *grown = take(block, old_size, new_size);
    if (UNLIKELY(grown == NULL && state->guards == 0 && state->reserve != NULL)) {
        give_up_reserve(state);
        grown = take(block, old_size, new_size);
    }
    if (LIKELY(grown != NULL)) {
        count_bytes(state, old_size, new_size);
    }
    return grown;
}

bool script_state_is_ready(struct script_state *state)
{
    if (UNLIKELY(state->reserve == NULL)) {
        state->reserve = thread_alloc(MEM_SCRIPT, RESERVE_BYTES);
    }
    return state->reserve != NULL;
}

struct script_state *script_state_of(lua_State *lua)
{
    void *state;
    (void)lua_getallocf(lua, &state);
    return state;
}

int script_state_call(lua_State *lua, int arguments, int results, int handler)
{
    struct script_state *state = script_state_of(lua);
    if (state->guards == 0) {
        state->stack_start = __builtin_frame_address(0);
    }
    state->guards++;
    const int status = lua_pcall(lua, arguments, results, handler);
    state->guards--;
    return status;
}

/* --- what cannot be changed --- */

static const char globals_key; /* its address: where the table behind the globals stands in Lua's registry */

static int refuse_change(lua_State *lua)
{
    return luaL_error(lua, ERROR_READONLY);
}

static int refuse_unknown(lua_State *lua)
{
    const char *name = lua_type(lua, 2) == LUA_TSTRING ? lua_tostring(lua, 2) : NULL;
    return luaL_error(lua, "Script attempted to access nonexistent global variable '%s'", name != NULL ? name : "");
}

static void note_readonly(lua_State *lua)
{
    struct script_state *state = script_state_of(lua);
    if (state->readonly_count < SCRIPT_READONLY_MAX) {
        state->readonly[state->readonly_count++] = lua_topointer(lua, -1);
    }
}

/* The table in argument 1. */
static bool is_readonly(lua_State *lua)
{
    const struct script_state *state = script_state_of(lua);
    const void *table = lua_topointer(lua, 1);
    bool is_found = false;
    for (uint32_t i = 0; i < state->readonly_count && !is_found; i++) {
        is_found = state->readonly[i] == table;
    }
    return is_found;
}

void script_state_protect(lua_State *lua)
{
    lua_createtable(lua, 0, 0);
    lua_createtable(lua, 0, 3);
    lua_pushvalue(lua, -3);
    lua_setfield(lua, -2, "__index");
    lua_pushcfunction(lua, refuse_change);
    lua_setfield(lua, -2, "__newindex");
    lua_createtable(lua, 0, 0);
    lua_setfield(lua, -2, "__metatable");
    lua_setmetatable(lua, -2);
    lua_remove(lua, -2);
    note_readonly(lua);
}

void script_state_set_global(lua_State *lua, const char *name)
{
    lua_pushlightuserdata(lua, (void *)(uintptr_t)&globals_key);
    lua_rawget(lua, LUA_REGISTRYINDEX);
    lua_insert(lua, -2);
    lua_pushstring(lua, name);
    lua_insert(lua, -2);
    lua_rawset(lua, -3);
    lua_pop(lua, 1);
}

/* --- functions in place of Lua's own --- */

static int safe_rawset(lua_State *lua)
{
    luaL_checktype(lua, 1, LUA_TTABLE);
    luaL_checkany(lua, 2);
    luaL_checkany(lua, 3);
    if (is_readonly(lua)) {
        lua_pushliteral(lua, ERROR_READONLY);
        return lua_error(lua);
    }
    lua_settop(lua, 3);
    lua_rawset(lua, 1);
    return 1;
}

static int safe_setmetatable(lua_State *lua)
{
    const int type = lua_type(lua, 2);
    luaL_checktype(lua, 1, LUA_TTABLE);
    luaL_argcheck(lua, type == LUA_TNIL || type == LUA_TTABLE, 2, "nil or table expected");
    if (is_readonly(lua)) {
        lua_pushliteral(lua, ERROR_READONLY);
        return lua_error(lua);
    }
    if (luaL_getmetafield(lua, 1, "__metatable")) {
        return luaL_error(lua, "cannot change a protected metatable");
    }
    lua_settop(lua, 2);
    lua_setmetatable(lua, 1);
    return 1;
}

static int safe_rawget(lua_State *lua)
{
    luaL_checktype(lua, 1, LUA_TTABLE);
    luaL_checkany(lua, 2);
    lua_settop(lua, 2);
    if (is_readonly(lua)) {
        lua_getmetatable(lua, 1);
        lua_getfield(lua, -1, "__index");
        lua_replace(lua, 1);
        lua_settop(lua, 2);
    }
    lua_rawget(lua, 1);
    return 1;
}

/* As Lua's own, which would write into the table that hides another. */
static int safe_insert(lua_State *lua)
{
    luaL_checktype(lua, 1, LUA_TTABLE);
    if (UNLIKELY(is_readonly(lua))) {
        lua_pushliteral(lua, ERROR_READONLY);
        return lua_error(lua);
    }
    const int count = lua_gettop(lua);
    int at = (int)lua_objlen(lua, 1) + 1;
    if (count == 3) {
        const int wanted = (int)luaL_checkinteger(lua, 2);
        for (at = wanted > at ? wanted : at; at > wanted; at--) {
            lua_rawgeti(lua, 1, at - 1);
            lua_rawseti(lua, 1, at);
        }
    } else if (count != 2) {
        return luaL_error(lua, "wrong number of arguments to 'insert'");
    }
    lua_settop(lua, count);
    lua_rawseti(lua, 1, at);
    return 0;
}

/* An error with a text, as commands raise it, is given as this text. */
static int safe_pcall(lua_State *lua)
{
    luaL_checkany(lua, 1);
    const bool is_good = lua_pcall(lua, lua_gettop(lua) - 1, LUA_MULTRET, 0) == 0;
    if (!is_good && lua_istable(lua, -1)) {
        lua_getfield(lua, -1, "err");
        if (lua_isstring(lua, -1)) {
            lua_replace(lua, -2);
        } else {
            lua_pop(lua, 1);
        }
    }
    lua_pushboolean(lua, is_good);
    lua_insert(lua, 1);
    return lua_gettop(lua);
}

/* pairs and next, upvalue 1, that see what stands behind a read-only table. */
static int safe_pairs(lua_State *lua)
{
    luaL_checktype(lua, 1, LUA_TTABLE);
    if (is_readonly(lua)) {
        lua_getmetatable(lua, 1);
        lua_getfield(lua, -1, "__index");
        lua_createtable(lua, 0, 0); /* a copy: the table itself must not get out */
        lua_pushnil(lua);
        while (lua_next(lua, -3) != 0) {
            lua_pushvalue(lua, -2);
            lua_insert(lua, -2);
            lua_rawset(lua, -4);
        }
        lua_replace(lua, 1);
    }
    lua_settop(lua, 1);
    lua_pushvalue(lua, lua_upvalueindex(1));
    lua_insert(lua, 1);
    lua_pushnil(lua);
    return 3;
}

int script_state_compile(lua_State *lua, struct bytes text, const char *name)
{
    return luaL_loadbufferx(lua, text.data, text.len, name, "t");
}

static int give_compiled(lua_State *lua, int status)
{
    if (status == 0) {
        return 1;
    }
    lua_pushnil(lua);
    lua_insert(lua, -2);
    return 2;
}

static int safe_loadstring(lua_State *lua)
{
    size_t len;
    const char *text = luaL_checklstring(lua, 1, &len);
    const char *name = luaL_optstring(lua, 2, text);
    return give_compiled(lua, script_state_compile(lua, (struct bytes){text, len}, name));
}

/* Lua's own load, upvalue 1, told to take no bytecode. */
static int safe_load(lua_State *lua)
{
    luaL_checktype(lua, 1, LUA_TFUNCTION);
    lua_settop(lua, 2);
    if (lua_isnil(lua, 2)) {
        lua_pushliteral(lua, "=(load)");
        lua_replace(lua, 2);
    }
    lua_pushliteral(lua, "t");
    lua_pushvalue(lua, lua_upvalueindex(1));
    lua_insert(lua, 1);
    lua_call(lua, 3, LUA_MULTRET);
    return lua_gettop(lua);
}

/* Without what would keep the collector from its work for the scripts to come. */
static int safe_collectgarbage(lua_State *lua)
{
    const char *what = luaL_optstring(lua, 1, "collect");
    if (strcmp(what, "count") == 0) {
        lua_pushnumber(lua, (lua_Number)lua_gc(lua, LUA_GCCOUNT, 0) + (lua_Number)lua_gc(lua, LUA_GCCOUNTB, 0) / 1024);
    } else if (strcmp(what, "collect") == 0) {
        lua_pushinteger(lua, lua_gc(lua, LUA_GCCOLLECT, 0));
    } else if (strcmp(what, "step") == 0) {
        lua_pushboolean(lua, lua_gc(lua, LUA_GCSTEP, 0));
    } else {
        lua_pushinteger(lua, 0);
    }
    return 1;
}

static int refuse_setn(lua_State *lua)
{
    return luaL_error(lua, "'setn' is obsolete");
}

/* --- math.random: the numbers of drand48(3), POSIX, from its first state on --- */

#define RANDOM_FIRST UINT64_C(0x1234ABCD330E)
#define RANDOM_MASK ((UINT64_C(1) << 48) - 1)

static int random_number(lua_State *lua)
{
    struct script_state *state = script_state_of(lua);
    state->random = (state->random * UINT64_C(0x5DEECE66D) + 0xB) & RANDOM_MASK;
    const lua_Number number = (lua_Number)((state->random >> 17) % INT32_MAX) / (lua_Number)INT32_MAX;
    const int count = lua_gettop(lua);
    if (count == 0) {
        lua_pushnumber(lua, number);
        return 1;
    }
    if (count > 2) {
        return luaL_error(lua, "wrong number of arguments");
    }
    const int low = count == 1 ? 1 : (int)luaL_checkinteger(lua, 1);
    const int high = (int)luaL_checkinteger(lua, count);
    luaL_argcheck(lua, low <= high, count, "interval is empty");
    lua_pushnumber(lua, floor(number * ((lua_Number)high - low + 1)) + low);
    return 1;
}

static int random_seed(lua_State *lua)
{
    const uint32_t seed = (uint32_t)(int)luaL_checkinteger(lua, 1);
    script_state_of(lua)->random = (uint64_t)seed << 16 | 0x330E;
    return 0;
}

/* --- a new state --- */

/* A library of Lua's, under its name in the table at `globals`. */
static void open_library(lua_State *lua, lua_CFunction open, const char *name, int globals)
{
    lua_pushcfunction(lua, open);
    lua_pushstring(lua, name);
    lua_call(lua, 1, 0);
    (void)globals;
}

static void set_function(lua_State *lua, int table, const char *name, lua_CFunction function)
{
    lua_pushcfunction(lua, function);
    lua_setfield(lua, table, name);
}

/* A function over Lua's own of the name `own`, which it has as its upvalue. */
static void wrap_function(lua_State *lua, int table, const char *name, const char *own, lua_CFunction function)
{
    lua_getfield(lua, table, own);
    lua_pushcclosure(lua, function, 1);
    lua_setfield(lua, table, name);
}

static void change_base(lua_State *lua, int globals)
{
    static const char *const hidden[] = {"print", "dofile", "loadfile", "newproxy", "module", "require", "getfenv", "setfenv", "jit"};
    wrap_function(lua, globals, "pairs", "next", safe_pairs);
    wrap_function(lua, globals, "load", "load", safe_load);
    set_function(lua, globals, "loadstring", safe_loadstring);
    set_function(lua, globals, "pcall", safe_pcall);
    set_function(lua, globals, "rawget", safe_rawget);
    set_function(lua, globals, "rawset", safe_rawset);
    set_function(lua, globals, "setmetatable", safe_setmetatable);
    set_function(lua, globals, "collectgarbage", safe_collectgarbage);
    for (size_t i = 0; i < sizeof hidden / sizeof hidden[0]; i++) {
        lua_pushnil(lua);
        lua_setfield(lua, globals, hidden[i]);
    }
}

static void rename_function(lua_State *lua, const char *from, const char *to)
{
    lua_getfield(lua, -1, from);
    lua_setfield(lua, -2, to);
}

/* Functions of Lua 5.1 under the names that LuaJIT has not. */
static void change_libraries(lua_State *lua, int globals)
{
    lua_getfield(lua, globals, "math");
    rename_function(lua, "fmod", "mod");
    set_function(lua, lua_gettop(lua), "random", random_number);
    set_function(lua, lua_gettop(lua), "randomseed", random_seed);
    lua_pop(lua, 1);
    lua_getfield(lua, globals, "string");
    rename_function(lua, "gmatch", "gfind");
    lua_pop(lua, 1);
    lua_getfield(lua, globals, "table");
    set_function(lua, lua_gettop(lua), "setn", refuse_setn);
    set_function(lua, lua_gettop(lua), "insert", safe_insert);
    lua_pushnil(lua);
    lua_setfield(lua, -2, "move");
    lua_pop(lua, 1);
    lua_getfield(lua, globals, "coroutine");
    lua_pushnil(lua);
    lua_setfield(lua, -2, "isyieldable");
    lua_pop(lua, 1);
}

/* Of the os library a clock is left, which costs nothing and says nothing. */
static void open_os(lua_State *lua, int globals)
{
    open_library(lua, luaopen_os, LUA_OSLIBNAME, globals);
    lua_getfield(lua, globals, "os");
    lua_createtable(lua, 0, 1);
    lua_getfield(lua, -2, "clock");
    lua_setfield(lua, -2, "clock");
    lua_setfield(lua, globals, "os");
    lua_pop(lua, 1);
}

/* Scripts find methods of strings through a table that they can see, and not change. */
static void protect_strings(lua_State *lua, int globals)
{
    lua_pushliteral(lua, "");
    lua_getmetatable(lua, -1);
    lua_createtable(lua, 0, 1);
    lua_getfield(lua, globals, "string");
    lua_setfield(lua, -2, "__index");
    script_state_protect(lua);
    lua_setfield(lua, -2, "__metatable");
    lua_pop(lua, 2);
}

/* The global table of scripts: empty, with what stands at `globals` behind it. */
static void protect_globals(lua_State *lua, int globals)
{
    static const char *const libraries[] = {"string", "table", "math", "coroutine", "bit", "os"};
    for (size_t i = 0; i < sizeof libraries / sizeof libraries[0]; i++) {
        lua_getfield(lua, globals, libraries[i]);
        script_state_protect(lua);
        lua_setfield(lua, globals, libraries[i]);
    }
    lua_pushlightuserdata(lua, (void *)(uintptr_t)&globals_key);
    lua_pushvalue(lua, globals);
    lua_rawset(lua, LUA_REGISTRYINDEX);
    lua_createtable(lua, 0, 1);
    lua_pushcfunction(lua, refuse_unknown);
    lua_setfield(lua, -2, "__index");
    lua_setmetatable(lua, globals);
    lua_pushvalue(lua, globals);
    script_state_protect(lua);
    lua_pushvalue(lua, -1);
    lua_setfield(lua, globals, "_G");
    lua_replace(lua, LUA_GLOBALSINDEX);
}

static int open_all(lua_State *lua)
{
    luaJIT_setmode(lua, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF);
    lua_pushvalue(lua, LUA_GLOBALSINDEX);
    const int globals = lua_gettop(lua);
    open_library(lua, luaopen_base, "", globals);
    open_library(lua, luaopen_table, LUA_TABLIBNAME, globals);
    open_library(lua, luaopen_string, LUA_STRLIBNAME, globals);
    open_library(lua, luaopen_math, LUA_MATHLIBNAME, globals);
    open_library(lua, luaopen_bit, LUA_BITLIBNAME, globals);
    open_os(lua, globals);
    change_base(lua, globals);
    change_libraries(lua, globals);
    protect_globals(lua, globals);
    protect_strings(lua, globals);
    lua_pushnil(lua);
    lua_setfield(lua, LUA_REGISTRYINDEX, "_LOADED"); /* libraries as they were, which nobody asks for without require */
    return 0;
}

struct script_state *script_state_create(const _Atomic int64_t *limit_bytes, _Atomic uint64_t *told_bytes)
{
    struct script_state *state = thread_alloc_zeroed(MEM_SCRIPT, sizeof *state);
    if (state == NULL) {
        return NULL;
    }
    state->limit_bytes = limit_bytes;
    state->told_bytes = told_bytes;
    state->random = RANDOM_FIRST;
    if (!script_state_is_ready(state)) { /* first: lua_newstate does not bear a refusal in its middle */
        script_state_destroy(state);
        return NULL;
    }
    state->lua = lua_newstate(allocate, state);
    if (state->lua == NULL || lua_cpcall(state->lua, (lua_CFunction)open_all, NULL) != 0) {
        script_state_destroy(state);
        return NULL;
    }
    if (!script_state_is_ready(state)) {
        script_state_destroy(state);
        return NULL;
    }
    return state;
}

void script_state_destroy(struct script_state *state)
{
    if (state == NULL) {
        return;
    }
    if (state->lua != NULL) {
        lua_close(state->lua);
    }
    if (state->reserve != NULL) {
        give_up_reserve(state);
    }
    thread_free(MEM_SCRIPT, state, sizeof *state);
}

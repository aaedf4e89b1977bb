/* function_load.c - see function_load.h.
 *
 * In the state's registry: at loaded_key a table from libraries, by address, to arrays of their functions; at loading_key the struct loading of
 * the code that runs, and at loading_globals_key what it sees.  */
#include "script/function_load.h"

#include "base/clock.h"
#include "script/api.h"
#include "script/function_head.h"
#include "script/registry.h"
#include "script/state.h"
#include "script/tail_calls.h"

#include <lauxlib.h>
#include <stdio.h>

enum { HOOK_INSTRUCTIONS = 10000 };

static const char loaded_key, loading_key, loading_globals_key;

struct loading {
    struct function_library *library;
    bool is_first; /* its functions are added to the library */
    enum function_load_status status;
    int64_t end_ms; /* monotonic */
};

static void push_registered(lua_State *lua, const char *key)
{
    lua_pushlightuserdata(lua, (void *)(uintptr_t)key);
    lua_rawget(lua, LUA_REGISTRYINDEX);
}

/* The value on top of the stack, which goes. */
static void set_registered(lua_State *lua, const char *key)
{
    lua_pushlightuserdata(lua, (void *)(uintptr_t)key);
    lua_insert(lua, -2);
    lua_rawset(lua, LUA_REGISTRYINDEX);
}

/* --- redis.register_function --- */

static int raise(lua_State *lua, const char *text)
{
    lua_pushstring(lua, text);
    return lua_error(lua);
}

static bool add_flag(struct bytes name, uint32_t *flags)
{
    for (size_t i = 0; i < FUNCTION_FLAGS; i++) {
        if (bytes_equal_ignore_case(bytes_of_string(function_flag_names[i].name), name)) {
            *flags |= function_flag_names[i].flag;
            return true;
        }
    }
    return false;
}

/* Of the array on top of the stack, up to its first nil. */
static uint32_t read_flags(lua_State *lua)
{
    uint32_t flags = 0;
    if (!lua_istable(lua, -1)) {
        raise(lua, "flags argument to redis.register_function must be a table representing function flags");
    }
    for (int i = 1;; i++) {
        struct bytes name = {NULL, 0};
        lua_rawgeti(lua, -1, i);
        if (lua_isnil(lua, -1)) {
            lua_pop(lua, 1);
            return flags;
        }
        if (lua_type(lua, -1) == LUA_TSTRING) {
            name.data = lua_tolstring(lua, -1, &name.len);
        }
        if (name.data == NULL || !add_flag(name, &flags)) {
            raise(lua, "unknown flag given");
        }
        lua_pop(lua, 1);
    }
}

static struct bytes text_at(lua_State *lua, int index)
{
    struct bytes text = {NULL, 0};
    if (lua_isstring(lua, index)) {
        text.data = lua_tolstring(lua, index, &text.len);
    }
    return text;
}

/* Where the arguments of a table stand while it is read: what is named is anchored there, as numbers become strings on the stack alone. */
enum { ARGUMENT_CALLBACK = 2, ARGUMENT_NAME, ARGUMENT_DESCRIPTION, ARGUMENT_KEY, ARGUMENT_VALUE };

/* The value as a text that is anchored at `place`; else the error. */
static struct bytes take_text(lua_State *lua, int place, const char *error)
{
    lua_pushvalue(lua, ARGUMENT_VALUE);
    const struct bytes text = text_at(lua, -1);
    if (text.data == NULL) {
        raise(lua, error);
    }
    lua_replace(lua, place);
    return text;
}

static void read_named(lua_State *lua, struct function *function)
{
    lua_pushvalue(lua, ARGUMENT_KEY); /* a copy, since lua_next needs the key as it is */
    const struct bytes key = text_at(lua, -1);
    if (key.data == NULL) {
        raise(lua, "named argument key given to redis.register_function is not a string");
    } else if (bytes_equal_ignore_case(key, BYTES("function_name"))) {
        function->name = take_text(lua, ARGUMENT_NAME, "function_name argument given to redis.register_function must be a string");
    } else if (bytes_equal_ignore_case(key, BYTES("description"))) {
        function->description =
            take_text(lua, ARGUMENT_DESCRIPTION, "description argument given to redis.register_function must be a string");
    } else if (bytes_equal_ignore_case(key, BYTES("callback"))) {
        if (!lua_isfunction(lua, ARGUMENT_VALUE)) {
            raise(lua, "callback argument given to redis.register_function must be a function");
        }
        lua_pushvalue(lua, ARGUMENT_VALUE);
        lua_replace(lua, ARGUMENT_CALLBACK);
    } else if (bytes_equal_ignore_case(key, BYTES("flags"))) {
        lua_pushvalue(lua, ARGUMENT_VALUE);
        function->flags = read_flags(lua);
    } else {
        raise(lua, "unknown argument given to redis.register_function");
    }
}

/* From a table; the callback is on top of the stack then. */
static void read_table(lua_State *lua, struct function *function)
{
    lua_settop(lua, ARGUMENT_KEY); /* the first key is nil */
    while (lua_next(lua, 1) != 0) {
        read_named(lua, function);
        lua_settop(lua, ARGUMENT_KEY);
    }
    if (function->name.data == NULL) {
        raise(lua, "redis.register_function must get a function name argument");
    }
    if (lua_isnil(lua, ARGUMENT_CALLBACK)) {
        raise(lua, "redis.register_function must get a callback argument");
    }
    lua_settop(lua, ARGUMENT_CALLBACK);
}

/* From two arguments; the callback is on top of the stack then. */
static void read_pair(lua_State *lua, struct function *function)
{
    function->name = text_at(lua, 1);
    if (function->name.data == NULL) {
        raise(lua, "first argument to redis.register_function must be a string");
    }
    if (!lua_isfunction(lua, 2)) {
        raise(lua, "second argument to redis.register_function must be a function");
    }
}

static void read_arguments(lua_State *lua, struct function *function)
{
    const int count = lua_gettop(lua);
    if (count < 1 || count > 2) {
        raise(lua, "wrong number of arguments to redis.register_function");
    }
    if (count == 1 && !lua_istable(lua, 1)) {
        raise(lua, "calling redis.register_function with a single argument is only applicable to Lua table (representing named arguments).");
    }
    if (count == 1) {
        read_table(lua, function);
    } else {
        read_pair(lua, function);
    }
    if (!function_name_is_valid(function->name)) {
        raise(lua, FUNCTION_ERROR_NAME);
    }
}

static int register_function(lua_State *lua)
{
    struct function function = {.name = {NULL, 0}};
    push_registered(lua, &loading_key);
    struct loading *loading = lua_touserdata(lua, -1);
    lua_pop(lua, 1);
    if (loading == NULL) {
        return raise(lua, "redis.register_function can only be called on FUNCTION LOAD command");
    }
    read_arguments(lua, &function);
    struct function_library *library = loading->library;
    if (loading->is_first) {
        switch (function_library_add(library, &function)) {
        case RESULT_OK:
            break;
        case RESULT_EXISTS:
            return raise(lua, "Function already exists in the library");
        default:
            return raise(lua, "out of memory");
        }
    }
    const int64_t index = function_library_find(library, function.name);
    if (index >= 0) {
        push_registered(lua, &loaded_key);
        lua_pushlightuserdata(lua, library);
        lua_rawget(lua, -2);
        lua_pushvalue(lua, -3);
        lua_rawseti(lua, -2, (int)index + 1);
    }
    return 0;
}

/* --- what loading code sees --- */

static int refuse_unknown(lua_State *lua)
{
    const char *name = lua_type(lua, 2) == LUA_TSTRING ? lua_tostring(lua, 2) : "";
    return luaL_error(lua, "Script attempted to access nonexistent global variable '%s'", name);
}

/* The table on top of the stack has nothing but what it has. */
static void close_table(lua_State *lua)
{
    lua_createtable(lua, 0, 1);
    lua_pushcfunction(lua, refuse_unknown);
    lua_setfield(lua, -2, "__index");
    lua_setmetatable(lua, -2);
}

/* Of the table of script_open_redis, at `redis`. */
static void push_loading_globals(lua_State *lua, int redis)
{
    static const char *const names[] = {"log", "LOG_DEBUG", "LOG_VERBOSE", "LOG_NOTICE", "LOG_WARNING", "REDIS_VERSION", "REDIS_VERSION_NUM"};
    lua_createtable(lua, 0, 1);
    lua_createtable(lua, 0, 8);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        lua_getfield(lua, redis, names[i]);
        lua_setfield(lua, -2, names[i]);
    }
    lua_pushcfunction(lua, register_function);
    lua_setfield(lua, -2, "register_function");
    close_table(lua);
    script_state_protect(lua);
    lua_setfield(lua, -2, "redis");
    close_table(lua);
}

static int open_all(lua_State *lua)
{
    static const char *const hidden[] = {"breakpoint", "debug", "replicate_commands"};
    lua_settop(lua, 0);
    lua_createtable(lua, 0, 0);
    set_registered(lua, &loaded_key);
    lua_pushcfunction(lua, script_open_redis);
    lua_call(lua, 0, 1);
    push_loading_globals(lua, 1);
    set_registered(lua, &loading_globals_key);
    for (size_t i = 0; i < sizeof hidden / sizeof hidden[0]; i++) {
        lua_pushnil(lua);
        lua_setfield(lua, 1, hidden[i]);
    }
    script_state_protect(lua);
    script_state_set_global(lua, "redis");
    return 0;
}

bool function_load_open(lua_State *lua)
{
    return lua_cpcall(lua, open_all, NULL) == 0;
}

/* The value on top of the stack, which goes, is what stands behind the globals. What stood there before is pushed. */
static void exchange_globals(lua_State *lua)
{
    lua_pushvalue(lua, LUA_GLOBALSINDEX);
    lua_getmetatable(lua, -1);
    lua_getfield(lua, -1, "__index"); /* new globals meta old */
    lua_pushvalue(lua, -4);
    lua_setfield(lua, -3, "__index");
    lua_replace(lua, -4);             /* old globals meta */
    lua_pop(lua, 2);
}

/* --- loading --- */

static void look_at_clock(lua_State *lua, lua_Debug *unused)
{
    (void)unused;
    push_registered(lua, &loading_key);
    const struct loading *loading = lua_touserdata(lua, -1);
    lua_pop(lua, 1);
    if (loading != NULL && clock_monotonic_us() / 1000 >= loading->end_ms) {
        raise(lua, "FUNCTION LOAD timeout");
    }
}

/* The array of the library's functions, to be filled. */
static void begin_functions(lua_State *lua, struct function_library *library)
{
    push_registered(lua, &loaded_key);
    lua_pushlightuserdata(lua, library);
    lua_createtable(lua, (int)library->count, 0);
    lua_rawset(lua, -3);
    lua_pop(lua, 1);
}

/* The code runs, with the globals of loading code. A message is on top of the stack then, or nil. */
static void run_code(lua_State *lua, struct loading *loading)
{
    lua_pushlightuserdata(lua, loading);
    set_registered(lua, &loading_key);
    push_registered(lua, &loading_globals_key);
    exchange_globals(lua);
    lua_insert(lua, -2); /* globals code */
    const lua_Hook hook = lua_gethook(lua);
    const int mask = lua_gethookmask(lua), count = lua_gethookcount(lua);
    lua_sethook(lua, look_at_clock, LUA_MASKCOUNT, HOOK_INSTRUCTIONS);
    const int status = lua_pcall(lua, 0, 0, 0);
    lua_sethook(lua, hook, mask, count);
    if (status == 0) {
        lua_pushnil(lua);
    }
    lua_insert(lua, -2);
    exchange_globals(lua);
    lua_pop(lua, 1);
    lua_pushnil(lua);
    set_registered(lua, &loading_key);
}

/* As script_state_compile. What is wrong with the code is said of it as it is. */
static int compile(lua_State *lua, struct bytes code)
{
    struct buffer changed = BUFFER_EMPTY(MEM_SCRIPT);
    int status = -1;
    if (tail_calls_change(code, &changed)) {
        status = script_state_compile(lua, buffer_bytes(&changed), "@user_function");
        lua_pop(lua, status != 0);
    }
    buffer_release(&changed);
    return status == 0 ? 0 : script_state_compile(lua, code, "@user_function");
}

static int load_all(lua_State *lua)
{
    struct loading *loading = lua_touserdata(lua, 1);
    struct function_library *library = loading->library;
    const struct bytes code = {library->code.data + library->code_start, library->code.len - library->code_start};
    lua_settop(lua, 0);
    loading->status = FUNCTION_LOAD_COMPILING;
    if (compile(lua, code) != 0) {
        return lua_error(lua);
    }
    loading->status = FUNCTION_LOAD_RUNNING;
    begin_functions(lua, library);
    run_code(lua, loading);
    if (!lua_isnil(lua, -1)) {
        return lua_error(lua);
    }
    loading->status = FUNCTION_LOAD_FINE;
    return 0;
}

/* What was raised is on top of the stack, and goes: a text, or a table with one. */
static void take_message(lua_State *lua, enum function_load_status status, char *error)
{
    bool has_code = status == FUNCTION_LOAD_COMPILING;
    if (lua_istable(lua, -1)) {
        lua_pushliteral(lua, "err");
        lua_rawget(lua, -2);
        lua_replace(lua, -2);
        has_code = true;
    }
    const char *text = lua_type(lua, -1) == LUA_TSTRING ? lua_tostring(lua, -1) : "unknown error";
    snprintf(error, FUNCTION_LOAD_ERROR_MAX, "%s%s", has_code ? "" : "ERR ", text);
    lua_pop(lua, 1);
}

static enum function_load_status load(struct script_state *state, struct loading *loading, char *error)
{
    lua_State *lua = state->lua;
    loading->end_ms = clock_monotonic_us() / 1000 + FUNCTION_LOAD_MS;
    lua_pushcfunction(lua, load_all);
    lua_pushlightuserdata(lua, loading);
    const int status = script_state_call(lua, 1, 0, 0);
    if (status == 0) {
        return FUNCTION_LOAD_FINE;
    }
    function_load_forget(lua, loading->library);
    if (status == LUA_ERRMEM) {
        lua_pop(lua, 1);
        loading->status = FUNCTION_LOAD_NO_MEMORY;
    } else {
        take_message(lua, loading->status, error);
    }
    lua_gc(lua, LUA_GCCOLLECT, 0); /* memory may have been out for the code itself, too */
    return loading->status;
}

enum function_load_status function_load_first(struct script_state *state, struct function_library *library, char *error)
{
    struct loading loading = {.library = library, .is_first = true};
    return load(state, &loading, error);
}

enum function_load_status function_load_again(struct script_state *state, struct function_library *library, char *error)
{
    struct loading loading = {.library = library};
    return load(state, &loading, error);
}

bool function_load_push(lua_State *lua, const struct function_library *library, uint32_t index)
{
    push_registered(lua, &loaded_key);
    lua_pushlightuserdata(lua, (void *)(uintptr_t)library);
    lua_rawget(lua, -2);
    lua_replace(lua, -2);
    if (lua_istable(lua, -1)) {
        lua_rawgeti(lua, -1, (int)index + 1);
        lua_replace(lua, -2);
    }
    const bool is_found = lua_isfunction(lua, -1);
    if (!is_found) {
        lua_pop(lua, 1);
    }
    return is_found;
}

void function_load_forget(lua_State *lua, const struct function_library *library)
{
    push_registered(lua, &loaded_key);
    lua_pushlightuserdata(lua, (void *)(uintptr_t)library);
    lua_rawget(lua, -2);
    const bool is_there = !lua_isnil(lua, -1);
    lua_pop(lua, 1);
    if (is_there) { /* its place is there: nothing is allocated */
        lua_pushlightuserdata(lua, (void *)(uintptr_t)library);
        lua_pushnil(lua);
        lua_rawset(lua, -3);
    }
    lua_pop(lua, 1);
}

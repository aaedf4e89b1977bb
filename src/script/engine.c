/* engine.c - see engine.h.  */
#include "script/engine.h"

#include "exec/exec.h"
#include "mem/heap.h"
#include "net/reply.h"
#include "script/keys_used.h"
#include "script/open.h"
#include "script/runs.h"
#include "script/shebang.h"
#include "script/tail_calls.h"
#include "shard/server.h"
#include "shard/thread.h"

#include <lauxlib.h>

static size_t engine_bytes(uint32_t thread_count)
{
    return sizeof(struct script_engine) + thread_count * (sizeof(struct script_state *) + sizeof(_Atomic uint64_t));
}

struct script_engine *script_engine_create(const struct server *server)
{
    struct script_engine *engine = thread_alloc_zeroed(MEM_SCRIPT, engine_bytes(server->shard_count));
    if (engine == NULL) {
        return NULL;
    }
    engine->server = server;
    engine->thread_count = server->shard_count;
    engine->bytes = (_Atomic uint64_t *)&engine->states[engine->thread_count];
    engine->scripts = scripts_create(&server->secret, server->shard_count);
    engine->runs = script_runs_create();
    if (engine->scripts == NULL || engine->runs == NULL) {
        script_engine_destroy(engine);
        return NULL;
    }
    return engine;
}

void script_engine_destroy(struct script_engine *engine)
{
    if (engine == NULL) {
        return;
    }
    for (uint32_t i = 0; i < engine->thread_count; i++) {
        script_state_destroy(engine->states[i]);
    }
    scripts_destroy(engine->scripts);
    script_runs_destroy(engine->runs);
    thread_free(MEM_SCRIPT, engine, engine_bytes(engine->thread_count));
}

/* --- the state of a thread --- */

/* Scripts are compiled anew in it. */
static struct script_state *open_spare(struct thread *thread, uint64_t generation)
{
    struct script_engine *engine = thread->server->scripts;
    struct script_state *state = script_open(&thread->server->config->lua_memory_limit, &engine->bytes[thread->number]);
    if (state != NULL) {
        state->generation = generation;
        state->runs = engine->runs;
        state->is_spare = true;
    }
    return state;
}

void script_engine_leave(struct script_state *state)
{
    if (UNLIKELY(state->is_spare)) {
        script_state_destroy(state);
    }
}

struct script_state *script_engine_state(struct thread *thread)
{
    struct script_engine *engine = thread->server->scripts;
    struct script_state **state = &engine->states[thread->number];
    const uint64_t generation = scripts_generation(engine->scripts);
    if (LIKELY(*state != NULL && (*state)->generation == generation && (*state)->run == NULL)) {
        return LIKELY(script_state_is_ready(*state)) ? *state : NULL;
    }
    if (*state != NULL && (*state)->run != NULL) {
        return open_spare(thread, generation);
    }
    script_state_destroy(*state);
    *state = script_open(&thread->server->config->lua_memory_limit, &engine->bytes[thread->number]);
    if (*state != NULL) {
        (*state)->generation = generation;
        (*state)->runs = engine->runs;
    }
    return *state;
}

uint64_t script_engine_state_bytes(const struct script_engine *engine)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < engine->thread_count; i++) {
        bytes += atomic_load_explicit(&engine->bytes[i], memory_order_relaxed);
    }
    return bytes;
}

/* --- scripts in it --- */

struct compiling {
    struct bytes code;
    int status;
};

/* With the script's function, or a message, left on the stack; inside of a protected call, as memory may be out. */
static int compile(lua_State *lua)
{
    struct compiling *compiling = lua_touserdata(lua, 1);
    lua_pop(lua, 1);
    compiling->status = script_state_compile(lua, compiling->code, "@user_script");
    return 1;
}

/* 0: the function is pushed; else a message is. */
static int push_text(lua_State *lua, struct bytes code)
{
    struct compiling compiling = {.code = code};
    lua_pushcfunction(lua, compile);
    lua_pushlightuserdata(lua, &compiling);
    const int status = script_state_call(lua, 1, 1, 0);
    return status != 0 ? status : compiling.status;
}

/* The same. What is wrong with a text is said of it as it is. */
static int push_compiled(lua_State *lua, struct bytes code)
{
    struct buffer changed = BUFFER_EMPTY(MEM_SCRIPT);
    int status = -1;
    if (tail_calls_change(code, &changed)) {
        status = push_text(lua, buffer_bytes(&changed));
        lua_pop(lua, status != 0);
    }
    buffer_release(&changed);
    return status == 0 ? 0 : push_text(lua, code);
}

static int keep(lua_State *lua)
{
    lua_pushinteger(lua, luaL_ref(lua, LUA_REGISTRYINDEX));
    return 1;
}

/* The function on top of the stack is kept for the next time, if there is memory; it stays there. */
static void keep_function(lua_State *lua, int *function)
{
    lua_pushcfunction(lua, keep);
    lua_pushvalue(lua, -2);
    if (script_state_call(lua, 1, 1, 0) == 0) {
        *function = (int)lua_tointeger(lua, -1);
    }
    lua_pop(lua, 1);
}

bool script_push_function(struct exec *exec, struct script_state *state, struct script *script)
{
    lua_State *lua = state->lua;
    int *function = &script->functions[exec->thread->number];
    const bool is_of_state = script->generation == state->generation && !state->is_spare;
    if (LIKELY(is_of_state && *function != 0)) {
        lua_rawgeti(lua, LUA_REGISTRYINDEX, *function);
        return true;
    }
    const struct bytes code = {script->text.data + script->code_start, script->text.len - script->code_start};
    if (push_compiled(lua, code) != 0) {
        const char *text = lua_type(lua, -1) == LUA_TSTRING ? lua_tostring(lua, -1) : "unknown error";
        reply_errorf(exec->reply, "ERR Error compiling script (new function): %s", text);
        lua_pop(lua, 1);
        return false;
    }
    if (is_of_state) {
        keep_function(lua, function);
    }
    return true;
}

/* A new script of this text that has not been compiled yet. NULL: replied why. */
static struct script *make_script(struct exec *exec, struct bytes text)
{
    char error[SHEBANG_ERROR_MAX];
    size_t code_start;
    uint32_t flags;
    if (!shebang_read(text, &code_start, &flags, error)) {
        reply_errorf(exec->reply, "ERR %s", error);
        return NULL;
    }
    struct script *script = scripts_make(exec->server->scripts->scripts, text);
    if (script == NULL) {
        reply_error(exec->reply, "ERR out of memory");
        return NULL;
    }
    script->code_start = code_start;
    script->flags = flags;
    script->keeps_to_keys = script_keeps_to_keys(exec->server, (struct bytes){text.data + code_start, text.len - code_start});
    return script;
}

struct script *script_of_text(struct exec *exec, struct script_state *state, struct bytes text)
{
    struct scripts *scripts = exec->server->scripts->scripts;
    struct script *script = scripts_find_text(scripts, text);
    if (LIKELY(script != NULL)) {
        return script;
    }
    script = make_script(exec, text);
    if (script == NULL) {
        return NULL;
    }
    if (!script_push_function(exec, state, script)) {
        script_release(script);
        return NULL;
    }
    lua_pop(state->lua, 1);
    scripts_add(scripts, script);
    return script;
}

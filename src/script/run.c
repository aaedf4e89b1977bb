/* run.c - see run.h.  */
#include "script/run.h"

#include "client/session.h"
#include "exec/exec.h"
#include "exec/fiber.h"
#include "mem/heap.h"
#include "script/registry.h"
#include "script/state.h"
#include "script/to_reply.h"
#include "shard/server.h"

#include <lauxlib.h>
#include <stdio.h>

#define ERROR_OOM_FLAG "OOM allow-oom flag is not set on the script, can not run it when used memory > 'maxmemory'"
#define ERROR_RO_FLAG "ERR Can not execute a script with write flag using *_ro command."

/* --- errors --- */

static const char handler_key; /* its address: where handle_error stands in Lua's registry */

/* Where the error was raised: *where says it. The function itself is a level, and that of C which raised it may be one. */
static bool find_place(lua_State *lua, lua_Debug *where)
{
    bool is_found = lua_getstack(lua, 1, where) != 0 && lua_getinfo(lua, "Sl", where) != 0;
    if (is_found && strcmp(where->what, "C") == 0) {
        is_found = lua_getstack(lua, 2, where) != 0 && lua_getinfo(lua, "Sl", where) != 0;
    }
    return is_found && where->currentline > 0;
}

/* Every error becomes a table {err, source, line}. */
static int handle_error(lua_State *lua)
{
    lua_Debug where;
    const bool has_place = find_place(lua, &where);
    if (!lua_istable(lua, 1)) {
        const char *text = lua_tostring(lua, 1);
        lua_createtable(lua, 0, 3);
        lua_pushfstring(lua, "ERR %s", text != NULL ? text : luaL_typename(lua, 1));
        lua_setfield(lua, -2, "err");
        lua_replace(lua, 1);
    }
    lua_settop(lua, 1);
    if (has_place) {
        lua_pushliteral(lua, "source");
        lua_pushstring(lua, where.source);
        lua_rawset(lua, 1);
        lua_pushliteral(lua, "line");
        lua_pushinteger(lua, where.currentline);
        lua_rawset(lua, 1);
    }
    return 1;
}

/* A field of the table at 1 as text; `otherwise` when it has none. It stays on the stack. */
static const char *text_field(lua_State *lua, const char *name, const char *otherwise)
{
    lua_pushstring(lua, name);
    lua_rawget(lua, 1);
    const char *text = lua_isstring(lua, -1) ? lua_tostring(lua, -1) : NULL;
    return text != NULL ? text : otherwise;
}

/* The reply of an error that was raised: a table, at 1. */
static int reply_raised(lua_State *lua)
{
    const struct script_run *run = lua_touserdata(lua, 2);
    struct reply *reply = run->exec->reply;
    const char *text = text_field(lua, "err", "ERR unknown error");
    const char *source = text_field(lua, "source", NULL);
    const char *line = text_field(lua, "line", NULL);
    if (source != NULL && line != NULL) {
        lua_pushfstring(lua, "%s script: %s, on %s:%s.", text, run->task->name, source, line);
        reply_error(reply, lua_tostring(lua, -1));
    } else {
        reply_error(reply, text);
    }
    lua_pushliteral(lua, "ignore_error_stats_update");
    lua_rawget(lua, 1);
    reply->is_error = lua_toboolean(lua, -1) ? REPLY_ERROR_COUNTED : REPLY_ERROR;
    return 0;
}

/* The function has failed; what it raised is on top of the stack, which it pops. */
static void reply_failure(lua_State *lua, struct script_run *run)
{
    struct reply *reply = run->exec->reply;
    const struct script_state *state = script_state_of(lua);
    if (state->is_ending) {
        reply_errorf(reply, "ERR Script killed by user with SCRIPT KILL... script: %s, on %s.", run->task->name, state->end_place);
        lua_pop(lua, 1);
        return;
    }
    if (!lua_istable(lua, -1)) { /* memory is out, or the handler has failed */
        const char *text = lua_type(lua, -1) == LUA_TSTRING ? lua_tostring(lua, -1) : "unknown error";
        reply_errorf(reply, "ERR %s script: %s", text, run->task->name);
        lua_pop(lua, 1);
        lua_gc(lua, LUA_GCCOLLECT, 0);
        return;
    }
    lua_pushcfunction(lua, reply_raised);
    lua_insert(lua, -2);
    lua_pushlightuserdata(lua, run);
    if (script_state_call(lua, 2, 0, 0) != 0) {
        reply_rewind(reply);
        reply_error(reply, "ERR out of memory");
        lua_pop(lua, 1);
        lua_gc(lua, LUA_GCCOLLECT, 0);
    }
}

/* --- one that runs long --- */

enum {
    HOOK_EVERY = 1000, /* instructions, in which a script takes some 1 MB of the stack at most */
    STACK_BYTES_MAX = FIBER_STACK_BYTES / 2,
    ENDING_BYTES = 64,
};

/* From here on every instruction ends the script, so no pcall of its own goes on behind it. It ends as if memory were out: that is the one
 * error for which Lua calls no handler, which might loop, too, and in which no hook is called.  */
static void end_now(lua_State *lua, lua_Debug *where, lua_Hook hook)
{
    struct script_state *state = script_state_of(lua);
    if (!state->is_ending) {
        state->is_ending = true;
        lua_getinfo(lua, "Sl", where);
        snprintf(state->end_place, sizeof state->end_place, "%.48s:%d", where->source, where->currentline);
        lua_sethook(lua, hook, LUA_MASKCOUNT, 1);
    }
    state->refuses_next = true;
    (void)lua_newuserdata(lua, ENDING_BYTES);
    state->refuses_next = false;
}

/* Others have their turn; the connection's database is its own meanwhile. */
static void pause(struct script_run *run, struct script_runs *runs)
{
    struct exec *exec = run->exec;
    if (!run->entry.is_listed) {
        script_runs_add(runs, &run->entry);
    }
    exec->session->db = run->session_db;
    (void)exec_pause(exec->thread);
    exec->session->db = exec->db;
}

/* A script that calls itself through C functions (string.gsub, coroutines) takes of this thread's stack, which Lua does not watch: it gets an
 * error, and one at every instruction until it has come out again, whatever pcall of its own goes on.  */
static void check_stack(lua_State *lua, struct script_state *state, lua_Hook hook)
{
    const char *here = __builtin_frame_address(0);
    const bool is_deep = (size_t)(state->stack_start - here) > STACK_BYTES_MAX;
    if (UNLIKELY(is_deep != state->is_deep)) {
        state->is_deep = is_deep;
        lua_sethook(lua, hook, LUA_MASKCOUNT, is_deep ? 1 : HOOK_EVERY);
    }
    if (UNLIKELY(is_deep)) {
        lua_pushliteral(lua, "C stack overflow");
        (void)lua_error(lua);
    }
}

static void look(lua_State *lua, lua_Debug *where)
{
    struct script_state *state = script_state_of(lua);
    struct script_run *run = state->run;
    if (run != NULL && UNLIKELY(exec_pause_is_due(run->exec->thread))) {
        pause(run, state->runs);
    }
    if (run != NULL && (UNLIKELY(exec_must_end(run->exec->thread)) || atomic_load_explicit(&run->entry.is_killed, memory_order_relaxed))) {
        end_now(lua, where, look);
    }
    check_stack(lua, state, look);
}

static void stop_ending(struct script_state *state)
{
    if (UNLIKELY(state->is_ending || state->is_deep)) {
        state->is_ending = state->is_deep = false;
        lua_sethook(state->lua, look, LUA_MASKCOUNT, HOOK_EVERY);
    }
}

void script_open_handler(lua_State *lua)
{
    lua_pushlightuserdata(lua, (void *)(uintptr_t)&handler_key);
    lua_pushcfunction(lua, handle_error);
    lua_rawset(lua, LUA_REGISTRYINDEX);
    lua_sethook(lua, look, LUA_MASKCOUNT, HOOK_EVERY);
}

/* --- a run --- */

static void push_words(lua_State *lua, const struct exec *exec, uint32_t first, uint32_t count)
{
    lua_createtable(lua, (int)count, 0);
    for (uint32_t i = 0; i < count; i++) {
        lua_pushlstring(lua, exec->argv[first + i].data, exec->argv[first + i].len);
        lua_rawseti(lua, -2, (int)i + 1);
    }
}

/* The function, at 1, with KEYS and ARGV, in a protected call. */
static int call_function(lua_State *lua)
{
    const struct script_run *run = lua_touserdata(lua, 2);
    const struct script_task *task = run->task;
    const struct exec *exec = run->exec;
    const uint32_t first_argument = task->first_key + task->key_count;
    lua_settop(lua, 1);
    push_words(lua, exec, task->first_key, task->key_count);
    if (task->has_globals) {
        script_state_set_global(lua, "KEYS");
    }
    push_words(lua, exec, first_argument, exec->argc - first_argument);
    if (task->has_globals) {
        script_state_set_global(lua, "ARGV");
    }
    lua_call(lua, task->has_globals ? 0 : 2, 1);
    return 1;
}

/* False: its flags forbid it to run now, which was replied. */
static bool may_run(const struct exec *exec, const struct script_task *task)
{
    const bool is_plain = (task->flags & SCRIPT_IS_PLAIN) != 0;
    if (!is_plain && task->is_read_only && (task->flags & SCRIPT_NO_WRITES) == 0) {
        reply_error(exec->reply, ERROR_RO_FLAG);
        return false;
    }
    if (!is_plain && exec->is_out_of_memory && (task->flags & (SCRIPT_ALLOW_OOM | SCRIPT_NO_WRITES)) == 0) {
        reply_error(exec->reply, ERROR_OOM_FLAG);
        return false;
    }
    return true;
}

static void release_buffers(struct script_run *run)
{
    buffer_release(&run->words);
    buffer_release(&run->texts);
    buffer_release(&run->replies);
    buffer_release(&run->reply_own);
}

void script_run(struct exec *exec, struct script_state *state, const struct script_task *task)
{
    lua_State *lua = state->lua;
    if (!may_run(exec, task)) {
        lua_pop(lua, 1);
        return;
    }
    struct script_run run = {
        .exec = exec,
        .task = task,
        .is_read_only = task->is_read_only || (task->flags & SCRIPT_NO_WRITES) != 0,
        .allows_oom = !exec->is_out_of_memory || (task->flags & SCRIPT_ALLOW_OOM) != 0,
        .protocol = 2,
        .words = BUFFER_EMPTY(MEM_SCRIPT),
        .texts = BUFFER_EMPTY(MEM_SCRIPT),
        .replies = BUFFER_EMPTY(MEM_SCRIPT),
        .reply_own = BUFFER_EMPTY(MEM_SCRIPT),
    };
    struct session *session = exec->session;
    run.session_db = session->db;
    run.entry.is_function = task->is_function;
    state->run = &run;
    lua_pushlightuserdata(lua, (void *)(uintptr_t)&handler_key);
    lua_rawget(lua, LUA_REGISTRYINDEX);
    lua_insert(lua, -2);
    lua_pushcfunction(lua, call_function);
    lua_insert(lua, -2);
    lua_pushlightuserdata(lua, &run);
    const int handler = lua_gettop(lua) - 3;
    const int status = script_state_call(lua, 2, 1, handler);
    script_runs_remove(state->runs, &run.entry);
    session->db = run.session_db;
    exec->db = run.session_db;
    if (status == 0) {
        script_reply_value(lua, exec->reply, run.protocol);
    } else {
        reply_failure(lua, &run);
    }
    stop_ending(state);
    lua_pop(lua, 1); /* the handler */
    state->run = NULL;
    release_buffers(&run);
}

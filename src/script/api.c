/* api.c - see api.h.  */
#include "script/api.h"

#include "acl/users.h"
#include "base/number.h"
#include "base/sha1.h"
#include "client/feed.h"
#include "client/monitor.h"
#include "client/permission.h"
#include "client/session.h"
#include "exec/command_choose.h"
#include "exec/command_index.h"
#include "exec/exec.h"
#include "exec/refusals.h"
#include "mem/heap.h"
#include "script/registry.h"
#include "script/run.h"
#include "script/state.h"
#include "script/to_lua.h"
#include "shard/log.h"
#include "shard/server.h"
#include "shard/thread.h"

#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>

#define REDIS_VERSION "7.0.15"
#define REDIS_VERSION_NUMBER 0x0007000f

enum { REPLICATE_AOF = 1, REPLICATE_REPLICA = 2, REPLICATE_ALL = 3 };

/* --- errors --- */

/* {err = "CODE text"}: from "-CODE text", or from a text without a code, which gets ERR. */
static void push_error(lua_State *lua, const char *text)
{
    const bool has_mark = text[0] == '-';
    const char *rest = has_mark ? text + 1 : text;
    const bool has_code = has_mark && strchr(rest, ' ') != NULL;
    size_t len = strlen(rest);
    while (len > 0 && (rest[len - 1] == '\r' || rest[len - 1] == '\n')) {
        len--;
    }
    lua_createtable(lua, 0, 1);
    if (!has_code) {
        lua_pushliteral(lua, "ERR ");
    }
    lua_pushlstring(lua, rest, len);
    if (!has_code) {
        lua_concat(lua, 2);
    }
    lua_setfield(lua, -2, "err");
}

static int raise_error(lua_State *lua, const char *text)
{
    push_error(lua, text);
    return lua_error(lua);
}

/* --- redis.call and redis.pcall --- */

/* A command that a script calls, and how it is refused. */
struct called {
    struct bytes *words;
    uint32_t count;
    const struct command_spec *spec;
};

/* The number as Redis writes it: 17 digits, so that nothing of it is lost. */
static size_t write_number(lua_Number number, char out[64])
{
    const int64_t whole = number >= -1e15 && number <= 1e15 ? (int64_t)number : 0;
    if ((lua_Number)whole == number && (whole != 0 || number == 0)) {
        return int64_format(whole, out);
    }
    return (size_t)snprintf(out, 64, "%.17g", number);
}

enum { NUMBER_TEXT_MAX = 64 };

/* The arguments on the stack become words, lent until the next call. NULL or the error. */
static const char *take_words(lua_State *lua, struct script_run *run, struct called *called)
{
    const int count = lua_gettop(lua);
    if (count == 0) {
        return "Please specify at least one argument for this redis lib call";
    }
    int numbers = 0;
    for (int i = 1; i <= count; i++) {
        const int type = lua_type(lua, i);
        if (type != LUA_TSTRING && type != LUA_TNUMBER) {
            return "Lua redis lib command arguments must be strings or integers";
        }
        numbers += type == LUA_TNUMBER;
    }
    run->words.len = run->texts.len = 0;
    if (!buffer_reserve(&run->words, (size_t)count * sizeof(struct bytes)) ||
        !buffer_reserve(&run->texts, (size_t)numbers * NUMBER_TEXT_MAX)) {
        return "out of memory";
    }
    called->words = (struct bytes *)(void *)run->words.data;
    called->count = (uint32_t)count;
    for (int i = 1; i <= count; i++) {
        struct bytes *word = &called->words[i - 1];
        if (lua_type(lua, i) == LUA_TSTRING) {
            word->data = lua_tolstring(lua, i, &word->len);
        } else {
            char *text = run->texts.data + run->texts.len;
            *word = (struct bytes){text, write_number(lua_tonumber(lua, i), text)};
            run->texts.len += NUMBER_TEXT_MAX;
        }
    }
    return NULL;
}

/* NULL: there is one, and it may be called with these words. */
static const char *choose(struct script_run *run, struct called *called)
{
    struct reply unused;
    const struct server *server = run->exec->server;
    run->replies.len = 0;
    reply_begin(&unused, &run->replies, 2);
    const bool is_right = command_choose(server_find_command(server, called->words[0]), called->words, called->count, &unused, &called->spec);
    reply_rewind(&unused);
    buffer_release(&unused.own);
    if (called->spec == NULL) {
        return "Unknown Redis command called from script";
    }
    if (!is_right) {
        return "Wrong number of args calling Redis command from script";
    }
    if ((called->spec->flags & COMMAND_NOSCRIPT) != 0) {
        return "This Redis command is not allowed from script";
    }
    return NULL;
}

static const char *text_of_refusal(enum acl_outcome outcome)
{
    switch (outcome) {
    case ACL_DENIED_COMMAND: return "The user executing the script can't run this command or subcommand";
    case ACL_DENIED_CHANNEL: return "The user executing the script can't publish to the channel mentioned in the command";
    case ACL_DENIED_BY: return "BY option of SORT denied due to insufficient ACL permissions.";
    case ACL_DENIED_GET: return "GET option of SORT denied due to insufficient ACL permissions.";
    case ACL_DENIED_NO_MEMORY: return "out of memory";
    default: return "The user executing the script can't access at least one of the keys mentioned in the command arguments";
    }
}

/* NULL: it may run now. */
static const char *refuse(const struct script_run *run, const struct called *called)
{
    const bool is_write = (called->spec->flags & COMMAND_WRITE) != 0;
    if (UNLIKELY(run->exec->session->is_restricted)) {
        const struct permission_call call = {called->spec, called->words, called->count, "lua"};
        const enum acl_outcome outcome = permission_check(run->exec->thread, run->exec->session, &call);
        if (outcome != ACL_ALLOWED) {
            return text_of_refusal(outcome);
        }
    }
    if (run->is_read_only && (called->spec->flags & (COMMAND_WRITE | COMMAND_MAY_REPLICATE)) != 0) {
        return "Write commands are not allowed from read-only scripts.";
    }
    if ((called->spec->flags & COMMAND_DENYOOM) != 0 && !run->allows_oom && !run->has_written) {
        return "-OOM command not allowed when used memory > 'maxmemory'.";
    }
    const struct server *server = run->exec->server;
    const uint32_t refusals = atomic_load_explicit(&server->refusals, memory_order_relaxed);
    if (UNLIKELY((refusals & REFUSE_WRITES_UNSAVED) != 0) && is_write && !run->has_written &&
        atomic_load_explicit(&server->config->stop_writes_on_bgsave_error, memory_order_relaxed) != 0) {
        return "-" ERROR_UNSAVED;
    }
    if (UNLIKELY((refusals & REFUSE_WRITES_UNLOGGED) != 0) && is_write && !run->has_written) {
        static _Thread_local char text[1 + UNLOGGED_TEXT_MAX] = "-";
        (void)text_unlogged(atomic_load_explicit(&server->logged.error, memory_order_relaxed), text + 1);
        return text;
    }
    return NULL;
}

/* Runs it; its reply's value is pushed. */
static void run_command(lua_State *lua, struct script_run *run, const struct called *called)
{
    struct exec *exec = run->exec;
    struct reply reply;
    if ((called->spec->flags & COMMAND_WRITE) != 0 && !run->has_written) {
        run->has_written = true;
        atomic_store_explicit(&run->entry.has_written, true, memory_order_relaxed);
    }
    if (UNLIKELY(feed_is_wanted(exec->server, FEED_MONITOR))) {
        monitor_feed_words(exec->thread, &(struct monitored){exec->session, "lua", called->spec, called->words, called->count});
    }
    run->replies.len = 0;
    reply_begin(&reply, &run->replies, run->protocol);
    exec_run_chosen_inside(exec, called->spec, called->words, called->count, &reply);
    exec->db = exec->session->db;
    if (UNLIKELY(reply.is_broken)) {
        buffer_release(&reply.own);
        push_error(lua, "out of memory");
        return;
    }
    run->reply_own = reply.own; /* freed with the run if Lua's memory ends here */
    script_push_reply(lua, (struct bytes){reply.out->data + (reply.out == &reply.own ? 0 : reply.start), reply_len(&reply)});
    buffer_release(&run->reply_own);
}

static void count_refused(const struct script_run *run, const struct called *called, const char *text)
{
    struct thread *thread = run->exec->thread;
    stat_add(&thread->stats.error_replies, 1);
    error_stats_note(&thread->error_stats, text[0] == '-' ? bytes_of_string(text) : BYTES("-ERR "));
    if (called->spec != NULL) {
        stat_add(&thread->command_stats[called->spec->index].rejected, 1);
    }
}

/* Pushes the value, or the error's table. True: it is one. */
static bool call(lua_State *lua)
{
    struct script_run *run = script_state_of(lua)->run;
    struct called called;
    if (run == NULL) {
        push_error(lua, "redis.call/pcall can only be called inside a script invocation");
        return true;
    }
    const char *text = take_words(lua, run, &called);
    const bool has_words = text == NULL;
    if (text == NULL) {
        text = choose(run, &called);
    }
    if (text == NULL) {
        text = refuse(run, &called);
    }
    if (text != NULL) {
        push_error(lua, text);
        if (has_words) {
            count_refused(run, &called, text);
            lua_pushboolean(lua, true);
            lua_setfield(lua, -2, "ignore_error_stats_update");
        }
        return true;
    }
    run_command(lua, run, &called);
    if (!lua_istable(lua, -1)) {
        return false;
    }
    lua_pushliteral(lua, "err");
    lua_rawget(lua, -2);
    const bool is_error = !lua_isnil(lua, -1);
    lua_pop(lua, 1);
    return is_error;
}

static int redis_call(lua_State *lua)
{
    return call(lua) ? lua_error(lua) : 1;
}

static int redis_pcall(lua_State *lua)
{
    (void)call(lua);
    return 1;
}

/* --- the others --- */

static bool has_one_text(lua_State *lua)
{
    if (lua_gettop(lua) == 1 && lua_type(lua, 1) == LUA_TSTRING) {
        return true;
    }
    push_error(lua, "wrong number or type of arguments");
    return false;
}

static int redis_error_reply(lua_State *lua)
{
    if (has_one_text(lua)) {
        const char *text = lua_tostring(lua, 1);
        lua_pushfstring(lua, "-%s", text[0] == '-' ? text + 1 : text);
        push_error(lua, lua_tostring(lua, -1));
    }
    return 1;
}

static int redis_status_reply(lua_State *lua)
{
    if (has_one_text(lua)) {
        lua_createtable(lua, 0, 1);
        lua_pushvalue(lua, 1);
        lua_setfield(lua, -2, "ok");
    }
    return 1;
}

static int redis_sha1hex(lua_State *lua)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char digest[SHA1_BYTES];
    char text[2 * SHA1_BYTES];
    struct bytes value;
    if (lua_gettop(lua) != 1) {
        return raise_error(lua, "wrong number of arguments");
    }
    value.data = lua_tolstring(lua, 1, &value.len);
    sha1(value.data == NULL ? BYTES("") : value, digest);
    for (size_t i = 0; i < SHA1_BYTES; i++) {
        text[2 * i] = digits[digest[i] >> 4];
        text[2 * i + 1] = digits[digest[i] & 15];
    }
    lua_pushlstring(lua, text, sizeof text);
    return 1;
}

/* A line of the server's log, if its level is wanted. */
static int redis_log(lua_State *lua)
{
    const int count = lua_gettop(lua);
    const struct script_run *run = script_state_of(lua)->run;
    if (count < 2) {
        return raise_error(lua, "redis.log() requires two arguments or more.");
    }
    if (!lua_isnumber(lua, 1)) {
        return raise_error(lua, "First argument must be a number (log level).");
    }
    const lua_Number level = lua_tonumber(lua, 1);
    if (level < LOG_LEVEL_DEBUG || level > LOG_LEVEL_WARNING) {
        return raise_error(lua, "Invalid debug level.");
    }
    luaL_Buffer text;
    luaL_buffinit(lua, &text);
    for (int i = 2; i <= count; i++) {
        size_t len;
        const char *part = lua_tolstring(lua, i, &len);
        if (part != NULL) {
            luaL_addlstring(&text, i > 2 ? " " : "", i > 2 ? 1 : 0);
            luaL_addlstring(&text, part, len);
        }
    }
    luaL_pushresult(&text);
    if (run != NULL) {
        log_write(run->exec->server->config, (enum log_level)level, "%s", lua_tostring(lua, -1));
    }
    return 0;
}

static int redis_setresp(lua_State *lua)
{
    struct script_run *run = script_state_of(lua)->run;
    if (lua_gettop(lua) != 1) {
        return raise_error(lua, "redis.setresp() requires one argument.");
    }
    const lua_Number protocol = lua_tonumber(lua, 1);
    if (protocol != 2 && protocol != 3) {
        return raise_error(lua, "RESP version must be 2 or 3.");
    }
    if (run != NULL) {
        run->protocol = (uint8_t)protocol;
    }
    return 0;
}

/* Whatever is chosen, changes are reported all the same: docs/COMPATIBILITY.md. */
static int redis_set_repl(lua_State *lua)
{
    if (lua_gettop(lua) != 1) {
        return raise_error(lua, "redis.set_repl() requires two arguments.");
    }
    const lua_Number flags = lua_tonumber(lua, 1);
    if (flags < 0 || flags > REPLICATE_ALL) {
        return raise_error(lua, "Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.");
    }
    return 0;
}

static int redis_replicate_commands(lua_State *lua)
{
    lua_pushboolean(lua, true);
    return 1;
}

/* Without a debugger there is none to stop for. */
static int redis_breakpoint(lua_State *lua)
{
    lua_pushboolean(lua, false);
    return 1;
}

static int redis_debug(lua_State *lua)
{
    (void)lua;
    return 0;
}

/* May the user whose command the script is run such a command? */
static int redis_acl_check_cmd(lua_State *lua)
{
    struct script_run *run = script_state_of(lua)->run;
    struct called called;
    if (run == NULL) {
        return raise_error(lua, "redis.acl_check_cmd can only be called inside a script invocation");
    }
    const char *text = take_words(lua, run, &called);
    if (text != NULL) {
        return raise_error(lua, text);
    }
    (void)choose(run, &called);
    if (called.spec == NULL) {
        return raise_error(lua, "Invalid command passed to redis.acl_check_cmd()");
    }
    const struct session *session = run->exec->session;
    struct acl_denial denial;
    const enum acl_outcome outcome = session->is_restricted ? acl_check(session->user, &run->exec->server->acl->commands, called.spec,
                                                                        called.words, called.count, &denial)
                                                            : ACL_ALLOWED;
    lua_pushboolean(lua, outcome == ACL_ALLOWED);
    return 1;
}

static const luaL_Reg functions[] = {
    {"call", redis_call},
    {"pcall", redis_pcall},
    {"error_reply", redis_error_reply},
    {"status_reply", redis_status_reply},
    {"sha1hex", redis_sha1hex},
    {"log", redis_log},
    {"setresp", redis_setresp},
    {"set_repl", redis_set_repl},
    {"replicate_commands", redis_replicate_commands},
    {"breakpoint", redis_breakpoint},
    {"debug", redis_debug},
    {"acl_check_cmd", redis_acl_check_cmd},
};

static const struct {
    const char *name;
    lua_Number value;
} numbers[] = {
    {"LOG_DEBUG", LOG_LEVEL_DEBUG},
    {"LOG_VERBOSE", LOG_LEVEL_VERBOSE},
    {"LOG_NOTICE", LOG_LEVEL_NOTICE},
    {"LOG_WARNING", LOG_LEVEL_WARNING},
    {"REPL_NONE", 0},
    {"REPL_AOF", REPLICATE_AOF},
    {"REPL_SLAVE", REPLICATE_REPLICA},
    {"REPL_REPLICA", REPLICATE_REPLICA},
    {"REPL_ALL", REPLICATE_ALL},
    {"REDIS_VERSION_NUM", REDIS_VERSION_NUMBER},
};

int script_open_redis(lua_State *lua)
{
    lua_createtable(lua, 0, 24);
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        lua_pushcfunction(lua, functions[i].func);
        lua_setfield(lua, -2, functions[i].name);
    }
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        lua_pushnumber(lua, numbers[i].value);
        lua_setfield(lua, -2, numbers[i].name);
    }
    lua_pushliteral(lua, REDIS_VERSION);
    lua_setfield(lua, -2, "REDIS_VERSION");
    return 1;
}

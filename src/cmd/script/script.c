/* script.c - the scripts that the server knows: SCRIPT LOAD to SHOW.
 *
 * Source     Redis 7.0's documentation of SCRIPT; SHOW: valkey 8.  */
#include "cmd/core/answers.h"
#include "cmd/script/script_call.h"
#include "cmd/script/script_rows.h"
#include "script/engine.h"
#include "shard/server.h"

static struct scripts *scripts_of(const struct exec *exec)
{
    return exec->server->scripts->scripts;
}

static void command_script_load(struct exec *exec)
{
    struct script_state *state = script_engine_state(exec->thread);
    if (state == NULL) {
        reply_error(exec->reply, "ERR out of memory");
        return;
    }
    struct script *script = script_of_text(exec, state, exec->argv[2]);
    if (script != NULL) {
        reply_bulk_string(exec->reply, script->name);
        script_release(script);
    }
    script_engine_leave(state);
}

static void command_script_exists(struct exec *exec)
{
    reply_array(exec->reply, exec->argc - 2);
    for (uint32_t i = 2; i < exec->argc; i++) {
        struct script *script = scripts_find(scripts_of(exec), exec->argv[i]);
        reply_integer(exec->reply, script != NULL);
        if (script != NULL) {
            script_release(script);
        }
    }
}

static void command_script_show(struct exec *exec)
{
    struct script *script = scripts_find(scripts_of(exec), exec->argv[2]);
    if (script == NULL) {
        reply_error(exec->reply, "NOSCRIPT No matching script. Please use EVAL.");
        return;
    }
    reply_bulk(exec->reply, script->text);
    script_release(script);
}

static void command_script_flush(struct exec *exec)
{
    const struct bytes mode = exec->argc == 3 ? exec->argv[2] : BYTES("sync");
    if (exec->argc > 3 || (!bytes_equal_ignore_case(mode, BYTES("sync")) && !bytes_equal_ignore_case(mode, BYTES("async")))) {
        reply_error(exec->reply, "ERR SCRIPT FLUSH only support SYNC|ASYNC option");
        return;
    }
    scripts_flush(scripts_of(exec));
    reply_ok(exec->reply);
}

static void command_script_kill(struct exec *exec)
{
    script_kill(exec, false);
}

/* There is no debugger: it is off, and cannot be turned on. */
static void command_script_debug(struct exec *exec)
{
    const struct bytes mode = exec->argv[2];
    if (bytes_equal_ignore_case(mode, BYTES("no"))) {
        reply_ok(exec->reply);
    } else if (bytes_equal_ignore_case(mode, BYTES("yes")) || bytes_equal_ignore_case(mode, BYTES("sync"))) {
        reply_error(exec->reply, "ERR the script debugger is not supported");
    } else {
        reply_error(exec->reply, "ERR Use SCRIPT DEBUG YES/SYNC/NO");
    }
}

#define ON_ALL_NODES "request_policy:all_nodes response_policy:all_succeeded"

static const struct command_spec subcommands[] = {
    {.name = "debug", .run = command_script_debug, .arity = 3, .scope = SCOPE_INSTANT, .flags = COMMAND_NOSCRIPT, .since = "3.2.0",
     .group = "scripting", .complexity = "O(1)", .summary = "The debugger of scripts, which there is not.", .syntax = "YES|SYNC|NO"},
    {.name = "exists", .run = command_script_exists, .arity = -3, .scope = SCOPE_INSTANT, .flags = COMMAND_NOSCRIPT, .since = "2.6.0",
     .group = "scripting", .complexity = "O(N), N the number of scripts", .summary = "Says which scripts are known.",
     .syntax = "sha1 [sha1 ...]", .tips = "request_policy:all_shards response_policy:agg_logical_and"},
    {.name = "flush", .run = command_script_flush, .arity = -2, .scope = SCOPE_INSTANT, .flags = COMMAND_NOSCRIPT, .since = "2.6.0",
     .group = "scripting", .complexity = "O(N), N the number of scripts", .summary = "Forgets all scripts.", .syntax = "[ASYNC|SYNC]",
     .tips = ON_ALL_NODES},
    {COMMAND_HELP_ROW, .since = "5.0.0", .group = "scripting"},
    {.name = "kill", .run = command_script_kill, .arity = 2, .scope = SCOPE_INSTANT, .flags = COMMAND_NOSCRIPT | COMMAND_ALLOW_BUSY,
     .since = "2.6.0", .group = "scripting", .complexity = "O(1)", .summary = "Ends the scripts that run now and have not written.",
     .syntax = "", .tips = "request_policy:all_shards response_policy:one_succeeded"},
    {.name = "load", .run = command_script_load, .arity = 3, .scope = SCOPE_INSTANT, .flags = COMMAND_NOSCRIPT | COMMAND_STALE,
     .since = "2.6.0", .group = "scripting", .complexity = "O(N), N the length of the script",
     .summary = "Compiles a script and remembers it by its SHA-1.", .syntax = "script", .tips = ON_ALL_NODES},
    {.name = "show", .run = command_script_show, .arity = 3, .scope = SCOPE_INSTANT, .flags = COMMAND_NOSCRIPT, .since = "8.0.0",
     .group = "scripting", .complexity = "O(1)", .summary = "The text of a script.", .syntax = "sha1"},
    {0},
};

const struct command_spec script_commands[] = {
    {.name = "script", .arity = -2, .since = "2.6.0", .group = "scripting", .complexity = "that of the subcommand",
     .summary = "Scripts that the server knows.", .subcommands = subcommands},
    {0},
};

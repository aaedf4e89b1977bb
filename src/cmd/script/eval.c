/* eval.c - a script runs: EVAL EVALSHA and their read-only forms.
 *
 * It holds the batons of the keys that it names, if its text shows that it uses no others, or if `script-undeclared-keys` says that it must
 * not; else all. What it would have to wait for is looked for before it begins.
 *
 * Source     Redis 7.0's documentation of EVAL.  */
#include "base/number.h"
#include "cmd/core/answers.h"
#include "cmd/script/script_call.h"
#include "cmd/script/script_rows.h"
#include "script/engine.h"
#include "script/run.h"
#include "shard/server.h"

#include <string.h>

/* A row of this file by what it does. */
static bool is_by_name(const struct command_spec *spec)
{
    return strncmp(spec->name, "evalsha", 7) == 0;
}

/* --- which shards --- */

static bool may_use_all(const struct server *server, const struct script *script)
{
    const bool may_cross = script_undeclared_need_all(server) || (script->flags & SCRIPT_ALLOW_CROSS_SLOT) != 0;
    return may_cross && !script->keeps_to_keys;
}

static bool needs_all_of(const struct server *server, struct script *script)
{
    const bool needs_all = may_use_all(server, script);
    script_release(script);
    return needs_all;
}

/* A script that nobody has compiled yet is not read here: it gets all, once, if any of its kind may have that. */
static bool unknown_needs_all(const struct server *server, struct bytes text)
{
    static const char flag[] = "allow-cross-slot-keys";
    const char *line_end = text.len >= 2 && memcmp(text.data, "#!", 2) == 0 ? memchr(text.data, '\n', text.len) : NULL;
    return script_undeclared_need_all(server) ||
           (line_end != NULL && memmem(text.data, (size_t)(line_end - text.data), flag, sizeof flag - 1) != NULL);
}

static bool eval_needs_all(const struct server *server, const struct bytes *argv, uint32_t argc)
{
    (void)argc;
    if (server->shard_count == 1) {
        return true;
    }
    struct script *script = scripts_find_text(server->scripts->scripts, argv[1]);
    return script == NULL ? unknown_needs_all(server, argv[1]) : needs_all_of(server, script);
}

static bool evalsha_needs_all(const struct server *server, const struct bytes *argv, uint32_t argc)
{
    (void)argc;
    if (server->shard_count == 1) {
        return true;
    }
    struct script *script = scripts_find(server->scripts->scripts, argv[1]);
    return script == NULL || needs_all_of(server, script);
}

/* --- the commands --- */

/* Gives: script_release. NULL: replied why there is none. */
static struct script *find_script(struct exec *exec, struct script_state *state)
{
    if (!is_by_name(exec->spec)) {
        return script_of_text(exec, state, exec->argv[1]);
    }
    struct script *script = scripts_find(exec->server->scripts->scripts, exec->argv[1]);
    if (script == NULL) {
        reply_error(exec->reply, "NOSCRIPT No matching script. Please use EVAL.");
    }
    return script;
}

static void run(struct exec *exec, struct script_state *state, struct script *script, uint32_t key_count)
{
    const struct script_task task = {
        .name = script->name,
        .flags = script->flags,
        .is_read_only = script_is_read_only(exec),
        .has_globals = true,
        .first_key = SCRIPT_FIRST_KEY,
        .key_count = key_count,
    };
    if (script_push_function(exec, state, script)) {
        script_run(exec, state, &task);
    }
}

static void run_in(struct exec *exec, struct script_state *state)
{
    uint32_t key_count;
    if (!script_read_key_count(exec, ERROR_NOT_INTEGER, &key_count)) {
        script_feed_monitors(exec);
        return;
    }
    struct script *script = find_script(exec, state);
    if (script == NULL || !script_must_wait(exec, script->keeps_to_keys)) {
        script_feed_monitors(exec);
        if (script != NULL) {
            run(exec, state, script, key_count);
        }
    }
    if (script != NULL) {
        script_release(script);
    }
}

static void command_eval(struct exec *exec)
{
    struct script_state *state = script_engine_state(exec->thread);
    if (state == NULL) {
        reply_error(exec->reply, "ERR out of memory");
        return;
    }
    run_in(exec, state);
    script_engine_leave(state);
}

#define EVAL_ROW                                                                                                               \
    .run = command_eval, .waits = script_waits_for_any, .arity = -3, .scope = SCOPE_SCRIPT, .group = "scripting",               \
    .complexity = "that of the script"

const struct command_spec eval_commands[] = {
    {.name = "eval", EVAL_ROW, .needs_all = eval_needs_all, .flags = SCRIPT_CALL_FLAGS | COMMAND_MAY_REPLICATE, .since = "2.6.0",
     .key_specs = script_write_keys,
     .summary = "Runs a Lua script.", .syntax = "script numkeys [key ...] [arg ...]"},
    {.name = "evalsha", EVAL_ROW, .needs_all = evalsha_needs_all, .flags = SCRIPT_CALL_FLAGS | COMMAND_MAY_REPLICATE, .since = "2.6.0",
     .key_specs = script_write_keys,
     .summary = "Runs a Lua script that is known, by its SHA-1.", .syntax = "sha1 numkeys [key ...] [arg ...]"},
    {.name = "eval_ro", EVAL_ROW, .needs_all = eval_needs_all, .flags = SCRIPT_CALL_FLAGS | COMMAND_READONLY, .acl = "-read", .since = "7.0.0",
     .key_specs = script_read_keys, .summary = "Runs a Lua script that may not write.", .syntax = "script numkeys [key ...] [arg ...]"},
    {.name = "evalsha_ro", EVAL_ROW, .needs_all = evalsha_needs_all, .flags = SCRIPT_CALL_FLAGS | COMMAND_READONLY, .acl = "-read", .since = "7.0.0",
     .key_specs = script_read_keys, .summary = "Runs a Lua script that is known, by its SHA-1, and may not write.",
     .syntax = "sha1 numkeys [key ...] [arg ...]"},
    {0},
};

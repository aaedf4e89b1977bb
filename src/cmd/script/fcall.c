/* fcall.c - a function runs: FCALL, FCALL_RO. They go the way of EVAL: script_call.h, script/run.h.
 *
 * What a function does with the keys that it is given is not read from its code: it holds all batons, unless `script-undeclared-keys` says
 * that functions use those keys alone.
 *
 * Source     Redis 7.0's documentation of FCALL.  */
#include "cmd/script/script_call.h"
#include "cmd/script/script_rows.h"
#include "script/functions.h"
#include "script/run.h"
#include "shard/server.h"

static bool fcall_needs_all(const struct server *server, const struct bytes *argv, uint32_t argc)
{
    (void)argv;
    (void)argc;
    return script_undeclared_need_all(server);
}

static void run(struct exec *exec, const struct function_place *place, uint32_t key_count)
{
    struct function_call call;
    if (!functions_begin(exec, place, &call)) {
        return;
    }
    const struct script_task task = {
        .name = call.function->name.data,
        .flags = call.function->flags,
        .is_read_only = script_is_read_only(exec),
        .is_function = true,
        .first_key = SCRIPT_FIRST_KEY,
        .key_count = key_count,
    };
    script_run(exec, call.state, &task);
    functions_end(exec, &call);
}

static void command_fcall(struct exec *exec)
{
    uint32_t key_count;
    const struct function_place *place = functions_find(exec, exec->argv[1]);
    if (place == NULL) {
        script_feed_monitors(exec);
        reply_error(exec->reply, "ERR Function not found");
    } else if (!script_read_key_count(exec, "ERR Bad number of keys provided", &key_count)) {
        script_feed_monitors(exec);
    } else if (!script_must_wait(exec, false)) {
        script_feed_monitors(exec);
        run(exec, place, key_count);
    }
}

#define FCALL_ROW                                                                                                              \
    .run = command_fcall, .needs_all = fcall_needs_all, .waits = script_waits_for_any, .arity = -3, .scope = SCOPE_SCRIPT,      \
    .since = "7.0.0", .group = "scripting", .complexity = "that of the function", .syntax = "function numkeys [key ...] [arg ...]"

const struct command_spec fcall_commands[] = {
    {.name = "fcall", FCALL_ROW, .flags = SCRIPT_CALL_FLAGS | COMMAND_MAY_REPLICATE, .key_specs = script_write_keys, .summary = "Runs a function."},
    {.name = "fcall_ro", FCALL_ROW, .flags = SCRIPT_CALL_FLAGS | COMMAND_READONLY, .acl = "-read", .key_specs = script_read_keys,
     .summary = "Runs a function that may not write."},
    {0},
};

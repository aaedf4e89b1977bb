/* function.c - libraries of functions: FUNCTION LOAD to STATS.
 *
 * What changes them runs under all batons: a transaction, and a function that runs, sees the libraries of one moment.
 *
 * Source     Redis 7.0's documentation of FUNCTION; error texts are redis-server 7.0.15's.  */
#include "base/glob.h"
#include "cmd/core/answers.h"
#include "cmd/script/script_call.h"
#include "cmd/script/script_rows.h"
#include "mem/buffer.h"
#include "script/function_payload.h"
#include "script/functions.h"
#include "script/registry.h"
#include "shard/server.h"

static struct functions *functions_of(const struct exec *exec)
{
    return exec->server->functions;
}

/* --- a change of the set --- */

enum policy { POLICY_APPEND, POLICY_REPLACE, POLICY_FLUSH };

/* Libraries that come to those that are there. */
struct arrivals {
    struct function_library **libraries;
    uint32_t count;
    enum policy policy;
};

static bool arrives(const struct arrivals *arrivals, struct bytes name)
{
    bool is_found = false;
    for (uint32_t i = 0; i < arrivals->count && !is_found; i++) {
        is_found = bytes_equal(arrivals->libraries[i]->name, name);
    }
    return is_found;
}

/* Those of `old` that stay, then the arrivals. False: replied that one is there already. */
static bool list_libraries(struct exec *exec, const struct function_set *old, const struct arrivals *arrivals,
                           struct function_library **list, uint32_t *count)
{
    *count = 0;
    for (uint32_t i = 0; i < old->library_count && arrivals->policy != POLICY_FLUSH; i++) {
        const struct bytes name = old->libraries[i]->name;
        const bool is_twice = arrives(arrivals, name);
        if (is_twice && arrivals->policy == POLICY_APPEND) {
            reply_errorf(exec->reply, "ERR Library %.*s already exists", (int)name.len, name.data);
            return false;
        }
        if (!is_twice) {
            list[(*count)++] = old->libraries[i];
        }
    }
    for (uint32_t i = 0; i < arrivals->count; i++) {
        list[(*count)++] = arrivals->libraries[i];
    }
    return true;
}

/* The set with the arrivals. NULL: replied why not. */
static struct function_set *make_set(struct exec *exec, const struct function_set *old, const struct arrivals *arrivals)
{
    uint32_t count;
    const struct function *twice;
    struct function_library **list = exec_scratch(exec, (old->library_count + arrivals->count + 1) * sizeof *list);
    if (list == NULL) {
        reply_error(exec->reply, ERROR_NO_MEMORY);
        return NULL;
    }
    if (!list_libraries(exec, old, arrivals, list, &count)) {
        return NULL;
    }
    struct function_set *set = function_set_create(list, count, &twice);
    if (set == NULL && twice != NULL) {
        reply_errorf(exec->reply, "ERR Function %.*s already exists", (int)twice->name.len, twice->name.data);
    } else if (set == NULL) {
        reply_error(exec->reply, ERROR_NO_MEMORY);
    }
    return set;
}

/* The arrivals are given up: the new set, if there is one, holds them. False: replied why nothing has changed. */
static bool arrive(struct exec *exec, const struct arrivals *arrivals)
{
    struct function_set *old = functions_hold(functions_of(exec));
    struct function_set *set = make_set(exec, old, arrivals);
    function_set_release(old);
    if (set != NULL) {
        functions_change(exec, set);
        exec_count_changes(exec, 1);
    }
    for (uint32_t i = 0; i < arrivals->count; i++) {
        if (set == NULL) {
            functions_forget(exec, arrivals->libraries[i]);
        }
        function_library_release(arrivals->libraries[i]);
    }
    return set != NULL;
}

/* --- FUNCTION LOAD --- */

/* Ends of lines behind it are not told. */
static size_t len_without_ends(struct bytes word)
{
    while (word.len > 0 && (word.data[word.len - 1] == '\r' || word.data[word.len - 1] == '\n')) {
        word.len--;
    }
    return word.len;
}

/* False: replied what is wrong. */
static bool read_load_options(struct exec *exec, bool *is_replace)
{
    *is_replace = false;
    for (uint32_t i = 2; i + 1 < exec->argc; i++) {
        if (!bytes_equal_ignore_case(exec->argv[i], BYTES("replace"))) {
            reply_errorf(exec->reply, "ERR Unknown option given: %.*s", (int)len_without_ends(exec->argv[i]), exec->argv[i].data);
            return false;
        }
        *is_replace = true;
    }
    return true;
}

static void command_function_load(struct exec *exec)
{
    bool is_replace;
    if (!read_load_options(exec, &is_replace)) {
        return;
    }
    struct function_set *old = functions_hold(functions_of(exec));
    const struct function_others others = {old->libraries, is_replace ? 0 : old->library_count};
    struct function_library *library = functions_load(exec, exec->argv[exec->argc - 1], &others);
    function_set_release(old);
    if (library == NULL) {
        return;
    }
    function_library_hold(library);
    if (arrive(exec, &(struct arrivals){&library, 1, POLICY_REPLACE})) {
        reply_bulk(exec->reply, library->name);
    }
    function_library_release(library);
}

/* --- FUNCTION DELETE, FLUSH --- */

static void command_function_delete(struct exec *exec)
{
    struct function_set *old = functions_hold(functions_of(exec));
    struct function_library *library = function_set_library(old, exec->argv[2]);
    const struct function *twice;
    struct function_library **left = exec_scratch(exec, (old->library_count + 1) * sizeof *left);
    if (library == NULL) {
        reply_error(exec->reply, "ERR Library not found");
    } else {
        uint32_t count = 0;
        for (uint32_t i = 0; i < old->library_count && left != NULL; i++) {
            left[count] = old->libraries[i];
            count += old->libraries[i] != library;
        }
        struct function_set *set = left == NULL ? NULL : function_set_create(left, count, &twice);
        if (set != NULL) {
            functions_change(exec, set);
            exec_count_changes(exec, 1);
            reply_ok(exec->reply);
        } else {
            reply_error(exec->reply, ERROR_NO_MEMORY);
        }
    }
    function_set_release(old);
}

static void reply_wrong_count(struct exec *exec, const char *name)
{
    reply_errorf(exec->reply, "ERR unknown subcommand or wrong number of arguments for '%s'. Try FUNCTION HELP.", name);
}

/* SYNC and ASYNC are the same: the set goes when the last thread that holds it has looked again. */
static void command_function_flush(struct exec *exec)
{
    const struct bytes mode = exec->argc == 3 ? exec->argv[2] : BYTES("sync");
    if (exec->argc > 3) {
        reply_wrong_count(exec, "FLUSH");
        return;
    }
    if (!bytes_equal_ignore_case(mode, BYTES("sync")) && !bytes_equal_ignore_case(mode, BYTES("async"))) {
        reply_error(exec->reply, "ERR FUNCTION FLUSH only supports SYNC|ASYNC option");
        return;
    }
    if (arrive(exec, &(struct arrivals){NULL, 0, POLICY_FLUSH})) {
        reply_ok(exec->reply);
    }
}

/* --- FUNCTION DUMP, RESTORE --- */

static void command_function_dump(struct exec *exec)
{
    struct buffer payload = BUFFER_EMPTY(MEM_CLIENT);
    struct function_set *set = functions_hold(functions_of(exec));
    if (function_payload_write(&payload, set, exec->server->config)) {
        reply_bulk(exec->reply, buffer_bytes(&payload));
    } else {
        reply_error(exec->reply, ERROR_NO_MEMORY);
    }
    function_set_release(set);
    buffer_release(&payload);
}

/* Behind the libraries that were restored so far. False: replied that memory is out, and the library is given up. */
static bool add_library(struct exec *exec, struct buffer *restored, struct function_library *library)
{
    if (buffer_append(restored, (struct bytes){(const char *)&library, sizeof library})) {
        return true;
    }
    functions_forget(exec, library);
    function_library_release(library);
    reply_error(exec->reply, ERROR_NO_MEMORY);
    return false;
}

static struct function_others restored_libraries(const struct buffer *restored)
{
    return (struct function_others){(struct function_library *const *)(const void *)restored->data,
                                    (uint32_t)(restored->len / sizeof(struct function_library *))};
}

/* Loads them all. False: replied why not. */
static bool restore_libraries(struct exec *exec, struct function_payload *payload, struct buffer *restored)
{
    static const char *const texts[] = {
        [FUNCTION_PAYLOAD_DAMAGED] = "ERR DUMP payload version or checksum are wrong",
        [FUNCTION_PAYLOAD_NO_LIBRARY] = "ERR given type is not a function",
        [FUNCTION_PAYLOAD_OLD] = "ERR Failed loading engine name",
        [FUNCTION_PAYLOAD_CUT] = "ERR Failed loading library payload",
        [FUNCTION_PAYLOAD_NO_MEMORY] = ERROR_NO_MEMORY,
    };
    struct bytes code;
    enum function_payload_status status = function_payload_begin(payload, exec->argv[2]);
    while (status == FUNCTION_PAYLOAD_MORE) {
        status = function_payload_next(payload, &code);
        if (status == FUNCTION_PAYLOAD_MORE) {
            const struct function_others others = restored_libraries(restored);
            struct function_library *library = functions_load(exec, code, &others);
            if (library == NULL || !add_library(exec, restored, library)) {
                return false;
            }
        }
    }
    if (status != FUNCTION_PAYLOAD_END) {
        reply_error(exec->reply, texts[status]);
    }
    return status == FUNCTION_PAYLOAD_END;
}

static bool read_policy(struct exec *exec, enum policy *policy)
{
    static const char *const names[] = {[POLICY_APPEND] = "append", [POLICY_REPLACE] = "replace", [POLICY_FLUSH] = "flush"};
    *policy = POLICY_APPEND;
    if (exec->argc > 4) {
        reply_wrong_count(exec, "RESTORE");
        return false;
    }
    if (exec->argc < 4) {
        return true;
    }
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (bytes_equal_ignore_case(exec->argv[3], bytes_of_string(names[i]))) {
            *policy = (enum policy)i;
            return true;
        }
    }
    reply_error(exec->reply, "ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.");
    return false;
}

static void command_function_restore(struct exec *exec)
{
    enum policy policy;
    if (!read_policy(exec, &policy)) {
        return;
    }
    struct function_payload payload;
    struct buffer restored = BUFFER_EMPTY(MEM_SCRIPT);
    const bool is_done = restore_libraries(exec, &payload, &restored);
    const struct function_others libraries = restored_libraries(&restored);
    if (is_done) {
        if (arrive(exec, &(struct arrivals){(struct function_library **)(void *)restored.data, libraries.count, policy})) {
            reply_ok(exec->reply);
        }
    } else {
        for (uint32_t i = 0; i < libraries.count; i++) {
            functions_forget(exec, libraries.libraries[i]);
            function_library_release(libraries.libraries[i]);
        }
    }
    buffer_release(&restored);
    function_payload_release(&payload);
}

/* --- FUNCTION LIST --- */

struct list_options {
    bool has_pattern, has_code;
    struct bytes pattern;
};

static bool read_list_options(struct exec *exec, struct list_options *options)
{
    *options = (struct list_options){0};
    for (uint32_t i = 2; i < exec->argc; i++) {
        const struct bytes word = exec->argv[i];
        if (!options->has_code && bytes_equal_ignore_case(word, BYTES("withcode"))) {
            options->has_code = true;
        } else if (!options->has_pattern && bytes_equal_ignore_case(word, BYTES("libraryname"))) {
            if (++i == exec->argc) {
                reply_error(exec->reply, "ERR library name argument was not given");
                return false;
            }
            options->has_pattern = true;
            options->pattern = exec->argv[i];
        } else {
            reply_errorf(exec->reply, "ERR Unknown argument %.*s", (int)word.len, word.data);
            return false;
        }
    }
    return true;
}

static void reply_flags(struct reply *reply, uint32_t flags)
{
    reply_set(reply, (size_t)__builtin_popcount(flags));
    for (size_t i = 0; i < FUNCTION_FLAGS; i++) {
        if ((flags & function_flag_names[i].flag) != 0) {
            reply_simple(reply, bytes_of_string(function_flag_names[i].name));
        }
    }
}

static void reply_function(struct reply *reply, const struct function *function)
{
    reply_map(reply, 3);
    reply_bulk_string(reply, "name");
    reply_bulk(reply, function->name);
    reply_bulk_string(reply, "description");
    if (function->description.data == NULL) {
        reply_null(reply);
    } else {
        reply_bulk(reply, function->description);
    }
    reply_bulk_string(reply, "flags");
    reply_flags(reply, function->flags);
}

static void reply_library(struct reply *reply, const struct function_library *library, bool has_code)
{
    reply_map(reply, has_code ? 4 : 3);
    reply_bulk_string(reply, "library_name");
    reply_bulk(reply, library->name);
    reply_bulk_string(reply, "engine");
    reply_bulk_string(reply, "LUA");
    reply_bulk_string(reply, "functions");
    reply_array(reply, library->count);
    for (uint32_t i = 0; i < library->count; i++) {
        reply_function(reply, &library->functions[i]);
    }
    if (has_code) {
        reply_bulk_string(reply, "library_code");
        reply_bulk(reply, library->code);
    }
}

static bool is_listed(const struct list_options *options, const struct function_library *library)
{
    return !options->has_pattern || glob_match(options->pattern, library->name, true);
}

static void command_function_list(struct exec *exec)
{
    struct list_options options;
    if (!read_list_options(exec, &options)) {
        return;
    }
    struct function_set *set = functions_hold(functions_of(exec));
    size_t count = 0;
    for (uint32_t i = 0; i < set->library_count; i++) {
        count += is_listed(&options, set->libraries[i]);
    }
    reply_array(exec->reply, count);
    for (uint32_t i = 0; i < set->library_count; i++) {
        if (is_listed(&options, set->libraries[i])) {
            reply_library(exec->reply, set->libraries[i], options.has_code);
        }
    }
    function_set_release(set);
}

/* --- FUNCTION STATS, KILL --- */

static void command_function_stats(struct exec *exec)
{
    struct function_counts counts;
    functions_count(functions_of(exec), &counts);
    reply_map(exec->reply, 2);
    reply_bulk_string(exec->reply, "running_script");
    reply_null(exec->reply);
    reply_bulk_string(exec->reply, "engines");
    reply_map(exec->reply, 1);
    reply_bulk_string(exec->reply, "LUA");
    reply_map(exec->reply, 2);
    reply_bulk_string(exec->reply, "libraries_count");
    reply_integer(exec->reply, counts.libraries);
    reply_bulk_string(exec->reply, "functions_count");
    reply_integer(exec->reply, counts.functions);
}

static void command_function_kill(struct exec *exec)
{
    script_kill(exec, true);
}

#define ON_ALL_SHARDS "request_policy:all_shards response_policy:all_succeeded"
#define CHANGES .scope = SCOPE_ALL, .since = "7.0.0", .group = "scripting", .tips = ON_ALL_SHARDS
#define TELLS .since = "7.0.0", .group = "scripting", .syntax = ""

static const struct command_spec subcommands[] = {
    {.name = "delete", .run = command_function_delete, .arity = 3, CHANGES, .flags = COMMAND_WRITE | COMMAND_NOSCRIPT,
     .complexity = "O(N), N the number of libraries", .summary = "Deletes a library.", .syntax = "library-name"},
    {.name = "dump", .run = command_function_dump, .arity = 2, TELLS, .scope = SCOPE_SESSION, .flags = COMMAND_NOSCRIPT,
     .complexity = "O(N), N the length of the libraries", .summary = "Returns all libraries as bytes for FUNCTION RESTORE."},
    {.name = "flush", .run = command_function_flush, .arity = -2, CHANGES, .flags = COMMAND_WRITE | COMMAND_NOSCRIPT,
     .complexity = "O(N), N the number of libraries", .summary = "Deletes all libraries.", .syntax = "[ASYNC|SYNC]"},
    {COMMAND_HELP_ROW, .since = "7.0.0", .group = "scripting"},
    {.name = "kill", .run = command_function_kill, .arity = 2, TELLS, .scope = SCOPE_INSTANT, .flags = COMMAND_NOSCRIPT | COMMAND_ALLOW_BUSY,
     .complexity = "O(1)", .summary = "Ends the functions that run now and have not written.",
     .tips = "request_policy:all_shards response_policy:one_succeeded"},
    {.name = "list", .run = command_function_list, .arity = -2, .scope = SCOPE_SESSION, .flags = COMMAND_NOSCRIPT, .since = "7.0.0",
     .group = "scripting", .complexity = "O(N), N the number of functions", .summary = "Lists the libraries and their functions.",
     .syntax = "[LIBRARYNAME library-name-pattern] [WITHCODE]", .tips = "nondeterministic_output_order"},
    {.name = "load", .run = command_function_load, .arity = -3, CHANGES, .flags = COMMAND_WRITE | COMMAND_DENYOOM | COMMAND_NOSCRIPT,
     .complexity = "that of the library's code", .summary = "Makes a library.", .syntax = "[REPLACE] function-code"},
    {.name = "restore", .run = command_function_restore, .arity = -3, CHANGES, .flags = COMMAND_WRITE | COMMAND_DENYOOM | COMMAND_NOSCRIPT,
     .complexity = "that of the libraries' code", .summary = "Makes the libraries that FUNCTION DUMP returned.",
     .syntax = "serialized-value [FLUSH|APPEND|REPLACE]"},
    {.name = "stats", .run = command_function_stats, .arity = 2, TELLS, .scope = SCOPE_INSTANT,
     .flags = COMMAND_NOSCRIPT | COMMAND_ALLOW_BUSY | COMMAND_IN_ORDER, .complexity = "O(1)",
     .summary = "Says which function runs, and how many there are.",
     .tips = "nondeterministic_output request_policy:all_shards response_policy:special"},
    {0},
};

const struct command_spec function_commands[] = {
    {.name = "function", .arity = -2, .since = "7.0.0", .group = "scripting", .complexity = "that of the subcommand",
     .summary = "Libraries of functions.", .subcommands = subcommands},
    {0},
};

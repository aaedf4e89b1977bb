/* introspect.c - COMMAND, COUNT and LIST; the rows of COMMAND.  */
#include "acl/category.h"
#include "base/glob.h"
#include "cmd/core/answers.h"
#include "cmd/core/command_name.h"
#include "cmd/introspect/introspect.h"
#include "cmd/introspect/introspect_rows.h"
#include "exec/exec.h"
#include "shard/server.h"

static void command_command_count(struct exec *exec)
{
    int64_t count = 0;
    for (uint32_t i = 0; i < exec->server->command_count; i++) {
        count += exec->server->commands[i]->parent == NULL;
    }
    reply_integer(exec->reply, count);
}

/* --- LIST --- */

typedef bool filter_fn(const struct command_spec *row, struct bytes name, struct bytes wanted);

static bool is_of_module(const struct command_spec *row, struct bytes name, struct bytes wanted)
{
    (void)row;
    (void)name;
    (void)wanted;
    return false; /* there are no modules */
}

static bool is_in_category(const struct command_spec *row, struct bytes name, struct bytes wanted)
{
    (void)name;
    return (command_categories(row) & acl_category_find(wanted)) != 0;
}

static bool matches_pattern(const struct command_spec *row, struct bytes name, struct bytes wanted)
{
    (void)row;
    return glob_match(wanted, name, true);
}

static const struct {
    const char *name;
    filter_fn *is_wanted;
} filters[] = {{"MODULE", is_of_module}, {"ACLCAT", is_in_category}, {"PATTERN", matches_pattern}};

/* False: replied a syntax error. *filter stays NULL without FILTERBY. */
static bool read_filter(struct exec *exec, filter_fn **filter)
{
    *filter = NULL;
    if (exec->argc == 2) {
        return true;
    }
    for (size_t i = 0; exec->argc == 5 && i < sizeof filters / sizeof filters[0]; i++) {
        if (bytes_equal_ignore_case(exec->argv[3], bytes_of_string(filters[i].name))) {
            *filter = filters[i].is_wanted;
        }
    }
    if (*filter != NULL && bytes_equal_ignore_case(exec->argv[2], BYTES("FILTERBY"))) {
        return true;
    }
    reply_error(exec->reply, ERROR_SYNTAX);
    return false;
}

static void command_command_list(struct exec *exec)
{
    filter_fn *is_wanted;
    if (!read_filter(exec, &is_wanted)) {
        return;
    }
    size_t count = 0;
    size_t mark = reply_deferred_begin(exec->reply);
    for (uint32_t i = 0; i < exec->server->command_count; i++) {
        const struct command_spec *row = exec->server->commands[i];
        char text[COMMAND_NAME_MAX];
        struct bytes name = {text, command_full_name(row, text)};
        if (is_wanted == NULL || is_wanted(row, name, exec->argv[4])) {
            reply_bulk(exec->reply, name);
            count++;
        }
    }
    reply_deferred_end(exec->reply, mark, '*', count);
}

#define COMMAND_FLAGS (COMMAND_LOADING | COMMAND_STALE)
#define ANY_ORDER "nondeterministic_output_order"

static const struct command_spec command_subcommands[] = {
    {.name = "count", .run = command_command_count, .arity = 2, .scope = SCOPE_INSTANT, .flags = COMMAND_FLAGS,
     .since = "2.8.13", .group = "server", .acl = "connection", .complexity = "O(N), N the number of commands",
     .summary = "Counts the commands."},
    {.name = "docs", .run = command_command_docs, .arity = -2, .scope = SCOPE_INSTANT, .flags = COMMAND_FLAGS,
     .since = "7.0.0", .group = "server", .acl = "connection", .complexity = "O(N), N the number of commands asked for",
     .summary = "Returns what the commands do and which arguments they take.",
     .syntax = "[command-name [command-name ...]]", .tips = ANY_ORDER},
    {.name = "getkeys", .run = command_command_getkeys, .arity = -4, .scope = SCOPE_INSTANT, .flags = COMMAND_FLAGS,
     .since = "2.8.13", .group = "server", .acl = "connection", .complexity = "O(N), N the number of arguments",
     .summary = "Returns the keys of a whole command.", .syntax = "command [arg ...]"},
    {.name = "getkeysandflags", .run = command_command_getkeysandflags, .arity = -4, .scope = SCOPE_INSTANT,
     .flags = COMMAND_FLAGS, .since = "7.0.0", .group = "server", .acl = "connection",
     .complexity = "O(N), N the number of arguments",
     .summary = "Returns the keys of a whole command, and what it does to each.", .syntax = "command [arg ...]"},
    {COMMAND_HELP_ROW, .since = "5.0.0", .group = "server", .acl = "connection"},
    {.name = "info", .run = command_command_info, .arity = -2, .scope = SCOPE_INSTANT, .flags = COMMAND_FLAGS,
     .since = "2.8.13", .group = "server", .acl = "connection", .complexity = "O(N), N the number of commands asked for",
     .summary = "Returns arity, flags, keys and categories of commands.", .syntax = "[command-name [command-name ...]]",
     .tips = ANY_ORDER},
    {.name = "list", .run = command_command_list, .arity = -2, .scope = SCOPE_INSTANT, .flags = COMMAND_FLAGS,
     .since = "7.0.0", .group = "server", .acl = "connection", .complexity = "O(N), N the number of commands",
     .summary = "Returns the names of all commands, or of those that a filter lets through.",
     .syntax = "[FILTERBY (MODULE module-name|ACLCAT category|PATTERN pattern)]", .tips = ANY_ORDER},
    {0},
};

const struct command_spec introspect_commands[] = {
    {.name = "command", .run = command_command, .arity = -1, .scope = SCOPE_INSTANT, .flags = COMMAND_FLAGS,
     .since = "2.8.13", .group = "server", .acl = "connection", .complexity = "O(N), N the number of commands",
     .summary = "Returns arity, flags, keys and categories of all commands.", .tips = ANY_ORDER,
     .subcommands = command_subcommands},
    {0},
};

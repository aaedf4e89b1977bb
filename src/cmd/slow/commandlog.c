/* commandlog.c - COMMANDLOG and SLOWLOG: the commands over command_log.h.  */
#include "base/number.h"
#include "cmd/core/answers.h"
#include "cmd/slow/command_log.h"
#include "cmd/slow/slow_rows.h"
#include "exec/exec.h"

enum { SLOWLOG_GET_DEFAULT = 10 };

/* A GET being answered. */
struct listing {
    struct reply *reply;
    size_t count;
};

static void list_entry(const struct command_log_entry *entry, void *arg)
{
    struct listing *listing = arg;
    struct reply *reply = listing->reply;
    reply_array(reply, 6);
    reply_integer(reply, (int64_t)entry->id);
    reply_integer(reply, entry->ended_seconds);
    reply_integer(reply, (int64_t)entry->cost);
    reply_array(reply, entry->word_count);
    for (size_t i = 0; i < entry->word_count; i++) {
        reply_bulk(reply, entry->words[i]);
    }
    reply_bulk(reply, entry->address);
    reply_bulk(reply, entry->name);
    listing->count++;
}

/* Reads how many entries are wanted; -1: all. False: replied an error. */
static bool read_limit(struct exec *exec, struct bytes word, int64_t *limit)
{
    if (!int64_parse(word, limit) || *limit < -1) {
        reply_error(exec->reply, "ERR count should be greater than or equal to -1");
        return false;
    }
    return true;
}

static void reply_newest(struct exec *exec, enum command_log_list which, int64_t limit)
{
    struct listing listing = {exec->reply, 0};
    size_t mark = reply_deferred_begin(exec->reply);
    command_log_visit(exec->server->command_log, which, limit < 0 ? UINT64_MAX : (uint64_t)limit, list_entry, &listing);
    reply_deferred_end(exec->reply, mark, '*', listing.count);
}

static void reply_count(struct exec *exec, enum command_log_list which)
{
    reply_integer(exec->reply, (int64_t)command_log_count(exec->server->command_log, which));
}

static void clear(struct exec *exec, enum command_log_list which)
{
    command_log_clear(exec->server->command_log, which);
    reply_ok(exec->reply);
}

/* --- SLOWLOG --- */

static void command_slowlog_get(struct exec *exec)
{
    int64_t limit = SLOWLOG_GET_DEFAULT;
    if (exec->argc > 3) {
        reply_errorf(exec->reply, "ERR unknown subcommand or wrong number of arguments for '%.*s'. Try SLOWLOG HELP.",
                     (int)exec->argv[1].len, exec->argv[1].data);
        return;
    }
    if (exec->argc < 3 || read_limit(exec, exec->argv[2], &limit)) {
        reply_newest(exec, COMMAND_LOG_SLOW, limit);
    }
}

static void command_slowlog_len(struct exec *exec)
{
    reply_count(exec, COMMAND_LOG_SLOW);
}

static void command_slowlog_reset(struct exec *exec)
{
    clear(exec, COMMAND_LOG_SLOW);
}

/* --- COMMANDLOG --- */

static const char *const list_names[COMMAND_LOG_LISTS] = {"slow", "large-request", "large-reply"};

/* The last word names a list. False: replied an error. */
static bool read_list(struct exec *exec, enum command_log_list *which)
{
    for (int i = 0; i < COMMAND_LOG_LISTS; i++) {
        if (bytes_equal_ignore_case(exec->argv[exec->argc - 1], bytes_of_string(list_names[i]))) {
            *which = (enum command_log_list)i;
            return true;
        }
    }
    reply_error(exec->reply, "ERR type should be one of the following: slow, large-request, large-reply");
    return false;
}

static void command_commandlog_get(struct exec *exec)
{
    int64_t limit;
    enum command_log_list which;
    if (read_limit(exec, exec->argv[2], &limit) && read_list(exec, &which)) {
        reply_newest(exec, which, limit);
    }
}

static void command_commandlog_len(struct exec *exec)
{
    enum command_log_list which;
    if (read_list(exec, &which)) {
        reply_count(exec, which);
    }
}

static void command_commandlog_reset(struct exec *exec)
{
    enum command_log_list which;
    if (read_list(exec, &which)) {
        clear(exec, which);
    }
}

/* --- rows --- */

#define LOG_FLAGS (COMMAND_ADMIN | COMMAND_LOADING | COMMAND_STALE)

static const struct command_spec slowlog_subcommands[] = {
    {.name = "get", .run = command_slowlog_get, .arity = -2, .scope = SCOPE_SESSION, .flags = LOG_FLAGS,
     .since = "2.2.12", .group = "server", .complexity = "O(N), N the number of entries returned",
     .summary = "Returns the newest slow commands.", .syntax = "[count]",
     .tips = "request_policy:all_nodes nondeterministic_output"},
    {COMMAND_HELP_ROW, .since = "6.2.0", .group = "server"},
    {.name = "len", .run = command_slowlog_len, .arity = 2, .scope = SCOPE_SESSION, .flags = LOG_FLAGS,
     .since = "2.2.12", .group = "server", .complexity = "O(1)", .summary = "Returns the number of entries.",
     .tips = "request_policy:all_nodes response_policy:agg_sum nondeterministic_output"},
    {.name = "reset", .run = command_slowlog_reset, .arity = 2, .scope = SCOPE_SESSION, .flags = LOG_FLAGS,
     .since = "2.2.12", .group = "server", .complexity = "O(N), N the number of entries",
     .summary = "Drops all entries.", .tips = "request_policy:all_nodes response_policy:all_succeeded"},
    {0},
};

const struct command_spec slowlog_commands[] = {
    {.name = "slowlog", .arity = -2, .since = "2.2.12", .group = "server", .complexity = "Depends on the subcommand.",
     .summary = "Commands about the log of slow commands.", .subcommands = slowlog_subcommands},
    {0},
};

#define LIST_SYNTAX "SLOW|LARGE-REQUEST|LARGE-REPLY"

static const struct command_spec commandlog_subcommands[] = {
    {.name = "get", .run = command_commandlog_get, .arity = 4, .scope = SCOPE_SESSION, .flags = LOG_FLAGS,
     .since = "8.1.0", .group = "server", .complexity = "O(N), N the number of entries returned",
     .summary = "Returns the newest commands of a list.", .syntax = "count " LIST_SYNTAX,
     .tips = "request_policy:all_nodes nondeterministic_output"},
    {COMMAND_HELP_ROW, .since = "8.1.0", .group = "server"},
    {.name = "len", .run = command_commandlog_len, .arity = 3, .scope = SCOPE_SESSION, .flags = LOG_FLAGS,
     .since = "8.1.0", .group = "server", .complexity = "O(1)", .summary = "Returns the number of entries of a list.", .syntax = LIST_SYNTAX,
     .tips = "request_policy:all_nodes response_policy:agg_sum nondeterministic_output"},
    {.name = "reset", .run = command_commandlog_reset, .arity = 3, .scope = SCOPE_SESSION, .flags = LOG_FLAGS,
     .since = "8.1.0", .group = "server", .complexity = "O(N), N the number of entries",
     .summary = "Drops all entries of a list.", .syntax = LIST_SYNTAX, .tips = "request_policy:all_nodes response_policy:all_succeeded"},
    {0},
};

const struct command_spec commandlog_commands[] = {
    {.name = "commandlog", .arity = -2, .since = "8.1.0", .group = "server", .complexity = "Depends on the subcommand.",
     .summary = "Commands about the logs of commands that cost much.", .subcommands = commandlog_subcommands},
    {0},
};

/* slowlog.c - SLOWLOG GET, LEN, RESET: the commands over slow_log.h.  */
#include "base/number.h"
#include "cmd/core/answers.h"
#include "cmd/slow/slow_log.h"
#include "cmd/slow/slow_rows.h"
#include "exec/exec.h"

enum { SLOWLOG_GET_DEFAULT = 10 };

/* A SLOWLOG GET being answered. */
struct listing {
    struct reply *reply;
    size_t count;
};

static void list_entry(const struct slow_log_entry *entry, void *arg)
{
    struct listing *listing = arg;
    struct reply *reply = listing->reply;
    reply_array(reply, 6);
    reply_integer(reply, (int64_t)entry->id);
    reply_integer(reply, entry->ended_seconds);
    reply_integer(reply, (int64_t)entry->duration_us);
    reply_array(reply, entry->word_count);
    for (size_t i = 0; i < entry->word_count; i++) {
        reply_bulk(reply, entry->words[i]);
    }
    reply_bulk(reply, entry->address);
    reply_bulk(reply, entry->name);
    listing->count++;
}

static void command_slowlog_get(struct exec *exec)
{
    int64_t limit = SLOWLOG_GET_DEFAULT;
    if (exec->argc > 3) {
        reply_errorf(exec->reply, "ERR unknown subcommand or wrong number of arguments for '%.*s'. Try SLOWLOG HELP.",
                     (int)exec->argv[1].len, exec->argv[1].data);
        return;
    }
    if (exec->argc == 3 && (!int64_parse(exec->argv[2], &limit) || limit < -1)) {
        reply_error(exec->reply, "ERR count should be greater than or equal to -1");
        return;
    }
    struct listing listing = {exec->reply, 0};
    size_t mark = reply_deferred_begin(exec->reply);
    slow_log_visit(exec->server->slow_log, limit < 0 ? UINT64_MAX : (uint64_t)limit, list_entry, &listing);
    reply_deferred_end(exec->reply, mark, '*', listing.count);
}

static void command_slowlog_len(struct exec *exec)
{
    reply_integer(exec->reply, (int64_t)slow_log_count(exec->server->slow_log));
}

static void command_slowlog_reset(struct exec *exec)
{
    slow_log_clear(exec->server->slow_log);
    reply_ok(exec->reply);
}

#define SLOWLOG_FLAGS (COMMAND_ADMIN | COMMAND_LOADING | COMMAND_STALE)

static const struct command_spec slowlog_subcommands[] = {
    {.name = "get", .run = command_slowlog_get, .arity = -2, .scope = SCOPE_SESSION, .flags = SLOWLOG_FLAGS,
     .since = "2.2.12", .group = "server", .complexity = "O(N), N the number of entries returned",
     .summary = "Returns the newest slow commands.", .syntax = "[count]",
     .tips = "request_policy:all_nodes nondeterministic_output"},
    {COMMAND_HELP_ROW, .since = "6.2.0", .group = "server"},
    {.name = "len", .run = command_slowlog_len, .arity = 2, .scope = SCOPE_SESSION, .flags = SLOWLOG_FLAGS,
     .since = "2.2.12", .group = "server", .complexity = "O(1)", .summary = "Returns the number of entries.",
     .tips = "request_policy:all_nodes response_policy:agg_sum nondeterministic_output"},
    {.name = "reset", .run = command_slowlog_reset, .arity = 2, .scope = SCOPE_SESSION, .flags = SLOWLOG_FLAGS,
     .since = "2.2.12", .group = "server", .complexity = "O(N), N the number of entries",
     .summary = "Drops all entries.", .tips = "request_policy:all_nodes response_policy:all_succeeded"},
    {0},
};

const struct command_spec slowlog_commands[] = {
    {.name = "slowlog", .arity = -2, .since = "2.2.12", .group = "server", .complexity = "Depends on the subcommand.",
     .summary = "Commands about the log of slow commands.", .subcommands = slowlog_subcommands},
    {0},
};

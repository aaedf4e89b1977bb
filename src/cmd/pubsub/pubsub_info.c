/* pubsub_info.c - PUBSUB: which channels and patterns have subscribers.  */
#include "cmd/core/answers.h"
#include "cmd/pubsub/pubsub_rows.h"
#include "pubsub/pubsub.h"

struct names {
    struct reply *reply;
    size_t count;
};

static void list_name(struct bytes name, void *arg)
{
    struct names *names = arg;
    reply_bulk(names->reply, name);
    names->count++;
}

static void list_channels(struct exec *exec, enum topic_kind kind)
{
    struct names names = {exec->reply, 0};
    const struct bytes pattern = exec->argc > 2 ? exec->argv[2] : (struct bytes){NULL, 0};
    if (exec->argc > 3) {
        reply_errorf(exec->reply, "ERR unknown subcommand or wrong number of arguments for '%.*s'. Try PUBSUB HELP.",
                     (int)exec->argv[1].len, exec->argv[1].data);
        return;
    }
    const size_t mark = reply_deferred_begin(exec->reply);
    pubsub_visit(exec->server, kind, pattern, list_name, &names);
    reply_deferred_end(exec->reply, mark, '*', names.count);
}

static void count_subscribers(struct exec *exec, enum topic_kind kind)
{
    reply_array(exec->reply, 2 * (exec->argc - 2)); /* in RESP3, too */
    for (uint32_t i = 2; i < exec->argc; i++) {
        reply_bulk(exec->reply, exec->argv[i]);
        reply_integer(exec->reply, (int64_t)pubsub_subscribers(exec->server, kind, exec->argv[i]));
    }
}

static void command_pubsub_channels(struct exec *exec)
{
    list_channels(exec, TOPIC_CHANNEL);
}

static void command_pubsub_shardchannels(struct exec *exec)
{
    list_channels(exec, TOPIC_SHARD_CHANNEL);
}

static void command_pubsub_numsub(struct exec *exec)
{
    count_subscribers(exec, TOPIC_CHANNEL);
}

static void command_pubsub_shardnumsub(struct exec *exec)
{
    count_subscribers(exec, TOPIC_SHARD_CHANNEL);
}

static void command_pubsub_numpat(struct exec *exec)
{
    reply_integer(exec->reply, (int64_t)pubsub_topics(exec->server, TOPIC_PATTERN));
}

#define PUBSUB_INFO_FLAGS (COMMAND_PUBSUB | COMMAND_LOADING | COMMAND_STALE)

static const struct command_spec pubsub_subcommands[] = {
    {.name = "channels", .run = command_pubsub_channels, .arity = -2, .scope = SCOPE_INSTANT, .flags = PUBSUB_INFO_FLAGS,
     .since = "2.8.0", .group = "pubsub", .complexity = "O(N), N the number of channels", .summary = "Lists channels that have subscribers.",
     .syntax = "[pattern]"},
    {COMMAND_HELP_ROW, .since = "6.2.0", .group = "pubsub", .acl = "-pubsub"},
    {.name = "numpat", .run = command_pubsub_numpat, .arity = 2, .scope = SCOPE_INSTANT, .flags = PUBSUB_INFO_FLAGS, .since = "2.8.0",
     .group = "pubsub", .complexity = "O(1)", .summary = "Counts the patterns that have subscribers.", .syntax = ""},
    {.name = "numsub", .run = command_pubsub_numsub, .arity = -2, .scope = SCOPE_INSTANT, .flags = PUBSUB_INFO_FLAGS, .since = "2.8.0",
     .group = "pubsub", .complexity = "O(N), N the number of channels", .summary = "Counts the subscribers of channels.",
     .syntax = "[channel [channel ...]]"},
    {.name = "shardchannels", .run = command_pubsub_shardchannels, .arity = -2, .scope = SCOPE_INSTANT, .flags = PUBSUB_INFO_FLAGS,
     .since = "7.0.0", .group = "pubsub", .complexity = "O(N), N the number of channels",
     .summary = "Lists shard channels that have subscribers.", .syntax = "[pattern]"},
    {.name = "shardnumsub", .run = command_pubsub_shardnumsub, .arity = -2, .scope = SCOPE_INSTANT, .flags = PUBSUB_INFO_FLAGS,
     .since = "7.0.0", .group = "pubsub", .complexity = "O(N), N the number of channels",
     .summary = "Counts the subscribers of shard channels.", .syntax = "[shardchannel [shardchannel ...]]"},
    {0},
};

const struct command_spec pubsub_commands[] = {
    {.name = "pubsub", .arity = -2, .since = "2.8.0", .group = "pubsub", .summary = "Shows channels and patterns, and their subscribers.",
     .subcommands = pubsub_subcommands},
    {0},
};

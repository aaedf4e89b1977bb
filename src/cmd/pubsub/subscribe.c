/* subscribe.c - SUBSCRIBE, PSUBSCRIBE, SSUBSCRIBE, their ends, PUBLISH and SPUBLISH.
 *
 * A subscription is answered by a message of its own for each channel, so one command has several replies, which come when CLIENT REPLY is
 * off, too. Its end is an exclusive call: what was published before is delivered by it, behind the replies of what stands before it in its
 * pipeline. So do HELLO, RESET and QUIT.  */
#include "client/session.h"
#include "client/subscription.h"
#include "cmd/core/answers.h"
#include "cmd/pubsub/pubsub_rows.h"
#include "pubsub/pubsub.h"

/* By enum topic_kind. */
static const char *const begin_words[TOPIC_KINDS] = {"subscribe", "psubscribe", "ssubscribe"};
static const char *const end_words[TOPIC_KINDS] = {"unsubscribe", "punsubscribe", "sunsubscribe"};

/* One of the messages that answer: its head, which is sent even if the client wants no replies. */
static void begin_message(struct exec *exec, const char *word)
{
    exec_reply_always(exec);
    reply_push(exec->reply, 3);
    reply_bulk_string(exec->reply, word);
}

/* What the client is told with each: channels and patterns together, shard channels on their own. */
static void reply_count(struct exec *exec, enum topic_kind kind)
{
    const struct session *session = exec->session;
    reply_integer(exec->reply, kind == TOPIC_SHARD_CHANNEL ? session_subscriptions(session, kind)
                                                           : session_subscriptions(session, TOPIC_CHANNEL) +
                                                                 session_subscriptions(session, TOPIC_PATTERN));
}

static void subscribe(struct exec *exec, enum topic_kind kind)
{
    struct subscriber *subscriber = session_subscriber(exec->session);
    for (uint32_t i = 1; i < exec->argc; i++) {
        if (subscriber == NULL || subscriber_add(exec->thread, subscriber, kind, exec->argv[i]) == SUBSCRIBE_NO_MEMORY) {
            reply_result_error(exec->reply, RESULT_NO_MEMORY);
            return;
        }
        begin_message(exec, begin_words[kind]);
        reply_bulk(exec->reply, exec->argv[i]);
        reply_count(exec, kind);
    }
}

static void reply_end(struct exec *exec, enum topic_kind kind, const struct bytes *name)
{
    begin_message(exec, end_words[kind]);
    if (name == NULL) {
        reply_null(exec->reply);
    } else {
        reply_bulk(exec->reply, *name);
    }
}

static void unsubscribe_all(struct exec *exec, enum topic_kind kind)
{
    struct subscriber *subscriber = exec->session->subscriber;
    const struct subscription *next = subscriber == NULL ? NULL : subscriber_next(subscriber, kind, NULL);
    if (next == NULL) {
        reply_end(exec, kind, NULL);
        reply_count(exec, kind);
    }
    for (; next != NULL; next = subscriber_next(subscriber, kind, NULL)) {
        const struct bytes name = subscription_name(next);
        reply_end(exec, kind, &name); /* copies the name, which goes */
        (void)subscriber_remove(exec->thread, subscriber, kind, name);
        reply_count(exec, kind);
    }
}

static void unsubscribe(struct exec *exec, enum topic_kind kind)
{
    if (exec->argc == 1) {
        unsubscribe_all(exec, kind);
        return;
    }
    struct subscriber *subscriber = exec->session->subscriber;
    for (uint32_t i = 1; i < exec->argc; i++) {
        if (subscriber != NULL) {
            (void)subscriber_remove(exec->thread, subscriber, kind, exec->argv[i]);
        }
        reply_end(exec, kind, &exec->argv[i]);
        reply_count(exec, kind);
    }
}

static void publish(struct exec *exec, enum topic_kind kind)
{
    const int64_t receivers = pubsub_publish(exec->thread, kind, exec->argv[1], exec->argv[2]);
    if (receivers < 0) {
        reply_result_error(exec->reply, RESULT_NO_MEMORY);
    } else {
        reply_integer(exec->reply, receivers);
    }
}

static void command_subscribe(struct exec *exec)
{
    subscribe(exec, TOPIC_CHANNEL);
}

static void command_psubscribe(struct exec *exec)
{
    subscribe(exec, TOPIC_PATTERN);
}

/* Not in a transaction, unlike the other two, as in Redis. */
static void command_ssubscribe(struct exec *exec)
{
    if (exec->depth > 0) {
        reply_error(exec->reply, "ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client");
        return;
    }
    subscribe(exec, TOPIC_SHARD_CHANNEL);
}

static void command_unsubscribe(struct exec *exec)
{
    unsubscribe(exec, TOPIC_CHANNEL);
}

static void command_punsubscribe(struct exec *exec)
{
    unsubscribe(exec, TOPIC_PATTERN);
}

static void command_sunsubscribe(struct exec *exec)
{
    unsubscribe(exec, TOPIC_SHARD_CHANNEL);
}

static void command_publish(struct exec *exec)
{
    publish(exec, TOPIC_CHANNEL);
}

static void command_spublish(struct exec *exec)
{
    publish(exec, TOPIC_SHARD_CHANNEL);
}

#define PUBSUB_FLAGS (COMMAND_PUBSUB | COMMAND_LOADING | COMMAND_STALE)
#define SUBSCRIBE_FLAGS (PUBSUB_FLAGS | COMMAND_NOSCRIPT | COMMAND_FOR_SUBSCRIBERS)
/* A command before it may change a key, and so publish. */
#define BEGIN_FLAGS (SUBSCRIBE_FLAGS | COMMAND_IN_ORDER)
#define PUBLISH_FLAGS (PUBSUB_FLAGS | COMMAND_FAST | COMMAND_IN_ORDER | COMMAND_MAY_REPLICATE)

const struct command_spec subscribe_commands[] = {
    {.name = "psubscribe", .run = command_psubscribe, .arity = -2, .scope = SCOPE_INSTANT, .flags = BEGIN_FLAGS, .since = "2.0.0",
     .group = "pubsub", .complexity = "O(N), N the number of patterns",
     .summary = "From now on receives what is published to channels whose names fit a pattern.", .syntax = "pattern [pattern ...]"},
    {.name = "publish", .run = command_publish, .arity = 3, .scope = SCOPE_INSTANT, .flags = PUBLISH_FLAGS, .since = "2.0.0",
     .group = "pubsub", .complexity = "O(N+M), N the number of receivers, M the number of patterns",
     .summary = "Sends a message to all who have subscribed to a channel, and returns their number.", .syntax = "channel message"},
    {.name = "punsubscribe", .run = command_punsubscribe, .arity = -1, .scope = SCOPE_SESSION, .flags = SUBSCRIBE_FLAGS,
     .since = "2.0.0", .group = "pubsub", .complexity = "O(N), N the number of patterns",
     .summary = "Ends subscriptions to patterns; without any named, to all.", .syntax = "[pattern [pattern ...]]"},
    {.name = "spublish", .run = command_spublish, .arity = 3, .scope = SCOPE_INSTANT, .flags = PUBLISH_FLAGS, .keys = {1, 1, 1},
     .since = "7.0.0", .group = "pubsub", .complexity = "O(N), N the number of receivers", .key_flags = "not_key",
     .summary = "Sends a message to all who have subscribed to a shard channel, and returns their number.",
     .syntax = "shardchannel message"},
    {.name = "ssubscribe", .run = command_ssubscribe, .arity = -2, .scope = SCOPE_INSTANT, .flags = BEGIN_FLAGS,
     .keys = {1, -1, 1}, .since = "7.0.0", .group = "pubsub", .complexity = "O(N), N the number of channels",
     .summary = "From now on receives what is published to shard channels.", .syntax = "shardchannel [shardchannel ...]",
     .key_flags = "not_key"},
    {.name = "subscribe", .run = command_subscribe, .arity = -2, .scope = SCOPE_INSTANT, .flags = BEGIN_FLAGS, .since = "2.0.0",
     .group = "pubsub", .complexity = "O(N), N the number of channels",
     .summary = "From now on receives what is published to channels.", .syntax = "channel [channel ...]"},
    {.name = "sunsubscribe", .run = command_sunsubscribe, .arity = -1, .scope = SCOPE_SESSION, .flags = SUBSCRIBE_FLAGS,
     .keys = {1, -1, 1}, .since = "7.0.0", .group = "pubsub", .complexity = "O(N), N the number of channels",
     .summary = "Ends subscriptions to shard channels; without any named, to all.", .syntax = "[shardchannel [shardchannel ...]]",
     .key_flags = "not_key"},
    {.name = "unsubscribe", .run = command_unsubscribe, .arity = -1, .scope = SCOPE_SESSION, .flags = SUBSCRIBE_FLAGS,
     .since = "2.0.0", .group = "pubsub", .complexity = "O(N), N the number of channels",
     .summary = "Ends subscriptions to channels; without any named, to all.", .syntax = "[channel [channel ...]]"},
    {0},
};

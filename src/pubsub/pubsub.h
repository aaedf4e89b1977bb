/* pubsub.h - channels, who subscribes to them, and the way of a message to all of them.
 *
 * One table for all threads says which channels and patterns have subscribers, and how many on which thread; it is locked. A message
 * is put into the queue of every thread that has any, under that lock: so all subscribers see the messages that they share in one order.
 * The thread finds its own subscribers, which nobody else touches, and gives them the message.
 *
 * A subscriber gets exactly the messages that were published while it was counted: what was in its thread's queue before it came is not
 * for it, and what is there when it leaves is delivered first.
 *
 * Threads    Any shard thread publishes; everything else is of the subscriber's thread.
 * Memory     thread_alloc, MEM_OUTPUT_BUFFER for messages and MEM_CLIENT for subscriptions.
 * Invariant  B1 a topic is in its table while it has a subscriber; B2 a topic lives while it has a subscriber, one that is being ended, or a message on
 *            its way; B3 the
 *            queue of a thread is told (a message of shard/message.h is under way) exactly while it is not empty, or being emptied.
 * Source     Redis 7.0, pubsub.c: what counts as a receiver, and the order of channel and patterns.  */
#ifndef PUBSUB_PUBSUB_H
#define PUBSUB_PUBSUB_H

#include "base/attributes.h"
#include "base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pubsub;
struct server;
struct subscription;
struct thread;

enum topic_kind { TOPIC_CHANNEL, TOPIC_PATTERN, TOPIC_SHARD_CHANNEL, TOPIC_KINDS };

/* A message as a subscriber gets it. All is lent. */
struct publication {
    enum topic_kind kind; /* of the subscription by which it comes */
    struct bytes pattern; /* TOPIC_PATTERN */
    struct bytes channel, text;
};

/* Embedded in whoever subscribes; all 0 but for `deliver`. */
struct subscriber {
    void (*deliver)(struct subscriber *subscriber, const struct publication *publication);
    struct subscription *first; /* in the order of their coming */
    struct subscription *last;
    uint32_t counts[TOPIC_KINDS];
    size_t bytes;               /* of its subscriptions; its maker may begin with more than 0 */
};

/* Before the threads start, and when they have ended. NULL: no memory. */
struct pubsub *pubsub_create(uint32_t thread_count) MUST_USE;
void pubsub_destroy(struct pubsub *pubsub);

enum subscribe_result { SUBSCRIBED, SUBSCRIBED_ALREADY, SUBSCRIBE_NO_MEMORY };
enum subscribe_result subscriber_add(struct thread *thread, struct subscriber *subscriber, enum topic_kind kind, struct bytes name);
/* False: it did not subscribe to that. */
bool subscriber_remove(struct thread *thread, struct subscriber *subscriber, enum topic_kind kind, struct bytes name);
/* Removes all of its subscriptions. */
void subscriber_clear(struct thread *thread, struct subscriber *subscriber);
/* Gives the thread's subscribers all that has been published for them so far. */
void pubsub_deliver(struct thread *thread);
/* The next subscription of the kind behind `previous` (NULL: the first one); NULL: none. */
const struct subscription *subscriber_next(const struct subscriber *subscriber, enum topic_kind kind, const struct subscription *previous);
struct bytes subscription_name(const struct subscription *subscription);

static inline bool subscriber_is_any(const struct subscriber *subscriber)
{
    return subscriber->first != NULL;
}

/* Publishes to a channel (TOPIC_CHANNEL: also to the patterns that it fits; or TOPIC_SHARD_CHANNEL). Gives the number of receivers; -1: no
 * memory, nobody gets it.  */
int64_t pubsub_publish(struct thread *thread, enum topic_kind kind, struct bytes channel, struct bytes text);

/* Is anybody subscribed to anything? A moment old. */
bool pubsub_is_used(const struct server *server);
/* How many subscribers a channel has; how many topics of the kind there are; the names that fit `pattern` (data NULL: all). */
uint64_t pubsub_subscribers(const struct server *server, enum topic_kind kind, struct bytes name);
uint64_t pubsub_topics(const struct server *server, enum topic_kind kind);
void pubsub_visit(const struct server *server, enum topic_kind kind, struct bytes pattern, void (*visit)(struct bytes name, void *arg),
                  void *arg);

#endif

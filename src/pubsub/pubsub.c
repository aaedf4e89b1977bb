/* pubsub.c - see pubsub.h.  */
#include "pubsub/pubsub.h"

#include "base/glob.h"
#include "base/hash.h"
#include "mem/heap.h"
#include "shard/message.h"
#include "shard/server.h"
#include "shard/thread.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_PLACES = 16, TOPICS_PER_PLACE = 2 };

struct topic;

struct subscription {
    struct topic *topic;
    struct subscriber *subscriber;
    struct subscription *next, *previous;                   /* of the subscriber */
    struct subscription *next_on_thread, *previous_on_thread; /* of the topic */
    uint64_t since; /* number of the last message that was not for it */
};

/* What a thread has of a topic. */
struct topic_share {
    struct subscription *first, *last; /* the thread's own */
    uint32_t count;                    /* under the lock; the thread reads its own without */
};

struct topic {
    struct topic *next;  /* in its place; of patterns: all */
    uint64_t hash;
    uint8_t kind;
    uint32_t name_len;
    uint32_t count;      /* of subscribers */
    uint32_t holds;      /* messages under way that name it, and subscriptions that are being ended */
    size_t block_bytes;
    struct topic_share *shares; /* by thread; in this block, as is the name */
    char *name;
};

struct topic_table {
    struct topic **places; /* by hash of the name */
    uint32_t place_count, count;
};

/* A message under way to one thread. */
struct delivery {
    struct delivery *next;
    struct letter *letter;
};

struct letter {
    uint64_t number;
    uint32_t left;          /* deliveries that are not done; under the lock */
    uint32_t topic_count;
    struct bytes channel, text; /* in this block */
    size_t block_bytes;
    struct delivery *deliveries;
    struct topic *topics[]; /* the channel, then patterns; NULL where a channel has no subscribers */
};

struct queue {
    struct delivery *first, *last; /* under the lock */
    bool is_told;                  /* the same */
    struct message message;
};

struct pubsub {
    pthread_mutex_t lock;
    uint32_t thread_count;
    uint64_t numbers;        /* of messages */
    _Atomic uint64_t topics; /* of all kinds; 0: publishing takes no lock */
    struct topic_table tables[TOPIC_KINDS];
    struct queue queues[];
};

/* --- topics, under the lock --- */

static uint64_t hash_of(const struct thread *thread, struct bytes name)
{
    return hash_bytes(&thread->server->secret, name);
}

static struct topic **place_of(const struct topic_table *table, uint64_t hash)
{
    return &table->places[hash & (table->place_count - 1)];
}

static struct topic *find(const struct topic_table *table, uint64_t hash, struct bytes name)
{
    struct topic *topic = table->place_count == 0 ? NULL : *place_of(table, hash);
    while (topic != NULL && (topic->hash != hash || !bytes_equal((struct bytes){topic->name, topic->name_len}, name))) {
        topic = topic->next;
    }
    return topic;
}

/* False: no memory for the very first places. */
static bool grow(struct topic_table *table)
{
    const uint32_t place_count = table->place_count == 0 ? FIRST_PLACES : 2 * table->place_count;
    struct topic **places = thread_alloc_zeroed(MEM_CLIENT, place_count * sizeof *places);
    if (places == NULL) {
        return table->place_count > 0;
    }
    const struct topic_table old = *table;
    table->places = places;
    table->place_count = place_count;
    for (uint32_t i = 0; i < old.place_count; i++) {
        struct topic *next;
        for (struct topic *topic = old.places[i]; topic != NULL; topic = next) {
            next = topic->next;
            topic->next = *place_of(table, topic->hash);
            *place_of(table, topic->hash) = topic;
        }
    }
    thread_free(MEM_CLIENT, old.places, old.place_count * sizeof *places);
    return true;
}

static struct topic *add_topic(struct pubsub *pubsub, enum topic_kind kind, uint64_t hash, struct bytes name)
{
    struct topic_table *table = &pubsub->tables[kind];
    if (table->count >= TOPICS_PER_PLACE * table->place_count && !grow(table)) {
        return NULL;
    }
    const size_t bytes = sizeof(struct topic) + pubsub->thread_count * sizeof(struct topic_share) + name.len;
    struct topic *topic = thread_alloc_zeroed(MEM_CLIENT, bytes);
    if (topic == NULL) {
        return NULL;
    }
    topic->hash = hash;
    topic->kind = (uint8_t)kind;
    topic->name_len = (uint32_t)name.len;
    topic->block_bytes = bytes;
    topic->shares = (struct topic_share *)(topic + 1);
    topic->name = (char *)(topic->shares + pubsub->thread_count);
    if (name.len > 0) {
        memcpy(topic->name, name.data, name.len);
    }
    topic->next = *place_of(table, hash);
    *place_of(table, hash) = topic;
    table->count++;
    atomic_fetch_add_explicit(&pubsub->topics, 1, memory_order_relaxed);
    return topic;
}

static void take_out(struct pubsub *pubsub, const struct topic *topic)
{
    struct topic_table *table = &pubsub->tables[topic->kind];
    struct topic **link = place_of(table, topic->hash);
    while (*link != topic) {
        assert(*link != NULL);
        link = &(*link)->next;
    }
    *link = topic->next;
    table->count--;
    atomic_fetch_sub_explicit(&pubsub->topics, 1, memory_order_relaxed);
}

static void free_if_unused(struct topic *topic)
{
    if (topic->count == 0 && topic->holds == 0) {
        thread_free(MEM_CLIENT, topic, topic->block_bytes);
    }
}

/* --- delivering --- */

static void deliver_to_topic(const struct thread *thread, const struct letter *letter, const struct topic *topic)
{
    const struct publication publication = {
        .kind = (enum topic_kind)topic->kind,
        .pattern = {topic->name, topic->name_len},
        .channel = letter->channel,
        .text = letter->text,
    };
    for (const struct subscription *at = topic->shares[thread->number].first; at != NULL; at = at->next_on_thread) {
        if (at->since < letter->number) {
            at->subscriber->deliver(at->subscriber, &publication);
        }
    }
}

/* Under the lock: the delivery is done. */
static void end_delivery(struct letter *letter)
{
    assert(letter->left > 0);
    if (--letter->left > 0) {
        return;
    }
    for (uint32_t i = 0; i < letter->topic_count; i++) {
        if (letter->topics[i] != NULL) {
            letter->topics[i]->holds--;
            free_if_unused(letter->topics[i]);
        }
    }
    thread_free(MEM_OUTPUT_BUFFER, letter, letter->block_bytes);
}

/* All that is in the thread's queue. */
void pubsub_deliver(struct thread *thread)
{
    struct pubsub *pubsub = thread->server->pubsub;
    struct queue *queue = &pubsub->queues[thread->number];
    pthread_mutex_lock(&pubsub->lock);
    while (queue->first != NULL) {
        struct delivery *first = queue->first;
        queue->first = queue->last = NULL;
        pthread_mutex_unlock(&pubsub->lock);
        for (const struct delivery *delivery = first; delivery != NULL; delivery = delivery->next) {
            for (uint32_t i = 0; i < delivery->letter->topic_count; i++) {
                if (delivery->letter->topics[i] != NULL) {
                    deliver_to_topic(thread, delivery->letter, delivery->letter->topics[i]);
                }
            }
        }
        pthread_mutex_lock(&pubsub->lock);
        struct delivery *next;
        for (struct delivery *delivery = first; delivery != NULL; delivery = next) {
            next = delivery->next; /* it stands in the letter */
            end_delivery(delivery->letter);
        }
    }
    pthread_mutex_unlock(&pubsub->lock);
}

static void be_told(struct thread *thread, struct message *message)
{
    struct pubsub *pubsub = thread->server->pubsub;
    struct queue *queue = &pubsub->queues[thread->number];
    assert(message == &queue->message);
    pthread_mutex_lock(&pubsub->lock);
    queue->is_told = false;
    pthread_mutex_unlock(&pubsub->lock);
    pubsub_deliver(thread);
}

/* --- publishing --- */

static bool is_match(const struct topic *pattern, struct bytes channel)
{
    return glob_match((struct bytes){pattern->name, pattern->name_len}, channel, false);
}

/* Under the lock: the topics of a message, into `out` unless it is NULL; how many places it needs. The channel is the first. */
static uint32_t find_topics(const struct pubsub *pubsub, enum topic_kind kind, uint64_t hash, struct bytes channel, struct topic **out)
{
    struct topic *topic = find(&pubsub->tables[kind], hash, channel);
    uint32_t count = 1;
    if (out != NULL) {
        out[0] = topic;
    }
    const struct topic_table *patterns = &pubsub->tables[TOPIC_PATTERN];
    for (uint32_t i = 0; kind == TOPIC_CHANNEL && i < patterns->place_count; i++) {
        for (struct topic *pattern = patterns->places[i]; pattern != NULL; pattern = pattern->next) {
            if (is_match(pattern, channel)) {
                if (out != NULL) {
                    out[count] = pattern;
                }
                count++;
            }
        }
    }
    return count > 1 || topic != NULL ? count : 0;
}

static struct letter *write_letter(struct pubsub *pubsub, struct bytes channel, struct bytes text, uint32_t topic_count)
{
    const size_t bytes = sizeof(struct letter) + topic_count * sizeof(struct topic *) + pubsub->thread_count * sizeof(struct delivery) +
                         channel.len + text.len;
    struct letter *letter = thread_alloc(MEM_OUTPUT_BUFFER, bytes);
    if (letter == NULL) {
        return NULL;
    }
    *letter = (struct letter){.number = ++pubsub->numbers, .topic_count = topic_count, .block_bytes = bytes};
    letter->deliveries = (struct delivery *)(letter->topics + topic_count);
    char *at = (char *)(letter->deliveries + pubsub->thread_count);
    letter->channel = (struct bytes){at, channel.len};
    letter->text = (struct bytes){at + channel.len, text.len};
    memcpy(at, channel.data, channel.len);
    memcpy(at + channel.len, text.data, text.len);
    return letter;
}

static bool has_on(const struct letter *letter, uint32_t thread)
{
    bool has_any = false;
    for (uint32_t i = 0; i < letter->topic_count && !has_any; i++) {
        has_any = letter->topics[i] != NULL && letter->topics[i]->shares[thread].count > 0;
    }
    return has_any;
}

/* Under the lock. */
static void send_letter(struct thread *thread, struct pubsub *pubsub, struct letter *letter)
{
    for (uint32_t i = 0; i < pubsub->thread_count; i++) {
        if (!has_on(letter, i)) {
            continue;
        }
        struct queue *queue = &pubsub->queues[i];
        struct delivery *delivery = &letter->deliveries[letter->left++];
        *delivery = (struct delivery){NULL, letter};
        if (queue->first == NULL) {
            queue->first = delivery;
        } else {
            queue->last->next = delivery;
        }
        queue->last = delivery;
        if (!queue->is_told) {
            queue->is_told = true;
            message_send(thread, server_thread(thread->server, i), &queue->message);
        }
    }
}

bool pubsub_is_used(const struct server *server)
{
    return atomic_load_explicit(&server->pubsub->topics, memory_order_relaxed) != 0;
}

int64_t pubsub_publish(struct thread *thread, enum topic_kind kind, struct bytes channel, struct bytes text)
{
    struct pubsub *pubsub = thread->server->pubsub;
    if (LIKELY(atomic_load_explicit(&pubsub->topics, memory_order_relaxed) == 0)) {
        return 0;
    }
    const uint64_t hash = hash_of(thread, channel);
    int64_t receivers = 0;
    pthread_mutex_lock(&pubsub->lock);
    const uint32_t count = find_topics(pubsub, kind, hash, channel, NULL);
    struct letter *letter = count == 0 ? NULL : write_letter(pubsub, channel, text, count);
    if (letter != NULL) {
        find_topics(pubsub, kind, hash, channel, letter->topics);
        for (uint32_t i = 0; i < count; i++) {
            if (letter->topics[i] != NULL) {
                letter->topics[i]->holds++;
                receivers += letter->topics[i]->count;
            }
        }
        send_letter(thread, pubsub, letter);
    } else if (count > 0) {
        receivers = -1;
    }
    pthread_mutex_unlock(&pubsub->lock);
    return receivers;
}

/* --- subscribing --- */

static struct subscription *find_subscription(const struct subscriber *subscriber, const struct topic *topic)
{
    struct subscription *at = subscriber->first;
    while (at != NULL && at->topic != topic) {
        at = at->next;
    }
    return at;
}

/* The subscriber's subscription, by the shorter of two lists: its own, or the topic's on this thread. */
static struct subscription *find_own(const struct thread *thread, const struct subscriber *subscriber, const struct topic *topic)
{
    const struct topic_share *share = &topic->shares[thread->number];
    const uint32_t own = subscriber->counts[TOPIC_CHANNEL] + subscriber->counts[TOPIC_PATTERN] + subscriber->counts[TOPIC_SHARD_CHANNEL];
    if (own <= share->count) {
        return find_subscription(subscriber, topic);
    }
    struct subscription *at = share->first;
    while (at != NULL && at->subscriber != subscriber) {
        at = at->next_on_thread;
    }
    return at;
}

static void link_subscription(struct thread *thread, struct subscription *new)
{
    struct subscriber *subscriber = new->subscriber;
    struct topic_share *share = &new->topic->shares[thread->number];
    new->previous = subscriber->last;
    *(subscriber->last == NULL ? &subscriber->first : &subscriber->last->next) = new;
    subscriber->last = new;
    new->previous_on_thread = share->last;
    *(share->last == NULL ? &share->first : &share->last->next_on_thread) = new;
    share->last = new;
    subscriber->counts[new->topic->kind]++;
    subscriber->bytes += sizeof *new;
}

static void unlink_subscription(struct thread *thread, struct subscription *old)
{
    struct subscriber *subscriber = old->subscriber;
    struct topic_share *share = &old->topic->shares[thread->number];
    *(old->previous == NULL ? &subscriber->first : &old->previous->next) = old->next;
    *(old->next == NULL ? &subscriber->last : &old->next->previous) = old->previous;
    *(old->previous_on_thread == NULL ? &share->first : &old->previous_on_thread->next_on_thread) = old->next_on_thread;
    *(old->next_on_thread == NULL ? &share->last : &old->next_on_thread->previous_on_thread) = old->previous_on_thread;
    assert(subscriber->counts[old->topic->kind] > 0);
    subscriber->counts[old->topic->kind]--;
    subscriber->bytes -= sizeof *old;
}

enum subscribe_result subscriber_add(struct thread *thread, struct subscriber *subscriber, enum topic_kind kind, struct bytes name)
{
    struct pubsub *pubsub = thread->server->pubsub;
    const uint64_t hash = hash_of(thread, name);
    enum subscribe_result result = SUBSCRIBE_NO_MEMORY;
    struct subscription *new = thread_alloc_zeroed(MEM_CLIENT, sizeof *new);
    if (new == NULL) {
        return SUBSCRIBE_NO_MEMORY;
    }
    pthread_mutex_lock(&pubsub->lock);
    struct topic *topic = find(&pubsub->tables[kind], hash, name);
    if (topic != NULL && find_own(thread, subscriber, topic) != NULL) {
        result = SUBSCRIBED_ALREADY;
    } else if (topic != NULL || (topic = add_topic(pubsub, kind, hash, name)) != NULL) {
        *new = (struct subscription){.topic = topic, .subscriber = subscriber, .since = pubsub->numbers};
        topic->count++;
        topic->shares[thread->number].count++;
        result = SUBSCRIBED;
    }
    pthread_mutex_unlock(&pubsub->lock);
    if (result == SUBSCRIBED) {
        link_subscription(thread, new); /* only this thread looks at the list */
    } else {
        thread_free(MEM_CLIENT, new, sizeof *new);
    }
    return result;
}

/* It is not counted any more, gets what was published before, and goes. */
static void end_subscription(struct thread *thread, struct subscription *old)
{
    struct pubsub *pubsub = thread->server->pubsub;
    struct topic *topic = old->topic;
    pthread_mutex_lock(&pubsub->lock);
    assert(topic->count > 0 && topic->shares[thread->number].count > 0);
    topic->shares[thread->number].count--;
    topic->holds++; /* until this one is unlinked: others may end the last one meanwhile */
    if (--topic->count == 0) {
        take_out(pubsub, topic);
    }
    pthread_mutex_unlock(&pubsub->lock);
    pubsub_deliver(thread);
    unlink_subscription(thread, old);
    thread_free(MEM_CLIENT, old, sizeof *old);
    pthread_mutex_lock(&pubsub->lock);
    topic->holds--;
    free_if_unused(topic);
    pthread_mutex_unlock(&pubsub->lock);
}

bool subscriber_remove(struct thread *thread, struct subscriber *subscriber, enum topic_kind kind, struct bytes name)
{
    struct pubsub *pubsub = thread->server->pubsub;
    pthread_mutex_lock(&pubsub->lock);
    const struct topic *topic = find(&pubsub->tables[kind], hash_of(thread, name), name);
    struct subscription *old = topic == NULL ? NULL : find_own(thread, subscriber, topic);
    pthread_mutex_unlock(&pubsub->lock);
    if (old != NULL) {
        end_subscription(thread, old);
    }
    return old != NULL;
}

void subscriber_clear(struct thread *thread, struct subscriber *subscriber)
{
    while (subscriber->first != NULL) {
        end_subscription(thread, subscriber->first);
    }
}

const struct subscription *subscriber_next(const struct subscriber *subscriber, enum topic_kind kind, const struct subscription *previous)
{
    const struct subscription *at = previous == NULL ? subscriber->first : previous->next;
    while (at != NULL && at->topic->kind != kind) {
        at = at->next;
    }
    return at;
}

struct bytes subscription_name(const struct subscription *subscription)
{
    return (struct bytes){subscription->topic->name, subscription->topic->name_len};
}

/* --- what there is --- */

uint64_t pubsub_subscribers(const struct server *server, enum topic_kind kind, struct bytes name)
{
    struct pubsub *pubsub = server->pubsub;
    pthread_mutex_lock(&pubsub->lock);
    const struct topic *topic = find(&pubsub->tables[kind], hash_bytes(&server->secret, name), name);
    const uint64_t count = topic == NULL ? 0 : topic->count;
    pthread_mutex_unlock(&pubsub->lock);
    return count;
}

uint64_t pubsub_topics(const struct server *server, enum topic_kind kind)
{
    struct pubsub *pubsub = server->pubsub;
    pthread_mutex_lock(&pubsub->lock);
    const uint64_t count = pubsub->tables[kind].count;
    pthread_mutex_unlock(&pubsub->lock);
    return count;
}

void pubsub_visit(const struct server *server, enum topic_kind kind, struct bytes pattern, void (*visit)(struct bytes name, void *arg),
                  void *arg)
{
    struct pubsub *pubsub = server->pubsub;
    const struct topic_table *table = &pubsub->tables[kind];
    pthread_mutex_lock(&pubsub->lock);
    for (uint32_t i = 0; i < table->place_count; i++) {
        for (const struct topic *topic = table->places[i]; topic != NULL; topic = topic->next) {
            const struct bytes name = {topic->name, topic->name_len};
            if (pattern.data == NULL || glob_match(pattern, name, false)) {
                visit(name, arg);
            }
        }
    }
    pthread_mutex_unlock(&pubsub->lock);
}

/* --- start and end --- */

struct pubsub *pubsub_create(uint32_t thread_count)
{
    struct pubsub *pubsub = calloc(1, sizeof *pubsub + thread_count * sizeof(struct queue));
    if (pubsub == NULL) {
        return NULL;
    }
    pubsub->thread_count = thread_count;
    pthread_mutex_init(&pubsub->lock, NULL);
    for (uint32_t i = 0; i < thread_count; i++) {
        pubsub->queues[i].message.deliver = be_told;
    }
    return pubsub;
}

void pubsub_destroy(struct pubsub *pubsub)
{
    if (pubsub == NULL) {
        return;
    }
    for (uint32_t i = 0; i < pubsub->thread_count; i++) {
        struct delivery *next;
        for (struct delivery *delivery = pubsub->queues[i].first; delivery != NULL; delivery = next) {
            next = delivery->next;
            end_delivery(delivery->letter);
        }
    }
    for (int kind = 0; kind < TOPIC_KINDS; kind++) {
        struct topic_table *table = &pubsub->tables[kind];
        assert(table->count == 0);
        thread_free(MEM_CLIENT, table->places, table->place_count * sizeof *table->places);
    }
    pthread_mutex_destroy(&pubsub->lock);
    free(pubsub);
}

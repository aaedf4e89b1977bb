/* inbox.c - see inbox.h.  */
#include "shard/inbox.h"

#include "shard/message.h"
#include "shard/thread.h"

#include <assert.h>

static struct inbox_item *item_of_link(struct link *link)
{
    return (struct inbox_item *)((char *)link - offsetof(struct inbox_item, link));
}

/* Runs what waits; the items that ran are chained in *ran, to be told when the baton is free. */
static unsigned drain(struct thread *thread, struct shard *shard, struct inbox_item **ran) REQUIRES(shard->baton)
{
    unsigned count = 0;
    struct link *next;
    for (struct link *link = link_take_all(&shard_inbox(shard)->items); link != NULL; link = next) {
        next = link->next;
        struct inbox_item *item = item_of_link(link);
        item->run(thread, shard, item);
        item->link.next = *ran == NULL ? NULL : &(*ran)->link;
        *ran = item;
        count++;
    }
    stat_add(&thread->stats.batches_combined, count);
    return count;
}

static void tell(struct thread *thread, struct inbox_item *ran)
{
    while (ran != NULL) {
        struct inbox_item *next = ran->link.next == NULL ? NULL : item_of_link(ran->link.next);
        ran->ran(thread, ran);
        ran = next;
    }
}

/* Drains, releases, and looks once more: see inbox.h. */
static void release_one(struct thread *thread, struct shard *shard) RELEASE(shard->baton)
{
    struct inbox_item *ran = NULL;
    unsigned drained = 0;
    for (;;) {
        if (!inbox_is_empty(shard)) {
            drained += drain(thread, shard, &ran);
        }
        baton_release(&shard->baton);
        if (LIKELY(inbox_is_empty(shard))) {
            break;
        }
        if (drained >= INBOX_DRAIN_MAX) {
            thread_wake(thread, server_thread(thread->server, shard->number));
            break;
        }
        if (!baton_try(&shard->baton)) {
            break;
        }
    }
    if (UNLIKELY(ran != NULL)) {
        tell(thread, ran);
    }
}

/* Whoever has pushed something on looks whether its shard is free, as for an item of its own. */
static void look_after_pushed_on(struct thread *thread)
{
    uint32_t number;
    while ((number = shard_set_next(&thread->travelling, 0)) != SHARD_NONE) {
        struct shard *shard = &thread->server->shards[number];
        shard_set_remove(&thread->travelling, number);
        if (!inbox_is_empty(shard) && baton_try(&shard->baton)) {
            release_one(thread, shard);
        }
    }
}

void shard_release(struct thread *thread, struct shard *shard)
{
    release_one(thread, shard);
    if (UNLIKELY(!shard_set_is_empty(&thread->travelling))) {
        look_after_pushed_on(thread);
    }
}

void inbox_push(struct thread *thread, struct shard *shard, struct inbox_item *item)
{
    link_push(&shard_inbox(shard)->items, &item->link);
    if (baton_try(&shard->baton)) {
        shard_release(thread, shard);
    }
}

void inbox_push_on(struct thread *thread, struct shard *shard, struct inbox_item *item)
{
    shard_set_add(&thread->travelling, shard->number);
    link_push(&shard_inbox(shard)->items, &item->link);
}

void inbox_drain_own(struct thread *thread)
{
    struct shard *shard = thread->shard;
    if (!inbox_is_empty(shard) && baton_try(&shard->baton)) {
        shard_release(thread, shard);
    }
}

/* --- several batons --- */

void shards_release_set(struct thread *thread, const struct shard_set *set)
{
    for (uint32_t i = shard_set_next(set, 0); i != SHARD_NONE; i = shard_set_next(set, i + 1)) {
        struct shard *shard = &thread->server->shards[i];
        baton_assert_held(&shard->baton);
        release_one(thread, shard);
    }
    look_after_pushed_on(thread);
}

/* The batons that are free, in ascending order up to the first one that is not. */
static bool try_set(struct shard *shards, const struct shard_set *set, struct shard_set *held)
{
    for (uint32_t i = shard_set_next(set, 0); i != SHARD_NONE; i = shard_set_next(set, i + 1)) {
        if (!baton_try_one_of_several(&shards[i].baton)) {
            return false;
        }
        shard_set_add(held, i);
    }
    return true;
}

void shards_take_set(struct thread *thread, const struct shard_set *set)
{
    struct shard *shards = thread->server->shards;
    struct shard_set held = {0};
    if (LIKELY(try_set(shards, set, &held))) {
        return;
    }
    stat_add(&thread->stats.batches_waited, 1);
    shards_release_set(thread, &held);
    for (uint32_t i = shard_set_next(set, 0); i != SHARD_NONE; i = shard_set_next(set, i + 1)) {
        baton_take_one_of_several(&shards[i].baton);
    }
}

struct shard_set shard_take_unless_mine(struct thread *thread, const struct shard *shard)
{
    struct shard_set set = {0};
    if (!baton_is_mine(&shard->baton)) {
        shard_set_add(&set, shard->number);
        shards_take_set(thread, &set);
    }
    return set;
}

void shard_give_back(struct thread *thread, const struct shard_set *taken)
{
    if (!shard_set_is_empty(taken)) {
        shards_release_set(thread, taken);
    }
}

void shards_take_all(struct thread *thread)
{
    const struct shard_set all = shard_set_of_first(thread->server->shard_count);
    shards_take_set(thread, &all);
}

void shards_release_all(struct thread *thread)
{
    const struct shard_set all = shard_set_of_first(thread->server->shard_count);
    shards_release_set(thread, &all);
}

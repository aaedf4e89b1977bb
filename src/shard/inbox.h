/* inbox.h - work that is handed to a shard: whoever holds the shard's baton runs it before giving the baton back.
 *
 * What is pushed is always seen. The pusher tries the baton once more after the push; the holder looks into the inbox once more
 * after the release. The push, the try and the release are sequentially consistent, so the pusher finds the baton free, or the holder
 * finds what was pushed.
 *
 * Threads    Any shard thread, for any shard.
 * Memory     An item is embedded in its maker's structure, and lent from inbox_push until `ran` is called.
 * Invariant  Items of one thread run in the order of their pushes. Several batons are taken all at once without waiting, or in
 *            ascending order: two holders of several can never wait for each other.
 * Limits     INBOX_DRAIN_MAX: what one holder runs for others before it leaves the rest to the shard's own thread.
 * Read on    docs/ARCHITECTURE.md, "The baton".  */
#ifndef SHARD_INBOX_H
#define SHARD_INBOX_H

#include "base/attributes.h"
#include "shard/link.h"
#include "shard/server.h"

enum { INBOX_DRAIN_MAX = 8 };

struct inbox_item {
    struct link link;
    /* Under the shard's baton, on the thread that holds it. */
    void (*run)(struct thread *holder, struct shard *shard, struct inbox_item *item);
    /* On the same thread, when the baton has been given back: the item is its maker's again, or is pushed on with inbox_push_on. */
    void (*ran)(struct thread *runner, struct inbox_item *item);
};

/* One a shard. */
struct inbox {
    _Alignas(CACHE_LINE_BYTES) struct link_stack items;
};

static inline struct inbox *shard_inbox(const struct shard *shard)
{
    return &shard->server->inboxes[shard->number];
}

static inline bool inbox_is_empty(const struct shard *shard)
{
    return link_is_empty(&shard_inbox(shard)->items);
}

/* Hands it over; runs it at once, with all that waits there, when the shard has just become free. */
void inbox_push(struct thread *thread, struct shard *shard, struct inbox_item *item);
/* The same from an item's `ran`: whether the shard is free is looked at when no other baton is held. */
void inbox_push_on(struct thread *thread, struct shard *shard, struct inbox_item *item);
/* Runs what waits for the thread's own shard. */
void inbox_drain_own(struct thread *thread);

/* Gives the baton back: runs what waits, releases, and looks once more. */
void shard_release(struct thread *thread, struct shard *shard) RELEASE(shard->baton);

/* The baton, unless the thread holds it already, inside another command. Gives the set of what was taken, for shard_give_back. */
struct shard_set shard_take_unless_mine(struct thread *thread, const struct shard *shard);
void shard_give_back(struct thread *thread, const struct shard_set *taken);

/* The batons of a set: first all without waiting; if one is held, in ascending order. */
void shards_take_set(struct thread *thread, const struct shard_set *set);
void shards_release_set(struct thread *thread, const struct shard_set *set);
/* The batons of all shards. */
void shards_take_all(struct thread *thread);
void shards_release_all(struct thread *thread);

#endif

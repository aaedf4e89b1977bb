/* blocked.h - keys for which clients are blocked (BLPOP): a queue a key, and which of them have changed.
 *
 * Whoever blocks has a *blocked_key* for each of its keys, which stands in the queue of that key in the key's shard. A change that is
 * reported there, and leaves what somebody waits for in the key, makes the queue *ready*: whoever holds the baton serves it when its command is done (exec/block_serve.h). The listener of
 * changes is on while any client is blocked for a key.
 *
 * Threads    Under the baton of the shard, except where it says otherwise.
 * Memory     A blocked_key is its owner's, lent from blocked_key_add until blocked_key_remove.
 * Invariant  D1 a blocked_key is in a queue exactly while `queue` is not NULL; D2 a queue is there exactly while somebody is in it, and its
 *            keys stand in the order in which they came; D3 a queue is in the list of the ready exactly while is_ready.
 * Limits     Queues are told apart by the 64-bit hash of the key and the database: a change of another key may make one ready, which is
 *            looked at in vain.
 * Source     Redis 7.0, blocked.c: clients of one key are served in the order in which they blocked.  */
#ifndef SHARD_BLOCKED_H
#define SHARD_BLOCKED_H

#include "base/attributes.h"
#include "data/keyspace.h"
#include "effect/effect.h"
#include "shard/blocked_state.h"

#include <stdbool.h>
#include <stdint.h>

struct server;
struct shard;
struct thread;

struct blocked_key {
    struct blocked_queue *queue;
    struct blocked_key *previous, *next;
    struct shard *shard;
    void *owner;       /* who is blocked: exec/block.c */
    uint8_t type;      /* enum value_type of what it waits for */
    bool hears_end;    /* it is served, too, when the key has gone or holds another type */
    _Atomic int64_t look_ms; /* wall: when the queue is to be made ready, also when nothing has changed; 0: never. Of the owner's room */
    struct key key;    /* its name is the owner's */
    uint32_t db;
};

struct blocked_queue {
    struct blocked_queue *next_in_place;
    struct blocked_queue *next_ready;
    struct blocked_queue *next_late; /* of whoever serves: those that could not be served now */
    struct blocked_key *first, *last;
    uint64_t hash;
    uint64_t ready_ticks; /* when it became ready: of several shards' queues the oldest is served first */
    uint32_t db;
    uint8_t types;        /* bits: what its keys have waited for, at one time or another */
    bool hears_end;       /* one of them does, or did */
    bool is_ready;
    bool is_late;         /* it is in that list */
};

/* The shards' listener, to be registered at start. Its context is the server. */
extern const struct effect_listener blocked_listener;

/* One client more, or less, is blocked for keys: turns the listener on and off. Under the batons of all of its keys when one more; any thread. */
void blocked_count(struct server *server, bool is_more);

/* The key, with shard, owner, key and db set, goes to the end of its queue. False: no memory. */
MUST_USE bool blocked_key_add(struct blocked_key *key);
/* It leaves its queue. */
void blocked_key_remove(struct blocked_key *key);

/* Does any queue wait to be served? Also without the baton: then it may be a moment old. */
static inline bool shard_has_ready(const struct blocked_keys *keys)
{
    return UNLIKELY(__atomic_load_n(&keys->ready_first, __ATOMIC_RELAXED) != NULL);
}
/* The one that became ready first leaves the list of the ready. There is one. */
struct blocked_queue *blocked_take_ready(struct blocked_keys *keys);
/* The queue is ready, as the last one, though nothing has changed: it could not be served before, or something may have become due. */
void blocked_make_ready(struct blocked_keys *keys, struct blocked_queue *queue);

/* The keys of the whole database go (FLUSHDB), or are others now (SWAPDB). That makes the queues ready of those who hear the end of a key, or
 * all: a key that goes serves nobody else, and one that comes later in the same transaction has its place in the order then.  */
void blocked_note_database(struct shard *shard, uint32_t db, bool has_others);

/* The shard's own thread is told that something is left to be served: it wakes, and looks. */
void blocked_tell_late(struct thread *sender, struct shard *shard);
/* That thread: was it told since it last asked? */
bool blocked_take_late(struct blocked_keys *keys);
static inline bool blocked_is_late(const struct blocked_keys *keys)
{
    return atomic_load_explicit(&keys->is_late, memory_order_relaxed);
}

/* Nobody is blocked any more. */
void blocked_keys_close(struct blocked_keys *keys);

#endif

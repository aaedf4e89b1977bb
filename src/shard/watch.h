/* watch.h - keys and tables that connections watch (WATCH, TABLE.WATCH): has any of them changed since?
 *
 * A *watcher* has a list of *watches*, one a key, each of which stands in the table of its key's shard, too. A change of a key marks
 * the watchers of its watches; what is reported as a change is all that counts, so writes, expiry and eviction do alike. The listener
 * of changes is on while there is any watcher. A table has a watch in each shard, which sees what happens to the rows there; what happens
 * to the table itself is reported in the first shard. So a reader of the mark who holds the batons of all its watches misses nothing.
 *
 * Threads    A watcher is its connection's; watches are added, marked and read under the baton of their shard.
 * Invariant  A1 a watch is in its watcher's list exactly while it is in its shard's table; A2 the listener is on while any watcher has a
 *            watch, and was so before the baton under which its first watch came was given up.
 * Limits     Keys are told apart by their 64-bit hash and database: another key's change may mark a watcher, none is missed.
 * Source     Redis 7.0, multi.c: what WATCH sees, and what of a key that had expired already when it was watched.  */
#ifndef SHARD_WATCH_H
#define SHARD_WATCH_H

#include "base/attributes.h"
#include "data/keyspace.h"
#include "effect/effect.h"
#include "shard/watch_state.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct server;
struct shard;
struct watch;

struct watcher {
    struct watch *first;
    uint32_t count;        /* of keys and tables */
    size_t bytes;          /* of its watches */
    _Atomic bool is_marked; /* written under a baton of its watches; relaxed */
};

/* The shards' listener, to be registered at start. Its context is the server. */
extern const struct effect_listener watch_listener;

/* The watcher watches the key in database `db` of `shard`, whose baton is held; once, however often it is asked. False: no memory. */
MUST_USE bool watcher_add(struct watcher *watcher, struct shard *shard, uint32_t db, struct key key, int64_t now_ms);
/* The watcher watches the table "ns.t" of database `db`, there or not, in all shards, whose batons are held. False: no memory; it may be
 * watched in some.  */
MUST_USE bool watcher_add_table(struct watcher *watcher, struct server *server, uint32_t db, struct bytes name);
/* Has a watched key changed? Any thread: it may be a moment old. */
static inline bool watcher_is_marked(const struct watcher *watcher)
{
    return atomic_load_explicit(&watcher->is_marked, memory_order_relaxed);
}
/* Has a watched key changed, or expired, since it was watched? Under the batons of all its shards. */
MUST_USE bool watcher_has_missed(const struct watcher *watcher, int64_t now_ms);
/* Ends all of its watches, taking the batons of their shards one after the other: the caller holds none, or all. */
void watcher_clear(struct watcher *watcher);

/* The shard of the watch, and the next one of its watcher; NULL: it is the last one. */
struct shard *watch_shard(const struct watch *watch);
const struct watch *watch_next(const struct watch *watch);

/* All keys of the database are going to be removed, or to be exchanged (its tables may have been already) for those of database `other` (WATCH_NO_OTHER: removed): whoever watches one
 * that is there, now or then, is marked. Under the shard's baton, before it is done.  */
#define WATCH_NO_OTHER UINT32_MAX
void watches_mark_database(struct shard *shard, uint32_t db, uint32_t other);

/* Nobody watches any more. */
void watches_close(struct watches *watches);

#endif

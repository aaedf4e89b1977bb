/* tracking.h - caches of clients: which client may have which key in its cache, and the message that the key has changed.
 *
 * A *tracker* stands for a connection. While it is on, keys that the connection reads are remembered in the table of their shard, in the
 * step that reads them; or, with TRACKER_BCAST, the tracker has prefixes and nothing is remembered. A change of a key takes it out of the
 * table and posts a *letter* to every thread that has a receiver of it, before the baton is given up: so the letter is in the
 * receiver's mailbox before the change is answered. The receiver is the tracker itself, or the one to which it redirects.
 *
 * Threads    A shard's table: under its baton, with which the lock of trackers.h may be taken, not the other way round. Letters are delivered by
 *            the receiver's thread.
 * Memory     thread_alloc, MEM_CLIENT; letters MEM_OUTPUT_BUFFER.
 * Invariant  T2 whoever is remembered for a key gets a letter about the next change of it, or, where memory for that was refused, one that says
 *            that everything is invalid.
 * Limits     tracking-table-max-keys keys over all shards.
 * Source     Redis 7.0, tracking.c: who is told, of what, and when a key is forgotten.  */
#ifndef TRACKING_TRACKING_H
#define TRACKING_TRACKING_H

#include "effect/effect.h"
#include "tracking/trackers.h"

/* Before the threads start, and when they have ended. NULL: no memory. */
struct tracking *tracking_create(uint32_t thread_count, tracker_deliver_fn *deliver, tracker_of_fn *tracker_of) MUST_USE;
void tracking_destroy(struct tracking *tracking);

/* The shards' listener, to be registered at start. Its context is the server. */
extern const struct effect_listener tracking_listener;

/* The tracker's connection has read the key. Under the baton of the shard, in the step that has read. */
void tracking_remember(struct thread *thread, struct shard *shard, struct tracker *tracker, uint64_t hash, struct bytes name);

/* All keys of a database go, or are exchanged: everybody is told that everything is invalid. Under all batons. */
void tracking_invalidate_all(struct thread *thread);
/* `hz` times a second: forgets keys of the thread's shard beyond the limit, or all, when nobody is left; tells those to whom nothing could
 * be told. True: there are more to forget.  */
bool tracking_tend(struct thread *thread);

#endif

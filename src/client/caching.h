/* caching.h - connections that keep a cache (CLIENT TRACKING), and how they are told that a key in it is invalid.
 *
 * What is told is written behind the replies of commands that may have read the key before it changed: else the client would put an old
 * value into its cache behind the message. So while such commands of the connection are in a batch, the message is held; when they
 * wait for a long one, or are it, it is told at once and once more behind them. Keys that are broadcast are collected until all
 * messages of a turn are there, and told together, each once.
 *
 * Threads    The connection's.
 * Source     Redis 7.0, tracking.c and networking.c: what is sent to which protocol.  */
#ifndef CLIENT_CACHING_H
#define CLIENT_CACHING_H

#include "tracking/trackers.h"

struct thread;

/* tracker_deliver_fn. */
void session_deliver_invalidation(struct tracker *receiver, const struct invalidation *what);
/* What was collected or held is told, if it can be now: when the messages of a turn are delivered, and at its end. */
void caches_tell(struct thread *thread);

#endif

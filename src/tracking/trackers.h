/* trackers.h - all trackers, their modes and prefixes; and whose command a thread runs.
 *
 * Threads    A tracker's functions: its connection's thread. They take the lock under which others read what they write.
 * Memory     thread_alloc, MEM_CLIENT.
 * Invariant  T1 the listener of changes is on while any connection has a tracker.
 * Source     Redis 7.0, tracking.c.  */
#ifndef TRACKING_TRACKERS_H
#define TRACKING_TRACKERS_H

#include "base/attributes.h"
#include "base/bytes.h"
#include "tracking/tracker.h"

#include <stddef.h>

struct server;
struct tracking;

enum invalidation_kind {
    INVALID_KEY,
    INVALID_BROADCAST, /* the same by a prefix: those of one turn are told together */
    INVALID_ALL,       /* every key */
    INVALID_RECEIVER,  /* the connection to which the tracker redirects has gone */
};

/* What a receiver is told. All is lent. */
struct invalidation {
    enum invalidation_kind kind;
    bool is_own;        /* by the receiver's own command, which may not be answered yet */
    bool is_redirected; /* the receiver is told for another tracker, or by its own wish as if it were */
    struct bytes key;
    uint64_t source;        /* id of the tracker that it is about; */
    uint64_t prefix;        /* INVALID_BROADCAST: number of its prefix */
};

/* Tells the receiver's connection; on its thread. */
typedef void tracker_deliver_fn(struct tracker *receiver, const struct invalidation *what);
/* The tracker of a connection, whose calls are under way. */
typedef struct tracker *tracker_of_fn(const struct session *session);

/* It is off, and held for its maker. NULL: no memory. */
struct tracker *tracker_create(struct thread *thread, struct session *session, uint64_t id) MUST_USE;
/* Its connection ends: it is off, nothing is delivered to it any more, and its maker's hold is given up. */
void tracker_close(struct tracker *tracker);
/* Turns it on with these modes; `redirect`: held by the caller, and taken; NULL: none. Prefixes are added to those it has. False: no memory; nothing has
 * changed, and `redirect` is still the caller's.  */
MUST_USE bool tracker_switch_on(struct tracker *tracker, uint32_t mode, struct tracker *redirect, const struct bytes *prefixes,
                                uint32_t prefix_count);
void tracker_switch_off(struct tracker *tracker);
/* Prefix `number` of the tracker, in the order of the texts. */
struct bytes tracker_prefix(const struct tracker *tracker, uint32_t number);
/* What it takes beside itself. */
size_t tracker_bytes(const struct tracker *tracker);

/* What a call does for its tracker; 0: it has none that is on. */
enum tracked_call {
    TRACKED_CALL = 1 << 0,
    TRACKED_READ = 1 << 1,      /* its reply may be cached */
    TRACKED_REMEMBERS = 1 << 2, /* the keys that it reads are remembered */
};
struct tracker *tracker_of_session(const struct server *server, const struct session *session);
/* From here to tracking_act(thread, NULL, 0), what the thread changes is changed by that tracker. */
void tracking_act(struct thread *thread, struct tracker *tracker, unsigned tracked);
/* The thread's actor is to remember what it reads. NULL: there is none, or it is not. */
struct tracker *tracking_reader(const struct thread *thread);
struct tracking_figures {
    uint64_t clients, keys, items, prefixes;
};
struct tracking_figures tracking_figures(const struct server *server);

#endif

/* tracker.h - what stands for a connection that tracks keys, or is told for another that does.
 *
 * Threads    Each group of fields says so; the lock is that of trackers.h.
 * Memory     thread_alloc, MEM_CLIENT. It lives while anybody holds it: its connection, a table of keys, a letter, a tracker that redirects to it.  */
#ifndef TRACKING_TRACKER_H
#define TRACKING_TRACKER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct prefix;
struct session;
struct thread;

enum tracker_mode {
    TRACKER_ON = 1 << 0,
    TRACKER_BCAST = 1 << 1,
    TRACKER_OPTIN = 1 << 2,
    TRACKER_OPTOUT = 1 << 3,
    TRACKER_NOLOOP = 1 << 4,
    TRACKER_BROKEN = 1 << 5, /* the receiver to which it redirects has gone, and somebody has noticed */
};

struct tracker {
    uint64_t id;                   /* of its connection */
    struct thread *thread;         /* its connection's */
    struct session *session;       /* its connection's; NULL: it has gone. Its thread's own */
    /* Under the lock; its own thread reads without */
    uint32_t mode;                 /* enum tracker_mode */
    bool is_closed;                /* its connection has gone */
    bool is_void;                  /* it has to be told that everything is invalid */
    struct tracker *redirect;      /* held; NULL: it receives itself */
    struct prefix **prefixes;      /* in the order of their texts */
    uint32_t prefix_count, prefix_capacity;
    uint32_t place;                /* among all trackers */
    /* any thread */
    _Atomic uint32_t holds;
};

void tracker_hold(struct tracker *tracker);
/* The last one frees it, when its connection has gone. */
void tracker_release(struct tracker *tracker);

#endif

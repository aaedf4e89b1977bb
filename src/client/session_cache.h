/* session_cache.h - what a connection has for its cache (CLIENT TRACKING): its tracker, and what its commands do for it.
 *
 * Threads    The connection's; session_tracker: any that runs a call of a session that tracks.
 * Memory     A session has one from its first CLIENT TRACKING on, or when another redirects to it, until it ends. MEM_CLIENT, and
 *            MEM_OUTPUT_BUFFER for what is held.
 * Read on    caching.h: how it is told.  */
#ifndef CLIENT_SESSION_CACHE_H
#define CLIENT_SESSION_CACHE_H

#include "mem/buffer.h"
#include "tracking/trackers.h"

struct call;
struct session;

struct session_cache {
    struct tracker *tracker;
    struct session *session;
    bool is_caching;            /* CLIENT CACHING YES or NO was said */
    bool was_about_client;      /* the last command lets that stand for the next one */
    bool is_due;                /* in the thread's list */
    const void *own_job;        /* what is held waits for the reply of this job of the connection's; NULL: of none */
    bool tells_own;             /* what is being told is of that job */
    struct session_cache *next_due;
    struct buffer held;         /* messages for behind the replies under way */
    struct buffer broadcast;    /* keys of this turn: caching.c */
};

/* The session's tracker; a new one if it has none. NULL: no memory. */
struct tracker *session_make_tracker(struct thread *thread, struct session *session) MUST_USE;
/* NULL: it has none. */
struct tracker *session_tracker(const struct session *session);
/* After tracker_switch_on and tracker_switch_off. */
void session_tracking_changed(struct session *session);
/* CLIENT CACHING: was it said for the next command? And to say it. */
bool session_has_caching(const struct session *session);
void session_set_caching(struct session *session);
/* Reads of the session are remembered now. */
bool session_remembers(const struct session *session);
/* It is switched off, as RESET does. */
void session_end_tracking(struct session *session);
/* The session ends. */
void session_drop_cache(struct session *session);
size_t session_cache_bytes(const struct session *session);

/* What a call of a session that tracks is to do for it, in the order of the calls: enum tracked_call. */
uint8_t session_tracked_call(struct session *session, const struct call *call);

#endif

/* feed.h - bytes for connections that are sent to unasked: MONITOR's lines, the stream of effects.
 *
 * Threads    feed_send: any shard thread. feed_join, feed_leave: the session's own.
 * Invariant  Bytes of one kind arrive in the order in which they were handed over: what was handed over under a baton before it
 *            was given up comes before what the next holder hands over.  */
#ifndef CLIENT_FEED_H
#define CLIENT_FEED_H

#include "base/bytes.h"
#include "shard/thread_stats.h"

#include <stdbool.h>
#include <stdint.h>

struct server;
struct session;
struct thread;

/* Copies `text` for every session that has joined. A session that would get a gap, since memory was refused, is closed instead. */
void feed_send(struct thread *thread, enum feed feed, struct bytes text);
/* Whoever made the text had no memory: all sessions of the feed are closed. */
void feed_break(struct thread *thread, enum feed feed);
/* `hz` times a second: closes the thread's sessions in feeds that have broken. */
void feeds_check(struct thread *thread);
/* Has anybody joined? Relaxed. */
bool feed_is_wanted(const struct server *server, enum feed feed);
bool session_is_in_feed(const struct session *session, enum feed feed);
void feed_join(struct thread *thread, struct session *session, enum feed feed);
void feed_leave(struct thread *thread, struct session *session, enum feed feed);

#endif

/* session_user.h - who a connection is, and what happens to it when users change.
 *
 * A session holds its user as it was when its thread last looked. Before a thread runs commands it looks whether users have changed since
 * (dispatch_rounds), so no command that comes after the answer to a change is judged by the rules before it.
 *
 * Threads    The connection's.  */
#ifndef CLIENT_SESSION_USER_H
#define CLIENT_SESSION_USER_H

#include "base/attributes.h"
#include "base/bytes.h"
#include "shard/server.h"

struct acl_user;
struct session;
struct thread;

/* A new connection, or one after RESET: the default user, logged in unless that one must log in. */
void session_begin_user(const struct thread *thread, struct session *session);
/* Logs in as `user`, which is taken. */
void session_log_in(struct session *session, struct acl_user *user);
/* At its end. */
void session_end_user(struct session *session);
struct bytes session_user_name(const struct session *session);

/* Connections of the thread whose user has gone, or may not have one of their subscriptions any more, are closed; the others are judged by the
 * rules of now. `self`: the session whose command has changed users, which is left open; NULL: none. Returns true when it is to be closed
 * behind its reply.  */
bool sessions_follow_users(struct thread *thread, const struct session *self);
/* Has the thread to look again? */
bool sessions_are_behind(const struct thread *thread);

#endif

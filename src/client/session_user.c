/* session_user.c - see session_user.h.  */
#include "client/session_user.h"

#include "acl/check.h"
#include "acl/users.h"
#include "client/clients.h"
#include "client/sessions.h"
#include "pubsub/pubsub.h"
#include "shard/thread.h"

static void set_user(struct session *session, struct acl_user *user)
{
    acl_user_drop(session->user);
    session->user = user;
    session->is_restricted = !acl_user_is_unrestricted(user);
}

void session_begin_user(const struct thread *thread, struct session *session)
{
    set_user(session, acl_hold_default(thread->server->acl));
    session->is_authenticated = !acl_user_needs_login(session->user);
}

void session_log_in(struct session *session, struct acl_user *user)
{
    set_user(session, user);
    session->is_authenticated = true;
}

void session_end_user(struct session *session)
{
    acl_user_drop(session->user);
    session->user = NULL;
}

struct bytes session_user_name(const struct session *session)
{
    return buffer_bytes(&session->user->name);
}

/* --- changes --- */

static bool keeps_subscriptions(const struct session *session, const struct acl_user *user)
{
    bool keeps = true;
    for (int kind = 0; kind < TOPIC_KINDS && session->subscriber != NULL; kind++) {
        const struct subscription *subscription = NULL;
        while (keeps && (subscription = subscriber_next(session->subscriber, (enum topic_kind)kind, subscription)) != NULL) {
            keeps = acl_allows_channel(user, subscription_name(subscription), kind == TOPIC_PATTERN);
        }
    }
    return keeps;
}

/* Judged by who has followed its user. False: nobody has, or the connection has what that one may not. */
static bool follow(struct session *session, struct acl *acl)
{
    struct acl_user *user = acl_find(acl, session_user_name(session));
    if (user == NULL || user->id != session->user->id) {
        acl_user_drop(user);
        return false;
    }
    const bool keeps = user == session->user || acl_user_is_unrestricted(user) || keeps_subscriptions(session, user);
    set_user(session, user);
    return keeps;
}

bool sessions_follow_users(struct thread *thread, const struct session *self)
{
    struct acl *acl = thread->server->acl;
    bool ends_self = false;
    thread->clients->users_version = acl_version(acl);
    struct session *session = NULL;
    while ((session = thread_session_next(thread, session)) != NULL) {
        if (follow(session, acl)) {
            continue;
        }
        if (session == self) {
            ends_self = true;
        } else {
            session_close(session);
        }
    }
    return ends_self;
}

bool sessions_are_behind(const struct thread *thread)
{
    return thread->clients->users_version != acl_version(thread->server->acl);
}

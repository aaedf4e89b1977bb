/* subscription.h - a connection that subscribes to channels, and how a message is written to it.
 *
 * Threads    The connection's.
 * Memory     A session has a subscriber from its first subscription until it ends, or RESET.  */
#ifndef CLIENT_SUBSCRIPTION_H
#define CLIENT_SUBSCRIPTION_H

#include "base/attributes.h"
#include "pubsub/pubsub.h"

struct session;

/* The session's; a new one if it has none. NULL: no memory. */
struct subscriber *session_subscriber(struct session *session) MUST_USE;
/* Delivers what has been published for it so far: before its protocol changes, and before it is closed. */
void session_deliver_messages(struct thread *thread, const struct session *session);
/* Ends all subscriptions, behind what has been published for them. */
void session_unsubscribe(struct thread *thread, struct session *session);

#endif

/* subscription.h - a connection that subscribes to channels: how a message is written to it.
 *
 * Threads    The connection's.  */
#ifndef CLIENT_SUBSCRIPTION_H
#define CLIENT_SUBSCRIPTION_H

#include "pubsub/pubsub.h"

/* Of struct subscriber: writes the message behind what is in the connection's output already. */
void subscription_deliver(struct subscriber *subscriber, const struct publication *publication);

#endif

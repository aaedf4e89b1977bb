/* keyspace_events.h - what happens to keys and tables, published: notify-keyspace-events.
 *
 *   __keyspace@<db>__:<key>          <event>                 with K
 *   __keyevent@<db>__:<event>        <key>                   with E
 *   __table@<db>__:<ns>.<table>      insert|update|delete <row id>, create, alter, drop         with T, whatever K and E say
 *
 * Published under the baton, in the step that changes: the events of a key, or of a row, come in their order, those of a transaction
 * among them. One for which memory is refused before it is under way is lost; a subscriber to whom one cannot be delivered is closed.
 *
 * Source     Redis 7.0: the channels, and which events there are. Of table changes Redis has none.  */
#ifndef CMD_KEYSPACE_EVENTS_H
#define CMD_KEYSPACE_EVENTS_H

#include "effect/effect.h"

struct server;

/* Registered at start; the server is its context. */
extern const struct effect_listener keyspace_events;

/* The parameter is what it is now: from here on the listener wants what that needs. Any thread; before the threads start, too. */
void keyspace_events_configure(struct server *server);

#endif

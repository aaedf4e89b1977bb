/* ready.h - may a connection run its next command, as far as its unsent replies go?
 *
 * Threads    The connection's.
 * Limits     Those of exec/pending.h.
 * Read on    docs/ARCHITECTURE.md, "Backpressure".  */
#ifndef CLIENT_READY_H
#define CLIENT_READY_H

#include "client/connection.h"

/* May it run its next command now, as far as its output goes? */
bool connection_has_output_room(const struct connection *connection);
/* The same for that command. */
bool connection_has_room_for(const struct connection *connection, const struct command_spec *spec);
/* It has sent some: perhaps its next command has room now. */
void connection_look_for_room(struct connection *connection);
/* Goes on with its input or its window, if nothing is in the way. */
void connection_continue(struct connection *connection);

#endif

/* effect_feed.h - the effects of all changes as a stream of commands to connections (DEBUG EFFECTS).
 *
 * Whoever sends the stream to an empty server with `DEBUG SET-EXPIRY 0`, whatever its number of shards, makes the same data there.  */
#ifndef CMD_EFFECT_FEED_H
#define CMD_EFFECT_FEED_H

#include "effect/effect.h"

struct exec;

/* Registered at start; the server is its context. */
extern const struct effect_listener effect_feed;

/* The session of the command gets every effect from now on. Under the batons of all shards, on the session's thread. */
void effect_feed_begin(struct exec *exec);

#endif

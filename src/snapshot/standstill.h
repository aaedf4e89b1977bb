/* standstill.h - commands wait, as under CLIENT PAUSE, while all data are being saved for the last time (ending.h) or saved and loaded again
 * (DEBUG RELOAD): what is acknowledged is saved.
 *
 * A pause of CLIENT PAUSE's own goes on behind it. Commands that were dispatched before may still run: whoever needs to know looks at `changes`.
 *
 * Threads    One holder at a time; its fields are the holder's.  */
#ifndef SNAPSHOT_STANDSTILL_H
#define SNAPSHOT_STANDSTILL_H

#include "base/attributes.h"

#include <stdbool.h>

struct server;

struct standstill {
    struct server *server;          /* NULL: it is not held */
    bool was_for_writes_only;       /* CLIENT PAUSE's */
};

/* From now on commands that write wait. False: another holds one. */
MUST_USE bool standstill_begin(struct standstill *standstill, struct server *server);
/* From now on those that read, too, and instead of being answered LOADING; but for those of connections. */
void standstill_widen(struct standstill *standstill);
/* Commands go on. Nothing when it is not held. */
void standstill_end(struct standstill *standstill);

#endif

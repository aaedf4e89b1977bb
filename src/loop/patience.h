/* patience.h - systemd is asked for patience while the server loads, or ends with a last snapshot or its log.
 *
 *   CALM --it loads or ends--> ASKING, again each PATIENCE_MS --it runs, and that is said--> CALM
 *
 * systemd ends what starts or stops for longer than TimeoutStartSec or TimeoutStopSec, unless it is asked for more time again and again. How much is
 * loaded does not matter: a server that is alive may load as long as it takes.
 *
 * Threads    The main thread's.  */
#ifndef LOOP_PATIENCE_H
#define LOOP_PATIENCE_H

#include <stdbool.h>
#include <stdint.h>

struct server;

enum { PATIENCE_MS = 1000 };

struct patience {
    int64_t asked_ms; /* monotonic */
    bool is_asking;
};

/* Called at least each PATIENCE_MS, beginning with all zero. */
void patience_look(struct patience *patience, const struct server *server);

#endif

/* open_listeners.h - every socket that the configuration asks for, or none.
 *
 * Threads    The main thread, before any other is made; SIGTERM and SIGINT are blocked.  */
#ifndef SERVER_OPEN_LISTENERS_H
#define SERVER_OPEN_LISTENERS_H

#include "config/config.h"
#include "net/listener.h"
#include "server/metrics_port.h"

enum open_outcome {
    OPEN_DONE,
    OPEN_FAILED,  /* a sentence on standard error, and in the log if that is a file, has said why */
    OPEN_STOPPED, /* SIGTERM or SIGINT came while a port in use was waited for */
};

/* Opens listeners for `bind`, `port`, the shards' ports and `unixsocket`, and those of `metrics-port`. What is in use is tried again for
 * `bind-retry-ms`: the last process's sockets may not be gone yet. Unless OPEN_DONE, both are empty again.  */
MUST_USE enum open_outcome open_listeners(struct config *config, struct listeners *listeners, struct metrics_port *metrics_port);

#endif

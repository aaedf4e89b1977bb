/* acceptor.h - takes connections in and hands each to a shard thread; also listens for signals.
 *
 * Threads    The main thread.  */
#ifndef LOOP_ACCEPTOR_H
#define LOOP_ACCEPTOR_H

#include "net/listener.h"
#include "shard/server.h"

/* Runs until the server stops (SIGTERM, SIGINT, SHUTDOWN). False: no ring; errno. */
MUST_USE bool acceptor_run(struct server *server, const struct listeners *listeners);

#endif

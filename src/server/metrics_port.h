/* metrics_port.h - the HTTP port (`metrics-port`): its sockets, and what the server does for it.
 *
 * Threads    The main thread.
 * Read on    src/http/README.md  */
#ifndef SERVER_METRICS_PORT_H
#define SERVER_METRICS_PORT_H

#include "http/http.h"
#include "net/listener.h"
#include "shard/server.h"

struct metrics_port {
    struct listeners listeners;
    int inside_fds[2];   /* a pipe to the acceptor: connections of the server to itself; -1: none */
    struct server *server;
    struct http *http;   /* NULL: it does not run */
};

/* Before anything else of it. */
void metrics_port_init(struct metrics_port *port);
/* Listens, if the configuration has a port. *error as listeners_add_tcp; what was opened stays for metrics_port_close. */
MUST_USE enum listen_outcome metrics_port_open(struct metrics_port *port, struct config *config, char error[256]);
/* Answers from now on; `port` and `server` stay until metrics_port_stop. False: no thread, memory or descriptor; errno. */
MUST_USE bool metrics_port_start(struct metrics_port *port, struct server *server);
/* Ends the thread, if there is one; the acceptor does not run any more. */
void metrics_port_stop(struct metrics_port *port);
/* Nothing listens any more. */
void metrics_port_close(struct metrics_port *port);

#endif

/* acceptor.h - takes connections in and hands each to a shard thread; also listens for signals.
 *
 * Threads    The main thread.  */
#ifndef LOOP_ACCEPTOR_H
#define LOOP_ACCEPTOR_H

#include "net/listener.h"
#include "shard/server.h"

/* A connection of the server to itself, as it is written into a pipe: the acceptor takes `fd`. */
enum { ACCEPTOR_NAME_MAX = 120 };
struct acceptor_inside {
    int fd;
    char name[ACCEPTOR_NAME_MAX]; /* of the session, as of CLIENT SETNAME; NUL behind it */
};

/* May this client, of whatever port, not be answered? That is protected mode. Any thread. */
bool acceptor_forbids(const struct server *server, int fd);

/* Runs until the server stops (SIGTERM, SIGINT, SHUTDOWN). `inside_fd`: the reading end of that pipe, which does not block; -1: none. False: no
 * ring; errno. */
MUST_USE bool acceptor_run(struct server *server, const struct listeners *listeners, int inside_fd);

#endif

/* server.h - the whole server in this process, on one shard, and its clients: what cmd_stream.c drives.
 *
 * Threads    The fuzzer's own. The server has the others: its main (the acceptor), one shard thread, those it makes itself.
 * Limits     STREAM_CLIENTS connections at once. What is not answered within STREAM_QUIET_MS is given up: a connection closes.  */
#ifndef FUZZ_STREAM_SERVER_H
#define FUZZ_STREAM_SERVER_H

#include "base/attributes.h"
#include "base/bytes.h"

#include <stdbool.h>

enum { STREAM_CLIENTS = 3, STREAM_QUIET_MS = 40, STREAM_ANSWER_MS = 60000, STREAM_LINE_MAX = 512 };

/* The connections of one input; -1: not connected. */
struct stream_clients {
    int fds[STREAM_CLIENTS];
};

/* Starts a server in a directory of its own, which is empty. Aborts the process where it does not start. */
void stream_server_start(void);
/* Ends it, as SIGTERM does, and waits; one that has ended already is only awaited. Aborts the process where it does not end. */
void stream_server_stop(void);

void stream_clients_init(struct stream_clients *clients);
/* Sends the text over connection `number`, which is made if it is not there, when nothing more comes in answer to what was sent before, and drops
 * what all of them are sent meanwhile.  */
void stream_clients_send(struct stream_clients *clients, unsigned number, struct bytes text);
/* Nothing more is sent; replies are read until the server closes, or nothing has come for STREAM_QUIET_MS. */
void stream_clients_end(struct stream_clients *clients);

/* A connection of the fuzzer itself; -1: none is to be had. */
int stream_connect(void);
/* Sends a command (inline, with its CR LF) and reads one line. False: no answer; the connection is closed, or STREAM_ANSWER_MS are over. */
MUST_USE bool stream_ask(int fd, const char *command, char line[STREAM_LINE_MAX]);

#endif

/* server.h - the server's parts together: shards, threads, the index of commands.
 *
 * Threads    The main thread.  */
#ifndef LOOP_SERVER_H
#define LOOP_SERVER_H

#include "shard/server.h"

struct server_options {
    struct config *config;           /* lent until server_destroy; `shards` is set */
    const struct command_spec *const *commands; /* lent; command_count rows by index */
    uint32_t command_count;
    const struct command_observer *observer;    /* may be NULL */
    void (*row_changed)(void *shard, const struct row_change *change); /* may be NULL: table/slice_owner.h */
    const struct effect_listener *const *listeners; /* lent; ended by NULL: each is called with the server as its context */
};

/* Makes shards and heaps; no thread runs yet. NULL: no memory (the process is expected to end). */
struct server *server_create(const struct server_options *options);
/* Starts the shard threads and waits until each has its ring. False: errno. */
MUST_USE bool server_start_threads(struct server *server);
/* After server_stop. */
void server_join_threads(struct server *server);
void server_destroy(struct server *server);

#endif

/* clients.h - what this room keeps for a thread: its connections. Each group has one owner, the file that is named.
 *
 * Threads    The thread's own, except where a field says otherwise.  */
#ifndef CLIENT_CLIENTS_H
#define CLIENT_CLIENTS_H

#include "base/attributes.h"
#include "net/output.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct command_spec;
struct connection;

enum { RECEIVE_BUFFERS = 128 }; /* of RING_BUFFER_BYTES, a thread */

/* Lists of connections to which something is to be done: commands run, commands tried again, tried after CLIENT PAUSE, looked at when
 * the turn ends (replies sent, reading on), long outputs sent on, handshakes of TLS gone on with, ended. */
enum connection_list { LIST_READY, LIST_PAUSED, LIST_DIRTY, LIST_BULK, LIST_HANDSHAKE, LIST_CLOSING, CONNECTION_LISTS };

/* A receive buffer whose connection has enough waiting. */
struct deferred_input {
    struct connection *connection;
    uint32_t len;
    uint16_t buffer;
};

/* Connections that are sent to unasked (session_is_fed), as a thread found them when it last looked, `hz` times a second. */
struct fed_clients {
    uint64_t count, waiting_bytes;         /* unread output of all of them */
    uint64_t slowest_id, slowest_bytes;    /* the one with most of it */
};

struct clients {
    /* connection.c */
    struct connection *connections;
    struct connection *list_first[CONNECTION_LISTS], *list_last[CONNECTION_LISTS];
    struct chunk_pool chunks;        /* of all outputs */
    /* receive.c */
    struct deferred_input deferred[RECEIVE_BUFFERS]; /* oldest first */
    uint32_t deferred_count;
    size_t turn_input_bytes;         /* that were added to query buffers in this turn, */
    size_t turn_lent_bytes;          /* and room of theirs that the kernel was lent */
    /* dispatch.c: the command that was looked up last */
    const struct command_spec *last_spec;
    char last_name[16];
    size_t last_name_len;
    /* session_user.c: acl_version as it was when the sessions were last looked at */
    uint64_t users_version;
    /* lifetime.c */
    uint32_t endings;                /* connections that are ENDING */
    uint64_t closing_since_ticks;    /* connections wait to be ended since; 0 none */
    /* caching.c: whoever is to be told of invalid keys at the end of a turn */
    struct session_cache *caches_due;
    /* hold.c: whose replies wait for the log of changes, and logged.moves as it was when they were looked at */
    struct connection *held;
    uint64_t held_moves;
    /* handshake.c: when the log was last told of one that failed, and of how many it was not told since */
    int64_t handshake_said_ms;       /* wall; 0: never */
    uint64_t handshakes_unsaid;
    /* retry.c */
    int64_t paused_ms;               /* wall: when the list of the paused was last looked at, */
    int64_t paused_until_ms;         /* and CLIENT PAUSE as it was when it was last tried */
    bool was_paused_for_writes_only;
    /* client_memory.c */
    bool is_counting;                /* maxmemory-clients is set */
    /* any thread reads, relaxed; written when connections come and go, and `hz` times a second */
    _Alignas(CACHE_LINE_BYTES) struct fed_clients fed; /* limits.c */
    int64_t bytes;                   /* client_memory.c: of its connections, while they are counted, */
    int64_t bytes_max;               /* and of the largest that may be closed, or more: C2 there */
    /* any thread writes, as seldom */
    _Atomic uint32_t connection_count; /* given to the thread by the acceptor and not closed */
    _Atomic uint8_t broken_feeds;    /* feed.c: bit f: a session of its in that enum feed would have a gap */
};

#endif

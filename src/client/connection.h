/* connection.h - one client's socket: its lists, and its life.
 *
 *   OPEN -----> FINISHING        no more commands; CLOSING when its replies are sent
 *    |  \          |  |
 *    |   \---------|--|-> LINGERING   the same after an error: what it still sends is dropped, so that its own writes end and it reads the
 *    |             |  |      |        error; its replies sent, it is told that no more come:
 *    |             |  |      v
 *    |             |  |    SHUT       CLOSING when it has ended, too, or LINGER_MS after LINGERING began
 *    v             v  v      v
 *   CLOSING                      no commands, no replies; it waits in LIST_CLOSING
 *    |
 *    v
 *   ENDING                       its requests were told to end (some at once, since what ends is delivered in the order in which it ended:
 *    |                           others would wait behind all of them); it is in LIST_DIRTY whenever one has
 *    v
 *   (freed)                      no request and no call is under way, and it is in no other list
 *
 * Threads    Its thread.
 * Invariant  Every change of `state` is made by connection_enter, and goes forward. */
#ifndef CLIENT_CONNECTION_H
#define CLIENT_CONNECTION_H

#include "client/clients.h"
#include "client/session.h"
#include "net/output.h"
#include "net/parser.h"
#include "net/ring.h"
#include "shard/thread.h"
#include "tls/stream.h"

#include <assert.h>

struct holds;
struct window;

enum { LINGER_MS = 2000 };

enum connection_state {
    CONNECTION_OPEN,
    CONNECTION_FINISHING,
    CONNECTION_LINGERING,
    CONNECTION_SHUT,
    CONNECTION_CLOSING,
    CONNECTION_ENDING,
};

/* Kinds of its requests in the ring. */
enum { REQUEST_RECEIVE, REQUEST_SEND, REQUEST_CANCEL };

struct connection {
    struct session session;          /* first: sessions and connections are the same address */
    struct ring_owner owner;         /* of its requests */
    struct thread *thread;
    int fd;
    uint32_t requests;               /* receive, send and cancel requests in the ring, and deferred receive buffers */
    uint8_t state;                   /* enum connection_state */
    bool is_receiving, is_sending, is_cancelling;
    bool is_input_ended;             /* the peer has sent all it will send */
    bool wants_more;                 /* its input may hold commands that were not looked at */
    bool waits_for_room;             /* its next command runs when fewer replies are unsent */
    bool is_paced;                   /* sends faster than its commands run: received piece by piece */
    bool is_query_lent : 1;          /* the kernel receives into the room behind `query`, which stays where it is */
    bool is_deferring : 1;           /* in deferred_input_take: one of its buffers waits on */
    uint8_t deferred;                /* its receive buffers in the thread's queue */
    bool is_in_list[CONNECTION_LISTS];
    struct connection *previous, *next;                    /* of its thread */
    struct connection *list_next[CONNECTION_LISTS];
    /* input: first what is left of a receive buffer, or the query buffer, never both */
    int32_t held;                    /* receive buffer whose bytes calls use, or that is not parsed yet; -1 none */
    uint32_t held_at, held_len;      /* its unparsed part */
    struct buffer query;
    size_t query_at;
    struct buffer backlog;           /* what came while calls of a window pointed into the input */
    struct parser parser;
    struct window *window;
    struct output output;            /* text, even where what is sent is not */
    struct tls_stream *tls;          /* NULL: no TLS */
    struct holds *holds;             /* hold.c: what of the output waits for the log; NULL: it never has */
    struct iovec pieces[OUTPUT_GATHER_MAX];
    struct msghdr header;            /* of a send of several pieces */
    int64_t output_soft_since_ms;    /* over the soft limit since; 0 not */
    int64_t linger_until_ms;         /* wall */
    int64_t sent_ms;                 /* wall: when replies were last taken from it */
    size_t counted_bytes;            /* of clients->bytes */
};

/* The state as others ask for it. */
static inline bool connection_is_open(const struct connection *connection)
{
    return LIKELY(connection->state == CONNECTION_OPEN);
}

static inline bool connection_is_closing(const struct connection *connection)
{
    return UNLIKELY(connection->state >= CONNECTION_CLOSING);
}

static inline bool connection_is_lingering(const struct connection *connection)
{
    return UNLIKELY(connection->state == CONNECTION_LINGERING || connection->state == CONNECTION_SHUT);
}

/* The one place where a connection's state changes. */
void connection_enter(struct connection *connection, enum connection_state state);

static inline struct connection *connection_of(const struct session *session)
{
    return (struct connection *)(uintptr_t)session;
}

/* Adds it behind the others, once. When it is closing it stands where it is to be ended, whatever the list. */
void connection_list_add(struct connection *connection, enum connection_list list);
/* The first one of a list, which leaves it; NULL. */
struct connection *connection_list_take(struct thread *thread, enum connection_list list);
bool connection_is_in_any_list(const struct connection *connection);

/* No more commands and replies: freed when nothing is under way for it. */
void connection_close(struct connection *connection);
/* Closed when its replies are sent. */
void connection_finish(struct connection *connection);
/* Closed when its replies are sent and read; for at most LINGER_MS. */
void connection_linger(struct connection *connection);

/* It must log in and has not. */
bool connection_is_unauthenticated(const struct connection *connection);
/* `requests` counts what may still refer to the connection, so that it is not freed too early. */
static inline bool connection_requests_are_right(const struct connection *connection)
{
    return connection->requests == (uint32_t)connection->is_receiving + connection->is_sending + connection->is_cancelling +
                                       connection->deferred;
}

/* Its peer is not known yet: nothing that it sends is a command. */
static inline bool connection_is_in_handshake(const struct connection *connection)
{
    return UNLIKELY(connection->tls != NULL) && connection->tls->phase == TLS_HANDSHAKE;
}

/* TLS has something to be sent, text or not. */
static inline bool connection_has_cipher(const struct connection *connection)
{
    return UNLIKELY(connection->tls != NULL) && connection->tls->pipe.cipher.bytes > 0;
}

/* Bytes that were received and not read yet. */
static inline size_t connection_waiting_bytes(const struct connection *connection)
{
    debug_assert(connection->held < 0 || connection->held_at <= connection->held_len);
    debug_assert(connection->query_at <= connection->query.len);
    const size_t held = connection->held >= 0 ? connection->held_len - connection->held_at : 0;
    return held + connection->query.len - connection->query_at + connection->backlog.len;
}

#endif

/* session.h - what a connection has said about itself: its database, protocol, name, modes.
 *
 * Threads    Its connection's thread only.
 * Read on    sessions.h: what other rooms may ask of a connection.  */
#ifndef CLIENT_SESSION_H
#define CLIENT_SESSION_H

#include "base/bytes.h"
#include "mem/buffer.h"
#include "pubsub/pubsub.h"

#include <stdbool.h>
#include <stdint.h>

struct acl_user;
struct command_spec;
struct prepared_set;
struct session_cache;
struct transaction;

enum { SESSION_NAME_MAX = 128 };

enum session_reply_mode { REPLY_ON, REPLY_OFF, REPLY_SKIP_NEXT };
enum { SESSION_TRACKS = 1 << 2 }; /* above the reply modes: dispatch.c looks at both at once */

struct session {
    uint64_t id;
    uint32_t db;
    uint8_t protocol;              /* 2 or 3 */
    uint8_t reply_mode;            /* enum session_reply_mode */
    uint8_t tracks;                /* SESSION_TRACKS: CLIENT TRACKING is on; else 0 */
    bool is_authenticated;
    bool is_restricted;            /* `user` may not do everything: each command is checked */
    uint8_t feeds;                 /* bit f: it has joined that enum feed */
    bool is_no_evict;
    bool is_no_touch;
    bool is_unix;
    bool is_shard_port;            /* came in on port + 1 + shard, or tls-port + 1 + shard */
    bool is_tls;
    bool is_copying;               /* SYNC: it is sent a file, and counts as a replica */
    int64_t created_ms;            /* wall */
    int64_t active_ms;             /* wall: last bytes from it */
    uint64_t commands_total;
    uint64_t input_bytes_total, output_bytes_total;
    struct acl_user *user;         /* who it is: never NULL, held (acl/user.h); client/session_user.h changes it */
    const struct command_spec *last_command;
    struct subscriber *subscriber; /* channels and patterns that it has subscribed to; NULL: it never has (client/subscription.h) */
    struct session_cache *cache;   /* it has tracked, or is told for others: client/session_cache.h; NULL: neither */
    struct transaction *transaction; /* MULTI or WATCH was said: exec/transaction.h; NULL: neither */
    struct prepared_set *prepared; /* statements that it has prepared: exec/prepared.h; NULL: none */
    struct buffer name;            /* CLIENT SETNAME; empty: none */
    struct buffer lib_name, lib_version;
};

static inline bool session_subscribes(const struct session *session)
{
    return session->subscriber != NULL && subscriber_is_any(session->subscriber);
}

/* How many subscriptions of a kind it has. */
static inline uint32_t session_subscriptions(const struct session *session, enum topic_kind kind)
{
    return session->subscriber == NULL ? 0 : session->subscriber->counts[kind];
}

/* What they take in all. */
static inline size_t session_subscription_bytes(const struct session *session)
{
    return session->subscriber == NULL ? 0 : session->subscriber->bytes;
}

/* The server sends to it unasked, whether it reads or not: it has joined a feed, or subscribed. */
static inline bool session_is_fed(const struct session *session)
{
    return session->feeds != 0 || session_subscribes(session);
}

#endif

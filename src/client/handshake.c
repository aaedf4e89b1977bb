/* handshake.c - see handshake.h.  */
#include "client/handshake.h"

#include "acl/users.h"
#include "base/clock.h"
#include "client/receive.h"
#include "client/session_user.h"
#include "client/sessions.h"
#include "shard/log.h"
#include "shard/server.h"

enum {
    HANDSHAKE_TURN_US = 500,
    SAY_EVERY_MS = 1000, /* a line of a thread's in the log */
    NAME_MAX_BYTES = 256,
};

/* Redis's text; not more often than SAY_EVERY_MS, or strangers fill the log. */
static void say_failure(struct connection *connection, const char *reason)
{
    struct clients *clients = connection->thread->clients;
    const int64_t now_ms = connection->thread->now_ms;
    char peer[SESSION_ADDRESS_MAX], local[SESSION_ADDRESS_MAX];
    if (now_ms - clients->handshake_said_ms < SAY_EVERY_MS && now_ms >= clients->handshake_said_ms) {
        clients->handshakes_unsaid++;
        return;
    }
    session_peer_address(&connection->session, peer);
    session_local_address(&connection->session, local);
    log_write(connection->thread->server->config, LOG_LEVEL_WARNING,
              "Error accepting a client connection: %s (addr=%s laddr=%s); %llu more since the last such line", reason, peer, local,
              (unsigned long long)clients->handshakes_unsaid);
    clients->handshake_said_ms = now_ms;
    clients->handshakes_unsaid = 0;
}

/* The peer is told why, if OpenSSL has made an alert of it. */
static void fail(struct connection *connection)
{
    char reason[TLS_ERROR_MAX];
    tls_error_take(reason);
    say_failure(connection, reason);
    stat_add(&connection->thread->stats.tls_failed, 1);
    buffer_release(&connection->tls->early);
    connection_linger(connection);
}

/* tls-auth-clients-user: whoever shows a certificate is the user of its common name, if there is one who may log in; else the default user. */
static void log_in(struct connection *connection)
{
    char name[NAME_MAX_BYTES];
    if (!connection->tls->context->has_named_users || !tls_stream_common_name(connection->tls, name, sizeof name)) {
        return;
    }
    struct acl_user *user = acl_find(connection->thread->server->acl, bytes_of_string(name));
    if (user != NULL && (user->flags & ACL_USER_ON) != 0) {
        session_log_in(&connection->session, user);
    } else {
        acl_user_drop(user);
    }
}

/* Text may have come with the last message. */
static void begin(struct connection *connection)
{
    struct tls_stream *tls = connection->tls;
    stat_add(&connection->thread->stats.tls_handshakes, 1);
    stat_add(&connection->thread->stats.tls_resumed, tls_stream_is_resumed(tls));
    log_in(connection);
    connection_take_fed(connection);
    buffer_release(&tls->early);
}

static void step(struct connection *connection)
{
    struct tls_stream *tls = connection->tls;
    assert(tls->phase == TLS_HANDSHAKE);
    tls_stream_feed(tls, buffer_bytes(&tls->early));
    switch (tls_stream_step(tls)) {
    case TLS_DONE: begin(connection); break;
    case TLS_WANTS_MORE: tls->early.len = 0; break;
    default: fail(connection); break;
    }
    connection_list_add(connection, LIST_DIRTY); /* what the library wants to say is sent, and more is received */
}

void connections_shake_hands(struct thread *thread)
{
    const uint64_t end = clock_ticks() + (uint64_t)(HANDSHAKE_TURN_US * thread->server->ticks_per_us);
    struct connection *connection;
    do {
        connection = connection_list_take(thread, LIST_HANDSHAKE);
        if (connection != NULL && connection_is_closing(connection)) {
            connection_list_add(connection, LIST_CLOSING); /* where it stands until it is in no other list */
        } else if (connection != NULL && connection_is_open(connection)) {
            step(connection);
        }
    } while (connection != NULL && clock_ticks() < end);
}

bool connection_handshake_is_late(struct connection *connection)
{
    const int64_t limit_ms = atomic_load_explicit(&connection->thread->server->config->tls_handshake_timeout, memory_order_relaxed);
    if (connection->thread->now_ms - connection->session.created_ms < limit_ms) {
        return false;
    }
    stat_add(&connection->thread->stats.tls_failed, 1);
    say_failure(connection, "the handshake has taken longer than tls-handshake-timeout");
    connection_close(connection);
    return true;
}

/* session.h - what a connection has said about itself: its database, protocol, name, modes.
 *
 * Threads    Its connection's thread only.  */
#ifndef CLIENT_SESSION_H
#define CLIENT_SESSION_H

#include "base/bytes.h"
#include "mem/buffer.h"

#include <stdbool.h>
#include <stdint.h>

struct command_spec;
struct connection;
struct thread;

enum { SESSION_NAME_MAX = 128, SESSION_ADDRESS_MAX = 128 };

enum session_reply_mode { REPLY_ON, REPLY_OFF, REPLY_SKIP_NEXT };

struct session {
    uint64_t id;
    uint32_t db;
    uint8_t protocol;              /* 2 or 3 */
    uint8_t reply_mode;            /* enum session_reply_mode */
    bool is_authenticated;
    uint8_t feeds;                 /* bit f: it has joined that enum feed */
    bool is_no_evict;
    bool is_no_touch;
    bool is_unix;
    bool is_shard_port;            /* came in on port + 1 + shard */
    bool must_close;               /* CLIENT KILL, QUIT: close after the replies so far */
    int64_t created_ms;            /* wall */
    int64_t active_ms;             /* wall: last bytes from it */
    uint64_t commands_total;
    uint64_t input_bytes_total, output_bytes_total;
    const struct command_spec *last_command;
    struct buffer name;            /* CLIENT SETNAME; empty: none */
    struct buffer lib_name, lib_version;
};

/* "127.0.0.1:5000", "[::1]:5000", "/tmp/x.sock:0"; `out` holds SESSION_ADDRESS_MAX with the NUL. Reads the socket's name, so
 * not for hot paths.  */
void session_peer_address(const struct session *session, char out[SESSION_ADDRESS_MAX]);
void session_local_address(const struct session *session, char out[SESSION_ADDRESS_MAX]);
int session_fd(const struct session *session);
/* Bytes that wait to be parsed, free room in its query buffer, waiting replies (bytes and chunks), and all memory of the
 * connection together, as counted.  */
struct session_memory {
    size_t query_used, query_free, output_bytes, output_chunks, total_bytes;
};
void session_memory(const struct session *session, struct session_memory *out);

/* The server sends to it unasked, whether it reads or not: it has joined a feed. */
static inline bool session_is_fed(const struct session *session)
{
    return session->feeds != 0;
}

/* The sessions of one thread, on that thread: NULL starts, NULL ends. Safe against nothing being closed in between only. */
struct session *thread_session_next(struct thread *thread, struct session *previous);
/* Marks it: it is closed at the end of the turn, at once or after its replies. */
void session_close(struct session *session, bool after_replies);
/* Appends bytes to its output outside of any command (MONITOR, later pub/sub). On its own thread. */
void session_push(struct session *session, struct bytes protocol_bytes);

#endif

/* sessions.h - what other rooms may ask of a connection, by its session.
 *
 * Threads    Its connection's thread only; server_total_fed: any.  */
#ifndef CLIENT_SESSIONS_H
#define CLIENT_SESSIONS_H

#include "client/clients.h"
#include "client/session.h"

struct server;
struct thread;

enum { SESSION_ADDRESS_MAX = 128 };

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

/* The sessions of one thread, on that thread: NULL starts, NULL ends. Safe against nothing being closed in between only. */
struct session *thread_session_next(struct thread *thread, struct session *previous);
/* It is closed at the end of the turn. */
void session_close(struct session *session);
/* Is its command blocked (BLPOP)? */
bool session_is_blocked(const struct session *session);
/* CLIENT UNBLOCK: its command is answered, as if its time was over or with an error. False: it is not blocked. */
bool session_unblock(struct session *session, bool is_error);
/* Appends bytes to its output outside of any command (MONITOR, messages of channels). On its own thread. */
void session_push(struct session *session, struct bytes protocol_bytes);
/* The same without a copy: takes the buffer's memory, of MEM_OUTPUT_BUFFER, whatever happens. */
void session_push_buffer(struct session *session, struct buffer *protocol_bytes);
/* What is not sent yet. */
size_t session_unsent_bytes(const struct session *session);

/* Of all threads together. */
void server_total_fed(const struct server *server, struct fed_clients *out);

#endif

/* listener.h - the sockets that the server listens on.
 *
 * Threads    The main thread.
 * Invariant  Nothing but its descriptor refers to a listening socket: when the process is gone, so is the socket. A request in an
 *            io_uring would hold it for up to 220 ms longer, and the next process could not listen meanwhile.  */
#ifndef NET_LISTENER_H
#define NET_LISTENER_H

#include "base/attributes.h"
#include "base/bytes.h"

#include <stdbool.h>
#include <stdint.h>

enum { LISTENERS_MAX = 1024, LISTENER_ANY_SHARD = -1 };

struct listener {
    int fd;          /* does not block */
    int32_t shard;   /* connections go to this shard's thread; LISTENER_ANY_SHARD: to the least busy */
    bool is_unix;
    bool is_tls;     /* set by whoever added it */
};

struct listeners {
    struct listener all[LISTENERS_MAX];
    uint32_t count;
    char unix_path[108]; /* removed at the end; empty: none */
};

/* Unless LISTEN_OK, *error has a sentence for the user. */
enum listen_outcome {
    LISTEN_OK,
    LISTEN_IN_USE,  /* somebody listens there: perhaps a process that is just ending */
    LISTEN_REFUSED,
};

/* Listens on every address of `bind` (redis.conf's form: addresses with blanks between them, "*" and "::*" for any, a leading '-'
 * means that it may be missing on this machine). */
MUST_USE enum listen_outcome listeners_add_tcp(struct listeners *listeners, const char *bind_addresses, uint16_t port,
                                               int backlog, int32_t shard, char error[256]);
/* `mode`: permission bits, 0 leaves the umask's. A file at `path` is replaced, unless somebody listens on it. */
MUST_USE enum listen_outcome listeners_add_unix(struct listeners *listeners, const char *path, uint32_t mode, int backlog,
                                                char error[256]);
/* Nobody can connect any more; the unix socket's file is gone. Twice does nothing. */
void listeners_close(struct listeners *listeners);

/* "127.0.0.1:6379", "[::1]:6379" or "path:0" for a unix socket, from a socket's peer or own name. `out` is NUL-terminated. */
void socket_peer_text(int fd, char *out, size_t size);
void socket_local_text(int fd, char *out, size_t size);
/* True for a peer on 127.0.0.0/8, ::1 or a unix socket. */
bool socket_peer_is_local(int fd);
/* The peer is told by a reset when the socket is closed, even while it is still sending into a full window. */
void socket_abort_at_close(int fd);
/* TCP_NODELAY, and keep-alive probes after `keepalive_seconds` (0: none). */
void socket_tune(int fd, int keepalive_seconds);

#endif

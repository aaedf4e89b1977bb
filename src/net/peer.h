/* peer.h - a connection to another server, for a thread that may wait: it connects, sends and reads lines, each with a time-out.
 *
 * Threads    One at a time; peer_cancel: any other, while the peer is open. No shard thread may connect, send or read.
 * Memory     The peer's own: a line is lent until the next one is read.
 * Invariant  Every wait ends with its time-out, or soon after peer_cancel; the look-up of a name, too, which goes on by itself then.
 * Limits     PEER_LINE_MAX bytes a line.
 * Read on    lookup.h  */
#ifndef NET_PEER_H
#define NET_PEER_H

#include "base/attributes.h"
#include "base/bytes.h"

#include <stdbool.h>
#include <stdint.h>

enum { PEER_LINE_MAX = 1024 };

enum peer_status {
    PEER_OK,
    PEER_UNKNOWN,   /* the name or the port is none, or there is no answer in time */
    PEER_TIMED_OUT,
    PEER_BROKEN,    /* refused, ended by the other side, or an error of the system */
    PEER_BAD,       /* a line is too long */
    PEER_CANCELLED,
};

struct peer {
    int fd;        /* -1: not connected */
    int cancel_fd; /* eventfd, readable for ever once peer_cancel was called */
    uint32_t input_len, line_len;
    char input[PEER_LINE_MAX]; /* the line that was lent last, and what came behind it */
};

/* False: no descriptor, errno. */
MUST_USE bool peer_open(struct peer *peer);
void peer_close(struct peer *peer);
/* It is not connected any more. */
void peer_hang_up(struct peer *peer);

/* `host`: a name or address; `timeout_ms` > 0: for the name, and for each of its addresses. PEER_TIMED_OUT: nobody has answered yet;
 * PEER_BROKEN: refused.  */
enum peer_status peer_connect(struct peer *peer, const char *host, uint16_t port, int64_t timeout_ms);
/* All of it; the time-out is for each 64 KiB. */
enum peer_status peer_send(struct peer *peer, struct bytes data, int64_t timeout_ms);
/* The next line, without its end (CR LF or LF). */
enum peer_status peer_read_line(struct peer *peer, int64_t timeout_ms, struct bytes *line);
/* Ends the wait under way, and all that would follow. */
void peer_cancel(const struct peer *peer);

#endif

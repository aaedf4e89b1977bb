/* peer.c - see peer.h.  */
#include "net/peer.h"

#include "net/lookup.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SEND_BYTES = 65536 };

bool peer_open(struct peer *peer)
{
    *peer = (struct peer){.fd = -1, .cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    return peer->cancel_fd >= 0;
}

void peer_hang_up(struct peer *peer)
{
    if (peer->fd >= 0) {
        close(peer->fd);
    }
    peer->fd = -1;
}

void peer_close(struct peer *peer)
{
    peer_hang_up(peer);
    close(peer->cancel_fd);
}

void peer_cancel(const struct peer *peer)
{
    (void)!write(peer->cancel_fd, &(uint64_t){1}, sizeof(uint64_t));
}

/* --- waiting --- */

static enum peer_status wait_until(const struct peer *peer, short events, int64_t end_us)
{
    static const enum peer_status statuses[] = {
        [WAIT_IS_READY] = PEER_OK, [WAIT_IS_OVER] = PEER_TIMED_OUT, [WAIT_IS_CANCELLED] = PEER_CANCELLED};
    return statuses[wait_for_fd(peer->fd, events, end_us, peer->cancel_fd)];
}

/* After a call that would have blocked, or was interrupted; another error breaks the connection. */
static enum peer_status wait_after(const struct peer *peer, int error, short events, int64_t end_us)
{
    return error == EAGAIN || error == EINTR ? wait_until(peer, events, end_us) : PEER_BROKEN;
}

/* --- connecting --- */

static enum peer_status connect_to(struct peer *peer, const struct addrinfo *address, int64_t timeout_ms)
{
    peer->fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, address->ai_protocol);
    if (peer->fd < 0) {
        return PEER_BROKEN;
    }
    setsockopt(peer->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    if (connect(peer->fd, address->ai_addr, address->ai_addrlen) == 0) {
        return PEER_OK;
    }
    if (errno != EINPROGRESS) {
        return PEER_BROKEN;
    }
    const enum peer_status status = wait_until(peer, POLLOUT, wait_end_us(timeout_ms));
    int error = 0;
    socklen_t len = sizeof error;
    if (status == PEER_OK && (getsockopt(peer->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0 || error != 0)) {
        return PEER_BROKEN;
    }
    return status;
}

enum peer_status peer_connect(struct peer *peer, const char *host, uint16_t port, int64_t timeout_ms)
{
    struct addrinfo *found;
    assert(peer->fd < 0 && timeout_ms > 0);
    if (!lookup_host(host, port, timeout_ms, peer->cancel_fd, &found)) {
        return PEER_UNKNOWN;
    }
    enum peer_status status = PEER_UNKNOWN;
    for (const struct addrinfo *at = found; at != NULL && status != PEER_OK && status != PEER_CANCELLED; at = at->ai_next) {
        peer_hang_up(peer);
        status = connect_to(peer, at, timeout_ms);
    }
    freeaddrinfo(found);
    if (status != PEER_OK) {
        peer_hang_up(peer);
    }
    return status;
}

/* --- sending and reading --- */

/* Some bytes, `end_us` at the latest. */
static enum peer_status send_chunk(const struct peer *peer, struct bytes chunk, int64_t end_us)
{
    enum peer_status status = PEER_OK;
    while (status == PEER_OK && chunk.len > 0) {
        const ssize_t sent = send(peer->fd, chunk.data, chunk.len, MSG_NOSIGNAL);
        if (sent >= 0) {
            chunk = (struct bytes){chunk.data + sent, chunk.len - (size_t)sent};
        } else {
            status = wait_after(peer, errno, POLLOUT, end_us);
        }
    }
    return status;
}

enum peer_status peer_send(struct peer *peer, struct bytes data, int64_t timeout_ms)
{
    enum peer_status status = PEER_OK;
    assert(peer->fd >= 0);
    while (status == PEER_OK && data.len > 0) {
        const size_t len = data.len < SEND_BYTES ? data.len : SEND_BYTES;
        status = send_chunk(peer, (struct bytes){data.data, len}, wait_end_us(timeout_ms));
        data = (struct bytes){data.data + len, data.len - len};
    }
    return status;
}

/* Drops the line that was lent; looks for the next one in what is there. */
static bool take_line(struct peer *peer, struct bytes *line)
{
    peer->input_len -= peer->line_len;
    memmove(peer->input, peer->input + peer->line_len, peer->input_len);
    peer->line_len = 0;
    const char *end = memchr(peer->input, '\n', peer->input_len);
    if (end == NULL) {
        return false;
    }
    const size_t len = (size_t)(end - peer->input);
    peer->line_len = (uint32_t)len + 1;
    *line = (struct bytes){peer->input, len > 0 && end[-1] == '\r' ? len - 1 : len};
    return true;
}

enum peer_status peer_read_line(struct peer *peer, int64_t timeout_ms, struct bytes *line)
{
    const int64_t end_us = wait_end_us(timeout_ms);
    assert(peer->fd >= 0);
    while (!take_line(peer, line)) {
        if (peer->input_len == PEER_LINE_MAX) {
            return PEER_BAD;
        }
        const ssize_t got = recv(peer->fd, peer->input + peer->input_len, PEER_LINE_MAX - peer->input_len, 0);
        if (got > 0) {
            peer->input_len += (uint32_t)got;
            continue;
        }
        const enum peer_status status = got == 0 ? PEER_BROKEN : wait_after(peer, errno, POLLIN, end_us);
        if (status != PEER_OK) {
            return status;
        }
    }
    return PEER_OK;
}

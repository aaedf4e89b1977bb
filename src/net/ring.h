/* ring.h - what a thread asks of the kernel and is told when it has ended: receives, sends, writes of files, wake-ups. Two engines do it:
 * io_uring, and epoll where that is forbidden or not there (poller.h). The only place that knows liburing.
 *
 * Threads    The one that opened it (SINGLE_ISSUER, DEFER_TASKRUN). Another ring of the same engine may wake it (ring_wake).
 * Memory     Receive buffers are lent with a completion until ring_buffer_return.
 * Invariant  A completion is known by its user_data, never by its order. Every turn asks the kernel for events, so what has
 *            ended is delivered whatever else is ready.  */
#ifndef NET_RING_H
#define NET_RING_H

#include "base/attributes.h"
#include "net/ring_event.h"

#include <liburing.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum { RING_ENTRIES = 1024, RING_COMPLETIONS = 8192 };
enum ring_engine { RING_URING, RING_EPOLL };

struct poller;

struct ring {
    int wake_fd;             /* of epoll's engine, from ring_open to ring_forget: read by whoever wakes the ring */
    struct poller *poller;   /* NULL: io_uring does it */
    struct io_uring uring;
    struct io_uring_buf_ring *buffers;
    char *buffer_memory;
    uint32_t buffer_count;   /* a power of two; 0: a ring without receive buffers */
    uint32_t buffers_lent;   /* handed out with completions and not returned */
    uint32_t buffers_to_add; /* returned, not yet visible to the kernel */
    unsigned enter_flags;    /* of each io_uring_enter */
    uint64_t overflows;      /* turns in which the completion queue was full; the kernel keeps what did not fit */
};

/* False: errno; of RING_URING ENOSYS, EPERM or EINVAL mean that the kernel or container forbids what is needed. */
MUST_USE bool ring_open(struct ring *ring, enum ring_engine engine, uint32_t buffer_count);
void ring_close(struct ring *ring);
/* Behind ring_close, when no other thread may wake the ring any more. */
void ring_forget(struct ring *ring);
/* Why io_uring cannot be had, for the user. */
const char *ring_refusal_text(int error);

static inline char *ring_buffer(const struct ring *ring, uint16_t buffer)
{
    return ring->buffer_memory + (size_t)buffer * RING_BUFFER_BYTES;
}
void ring_buffer_return(struct ring *ring, uint16_t buffer);

/* Requests; each completes with its kind and owner, not before the next ring_events. They are submitted with the next ring_turn, or at once. A
 * descriptor that is not a file's has one owner and at most one request to read, one to send and one cancel; it is closed when they have ended.  */
void ring_receive(struct ring *ring, int fd, uint8_t kind, struct ring_owner *owner);      /* multishot, into the receive buffers */
/* One receive of RING_BUFFER_BYTES at most, tried at once: for who sends faster than its commands run. */
void ring_receive_once(struct ring *ring, int fd, uint8_t kind, struct ring_owner *owner);
/* One receive of `len` bytes at most into memory that is lent until it completes, tried at once. No receive buffer comes with its completion. */
void ring_receive_into(struct ring *ring, int fd, void *data, uint32_t len, uint8_t kind, struct ring_owner *owner);
void ring_send(struct ring *ring, int fd, const void *data, size_t len, uint8_t kind, struct ring_owner *owner);
void ring_send_message(struct ring *ring, int fd, struct msghdr *message, uint8_t kind, struct ring_owner *owner);
/* Into a file. What is lent stays as it is until the completion. With `sync_follows` the next request, a ring_sync of the same file, waits for this
 * one, and is not done (-ECANCELED) unless all bytes were written.  */
void ring_write(struct ring *ring, int fd, const void *data, uint32_t len, uint64_t offset, bool sync_follows, uint8_t kind, struct ring_owner *owner);
/* The same, on disk when it completes with all bytes (RWF_DSYNC). `fd` was opened with O_DIRECT: all of it begins and ends at whole blocks. */
void ring_write_durable(struct ring *ring, int fd, const void *data, uint32_t len, uint64_t offset, uint8_t kind, struct ring_owner *owner);
/* fdatasync. */
void ring_sync(struct ring *ring, int fd, uint8_t kind, struct ring_owner *owner);
/* Completes when `fd` can be read, or at once if it cannot be waited for. */
void ring_await(struct ring *ring, int fd, uint8_t kind, struct ring_owner *owner);
/* Ends the request of the descriptor that was given (kind, owner); completes itself as (own_kind, owner). Not for files. */
void ring_cancel(struct ring *ring, int fd, uint8_t kind, struct ring_owner *owner, uint8_t own_kind);
/* Wakes whoever waits in ring_turn of another thread's ring; no completion here unless it fails. */
void ring_wake(struct ring *ring, const struct ring *target);

/* Submits what was requested and waits until a completion is there or `timeout_us` has passed (0: only looks). */
void ring_turn(struct ring *ring, int64_t timeout_us);
/* Up to `capacity` completions; those taken are gone from the ring. Returns how many. */
uint32_t ring_events(struct ring *ring, struct ring_event *events, uint32_t capacity);

#endif

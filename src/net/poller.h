/* poller.h - the requests of ring.h without io_uring: epoll says which sockets are ready, and what was requested is done then, or at once.
 *
 * Threads    As ring.h.
 * Memory     Mapped pages, MEM_SERVER. A page of descriptors' watches is there while one of them is in use, and given back before the thread
 *            sleeps.
 * Invariant  P1 epoll knows a descriptor if and only if a request waits for it, so that a number that is used again begins anew: whoever closes
 *            a descriptor has seen all its requests end. P2 a watch is in the list of those with something to tell at most once.
 * Limits     RING_FILES_MAX descriptors; a descriptor has one request to read, one to send and one cancel, all of one owner.
 * Source     epoll(7), EPOLLET: what becomes ready is told once, and read until less comes than was asked for.  */
#ifndef NET_POLLER_H
#define NET_POLLER_H

#include "base/attributes.h"
#include "net/ring_event.h"

#include <stddef.h>
#include <sys/socket.h>

struct file_request;
struct poller;

/* How a receive or a wait goes on when it has brought something. */
enum poller_read { POLLER_READ_NONE, POLLER_READ_ON, POLLER_READ_ONCE, POLLER_READ_INTO, POLLER_READABLE };

/* Memory of the caller's. */
struct poller_room {
    char *data;
    uint32_t len;
};

/* `wake_fd`: an eventfd of the caller's, which outlives the poller: whoever writes to it wakes who waits in poller_turn. `buffers`: of
 * RING_BUFFER_BYTES each, lent until poller_close; none: a poller that only wakes others. NULL: errno.  */
struct poller *poller_open(int wake_fd, char *buffers, uint32_t buffer_count) MUST_USE;
void poller_close(struct poller *poller);
void poller_buffer_return(struct poller *poller, uint16_t buffer);

/* POLLER_READ_ON: as ring_receive; POLLER_READ_ONCE: as ring_receive_once; POLLER_READ_INTO: as ring_receive_into, into `room`; POLLER_READABLE: as
 * ring_await.  */
void poller_read(struct poller *poller, int fd, enum poller_read how, struct poller_room room, uint8_t kind, struct ring_owner *owner);
/* `message` NULL: `len` bytes of `data`. */
void poller_send(struct poller *poller, int fd, const void *data, size_t len, const struct msghdr *message, uint8_t kind, struct ring_owner *owner);
void poller_file(struct poller *poller, const struct file_request *request);
void poller_cancel(struct poller *poller, int fd, uint8_t kind, struct ring_owner *owner, uint8_t own_kind);

void poller_turn(struct poller *poller, int64_t timeout_us);
uint32_t poller_events(struct poller *poller, struct ring_event *events, uint32_t capacity);

#endif

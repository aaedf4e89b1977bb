/* ring.c - see ring.h. The engine io_uring, which needs Linux 6.1: multishot receive, provided buffer rings, deferred task work, ring messages.
 * What begins with a look at `poller` goes there if the other engine is used.  */
#include "net/ring.h"

#include "mem/heap.h"
#include "net/file_worker.h"
#include "net/pages.h"
#include "net/poller.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { BUFFER_GROUP = 0, NO_RING = -1 };
_Static_assert((RING_ENTRIES & (RING_ENTRIES - 1)) == 0, "io_uring takes powers of two");
_Static_assert(RING_COMPLETIONS >= 2 * RING_ENTRIES, "io_uring wants room for more completions than requests");

/* Of Linux 6.15, newer than Debian 12's headers: a wait that is not counted as iowait (uapi/linux/io_uring.h). */
enum { ENTER_NO_IOWAIT = 1u << 7, FEATURE_NO_IOWAIT = 1u << 17 };

static uint64_t user_data(uint8_t kind, const struct ring_owner *owner)
{
    assert((uintptr_t)owner >> 56 == 0);
    return (uint64_t)kind << 56 | (uint64_t)(uintptr_t)owner;
}

static void buffers_add(struct ring *ring, uint16_t buffer)
{
    io_uring_buf_ring_add(ring->buffers, ring_buffer(ring, buffer), RING_BUFFER_BYTES, buffer,
                          io_uring_buf_ring_mask(ring->buffer_count), (int)ring->buffers_to_add);
    ring->buffers_to_add++;
}

static void buffers_publish(struct ring *ring)
{
    if (ring->buffers_to_add > 0) {
        io_uring_buf_ring_advance(ring->buffers, (int)ring->buffers_to_add);
        ring->buffers_to_add = 0;
    }
}

static size_t descriptors_bytes(const struct ring *ring)
{
    return ring->buffer_count * sizeof(struct io_uring_buf);
}

static void count_pages(const struct ring *ring, int sign)
{
    struct mem_counters *own = thread_heap_register();
    if (own != NULL) {
        mem_count(own, MEM_SERVER, sign * (int64_t)((size_t)ring->buffer_count * RING_BUFFER_BYTES + descriptors_bytes(ring)), sign);
    }
}

/* The pages of both engines' buffers. */
static bool buffers_map(struct ring *ring, uint32_t count)
{
    assert(count <= UINT16_MAX);
    assert((count & (count - 1)) == 0);
    ring->buffer_count = count;
    ring->buffer_memory = pages_map((size_t)count * RING_BUFFER_BYTES, 0);
    if (ring->buffer_memory == NULL) {
        errno = ENOMEM;
        return false;
    }
    count_pages(ring, 1);
    return true;
}

static bool buffers_register(struct ring *ring)
{
    const uint32_t count = ring->buffer_count;
    ring->buffers = pages_map(descriptors_bytes(ring), 0);
    if (ring->buffers == NULL) {
        errno = ENOMEM;
        return false;
    }
    struct io_uring_buf_reg registration = {
        .ring_addr = (uintptr_t)ring->buffers, .ring_entries = count, .bgid = BUFFER_GROUP};
    int result = io_uring_register_buf_ring(&ring->uring, &registration, 0);
    if (result != 0) {
        errno = -result;
        return false;
    }
    io_uring_buf_ring_init(ring->buffers);
    for (uint32_t i = 0; i < count; i++) {
        buffers_add(ring, (uint16_t)i);
    }
    buffers_publish(ring);
    return true;
}

static bool uring_open(struct ring *ring)
{
    struct io_uring_params params = {
        .flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE,
        .cq_entries = RING_COMPLETIONS,
    };
    int result = io_uring_queue_init_params(RING_ENTRIES, &ring->uring, &params);
    if (result != 0) {
        ring->uring.ring_fd = NO_RING;
        errno = -result;
        return false;
    }
    ring->enter_flags = IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG;
    ring->enter_flags |= (ring->uring.features & FEATURE_NO_IOWAIT) != 0 ? ENTER_NO_IOWAIT : 0;
    /* Saves a descriptor look-up at every turn; where it is refused the plain descriptor does as well. */
    if (io_uring_register_ring_fd(&ring->uring) == 1) {
        ring->enter_flags |= IORING_ENTER_REGISTERED_RING;
    }
    return ring->buffer_count == 0 || buffers_register(ring);
}

static bool poller_is_open(struct ring *ring)
{
    ring->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    ring->poller = ring->wake_fd < 0 ? NULL : poller_open(ring->wake_fd, ring->buffer_memory, ring->buffer_count);
    return ring->poller != NULL;
}

bool ring_open(struct ring *ring, enum ring_engine engine, uint32_t buffer_count)
{
    memset(ring, 0, sizeof *ring);
    ring->uring.ring_fd = ring->wake_fd = NO_RING;
    if ((buffer_count > 0 && !buffers_map(ring, buffer_count)) || !(engine == RING_EPOLL ? poller_is_open(ring) : uring_open(ring))) {
        int error = errno;
        ring_close(ring);
        ring_forget(ring);
        errno = error;
        return false;
    }
    return true;
}

void ring_close(struct ring *ring)
{
    if (ring->poller != NULL) {
        poller_close(ring->poller);
    } else if (ring->uring.ring_fd != NO_RING) {
        io_uring_queue_exit(&ring->uring);
    }
    if (ring->buffers != NULL) {
        munmap(ring->buffers, descriptors_bytes(ring));
    }
    if (ring->buffer_memory != NULL) {
        munmap(ring->buffer_memory, (size_t)ring->buffer_count * RING_BUFFER_BYTES);
        count_pages(ring, -1);
    }
    memset((char *)ring + offsetof(struct ring, poller), 0, sizeof *ring - offsetof(struct ring, poller)); /* it may still be woken */
}

void ring_forget(struct ring *ring)
{
    if (ring->wake_fd >= 0) {
        close(ring->wake_fd);
    }
    ring->wake_fd = NO_RING;
}

const char *ring_refusal_text(int error)
{
    switch (error) {
    case ENOSYS:
        return "this kernel has no io_uring";
    case EPERM:
    case EACCES:
        return "io_uring is forbidden here (container seccomp profile or sysctl kernel.io_uring_disabled)";
    case EINVAL:
        return "this kernel's io_uring is too old: Linux 6.1 or newer is needed";
    case ENOMEM:
        return "no memory for io_uring (check ulimit -l and the container's memory limit)";
    default:
        return strerror(error);
    }
}

void ring_buffer_return(struct ring *ring, uint16_t buffer)
{
    assert(ring->buffers_lent > 0);
    assert(buffer < ring->buffer_count);
    ring->buffers_lent--;
    if (UNLIKELY(ring->poller != NULL)) {
        poller_buffer_return(ring->poller, buffer);
        return;
    }
    buffers_add(ring, buffer);
}

/* What was requested becomes visible to the kernel. Returns how many requests it has not taken yet. */
static unsigned requests_publish(struct ring *ring)
{
    struct io_uring_sq *queue = &ring->uring.sq;
    queue->sqe_head = queue->sqe_tail;
    __atomic_store_n(queue->ktail, queue->sqe_tail, __ATOMIC_RELEASE);
    return queue->sqe_tail - __atomic_load_n(queue->khead, __ATOMIC_ACQUIRE);
}

/* Submits, lets the kernel finish what it has deferred, and waits for `wait_count` completions or until `limit`.
 *
 * This is the ring's only way into the kernel, and it always asks for events: under DEFER_TASKRUN, requests that have ended are
 * delivered in no other way. liburing's helper that waits does not ask when a completion is there already, so that a thread whose
 * every turn makes a request that completes at once would never see another. */
static void enter(struct ring *ring, unsigned wait_count, struct __kernel_timespec *limit)
{
    struct io_uring_getevents_arg arg = {.sigmask_sz = _NSIG / 8, .ts = (uintptr_t)limit};
    const unsigned count = requests_publish(ring);
    /* What is refused (-EBUSY, -EAGAIN) stays in the queue for the next time; -ETIME and -EINTR end a wait. */
    (void)io_uring_enter2((unsigned)ring->uring.enter_ring_fd, count, wait_count, ring->enter_flags, (sigset_t *)&arg,
                          sizeof arg);
    if (UNLIKELY((__atomic_load_n(ring->uring.sq.kflags, __ATOMIC_RELAXED) & IORING_SQ_CQ_OVERFLOW) != 0)) {
        ring->overflows++;
    }
}

static struct io_uring_sqe *next_request(struct ring *ring)
{
    struct io_uring_sqe *request = io_uring_get_sqe(&ring->uring);
    while (UNLIKELY(request == NULL)) {
        enter(ring, 0, NULL);
        request = io_uring_get_sqe(&ring->uring);
    }
    return request;
}

void ring_receive(struct ring *ring, int fd, uint8_t kind, struct ring_owner *owner)
{
    if (UNLIKELY(ring->poller != NULL)) {
        poller_read(ring->poller, fd, POLLER_READ_ON, (struct poller_room){NULL, 0}, kind, owner);
        return;
    }
    struct io_uring_sqe *request = next_request(ring);
    io_uring_prep_recv_multishot(request, fd, NULL, 0, 0);
    request->flags |= IOSQE_BUFFER_SELECT;
    request->buf_group = BUFFER_GROUP;
    /* Not IORING_RECVSEND_POLL_FIRST: on a unix socket, Linux 6.18 loses the end of what was sent when that is there together with
     * data as the receive is armed: the poll is served once, by the data.  */
    io_uring_sqe_set_data64(request, user_data(kind, owner));
}

void ring_receive_once(struct ring *ring, int fd, uint8_t kind, struct ring_owner *owner)
{
    if (UNLIKELY(ring->poller != NULL)) {
        poller_read(ring->poller, fd, POLLER_READ_ONCE, (struct poller_room){NULL, 0}, kind, owner);
        return;
    }
    struct io_uring_sqe *request = next_request(ring);
    io_uring_prep_recv(request, fd, NULL, RING_BUFFER_BYTES, 0);
    request->flags |= IOSQE_BUFFER_SELECT;
    request->buf_group = BUFFER_GROUP;
    io_uring_sqe_set_data64(request, user_data(kind, owner));
}

void ring_receive_into(struct ring *ring, int fd, void *data, uint32_t len, uint8_t kind, struct ring_owner *owner)
{
    if (UNLIKELY(ring->poller != NULL)) {
        poller_read(ring->poller, fd, POLLER_READ_INTO, (struct poller_room){data, len}, kind, owner);
        return;
    }
    struct io_uring_sqe *request = next_request(ring);
    io_uring_prep_recv(request, fd, data, len, 0);
    io_uring_sqe_set_data64(request, user_data(kind, owner));
}

void ring_send(struct ring *ring, int fd, const void *data, size_t len, uint8_t kind, struct ring_owner *owner)
{
    if (UNLIKELY(ring->poller != NULL)) {
        poller_send(ring->poller, fd, data, len, NULL, kind, owner);
        return;
    }
    struct io_uring_sqe *request = next_request(ring);
    io_uring_prep_send(request, fd, data, len, MSG_NOSIGNAL);
    io_uring_sqe_set_data64(request, user_data(kind, owner));
}

void ring_send_message(struct ring *ring, int fd, struct msghdr *message, uint8_t kind, struct ring_owner *owner)
{
    if (UNLIKELY(ring->poller != NULL)) {
        poller_send(ring->poller, fd, NULL, 0, message, kind, owner);
        return;
    }
    struct io_uring_sqe *request = next_request(ring);
    io_uring_prep_sendmsg(request, fd, message, MSG_NOSIGNAL);
    io_uring_sqe_set_data64(request, user_data(kind, owner));
}

void ring_write(struct ring *ring, int fd, const void *data, uint32_t len, uint64_t offset, bool sync_follows, uint8_t kind, struct ring_owner *owner)
{
    if (UNLIKELY(ring->poller != NULL)) {
        poller_file(ring->poller, &(struct file_request){FILE_WRITE, fd, data, len, offset, sync_follows, kind, owner});
        return;
    }
    if (sync_follows && io_uring_sq_space_left(&ring->uring) < 2) {
        enter(ring, 0, NULL); /* a chain is submitted as a whole */
    }
    struct io_uring_sqe *request = next_request(ring);
    io_uring_prep_write(request, fd, data, len, offset);
    request->flags |= sync_follows ? IOSQE_IO_LINK : 0;
    io_uring_sqe_set_data64(request, user_data(kind, owner));
}

void ring_write_durable(struct ring *ring, int fd, const void *data, uint32_t len, uint64_t offset, uint8_t kind, struct ring_owner *owner)
{
    if (UNLIKELY(ring->poller != NULL)) {
        poller_file(ring->poller, &(struct file_request){FILE_WRITE_DURABLE, fd, data, len, offset, false, kind, owner});
        return;
    }
    struct io_uring_sqe *request = next_request(ring);
    io_uring_prep_write(request, fd, data, len, offset);
    request->rw_flags = RWF_DSYNC;
    io_uring_sqe_set_data64(request, user_data(kind, owner));
}

void ring_sync(struct ring *ring, int fd, uint8_t kind, struct ring_owner *owner)
{
    if (UNLIKELY(ring->poller != NULL)) {
        poller_file(ring->poller, &(struct file_request){.action = FILE_SYNC, .fd = fd, .kind = kind, .owner = owner});
        return;
    }
    struct io_uring_sqe *request = next_request(ring);
    io_uring_prep_fsync(request, fd, IORING_FSYNC_DATASYNC);
    io_uring_sqe_set_data64(request, user_data(kind, owner));
}

void ring_await(struct ring *ring, int fd, uint8_t kind, struct ring_owner *owner)
{
    if (UNLIKELY(ring->poller != NULL)) {
        poller_read(ring->poller, fd, POLLER_READABLE, (struct poller_room){NULL, 0}, kind, owner);
        return;
    }
    struct io_uring_sqe *request = next_request(ring);
    io_uring_prep_poll_add(request, fd, POLLIN);
    io_uring_sqe_set_data64(request, user_data(kind, owner));
}

void ring_cancel(struct ring *ring, int fd, uint8_t kind, struct ring_owner *owner, uint8_t own_kind)
{
    if (UNLIKELY(ring->poller != NULL)) {
        poller_cancel(ring->poller, fd, kind, owner, own_kind);
        return;
    }
    struct io_uring_sqe *request = next_request(ring);
    io_uring_prep_cancel64(request, user_data(kind, owner), 0);
    io_uring_sqe_set_data64(request, user_data(own_kind, owner));
}

void ring_wake(struct ring *ring, const struct ring *target)
{
    if (UNLIKELY(ring->poller != NULL)) {
        const int error = eventfd_write(target->wake_fd, 1); /* its thread may have closed it meanwhile: then nobody is woken */
        assert(error == 0);
        (void)error;
        return;
    }
    struct io_uring_sqe *request = next_request(ring);
    io_uring_prep_msg_ring(request, target->uring.ring_fd, 0, user_data(0, NULL), 0);
    request->flags |= IOSQE_CQE_SKIP_SUCCESS;
    io_uring_sqe_set_data64(request, user_data(0, NULL));
}

#ifdef TESSERA_VALGRIND
/* valgrind 3.19 keeps its one lock while a thread waits in io_uring_enter, so that no other thread runs; in poll it does not.
 * A message from another ring does not always end the poll: it is kept short.  */
static void enter_and_wait(struct ring *ring, int64_t timeout_us)
{
    enum { POLL_MS_MAX = 2 };
    enter(ring, 0, NULL);
    if (io_uring_cq_ready(&ring->uring) == 0) {
        struct pollfd ready = {.fd = ring->uring.ring_fd, .events = POLLIN};
        poll(&ready, 1, timeout_us < POLL_MS_MAX * 1000 ? 1 : POLL_MS_MAX);
        enter(ring, 0, NULL);
    }
}
#else
static void enter_and_wait(struct ring *ring, int64_t timeout_us)
{
    struct __kernel_timespec limit = {.tv_sec = timeout_us / 1000000, .tv_nsec = timeout_us % 1000000 * 1000};
    enter(ring, 1, &limit);
}
#endif

void ring_turn(struct ring *ring, int64_t timeout_us)
{
    if (UNLIKELY(ring->poller != NULL)) {
        poller_turn(ring->poller, timeout_us);
        return;
    }
    if (ring->buffer_count > 0) {
        buffers_publish(ring);
    }
    if (timeout_us <= 0) {
        enter(ring, 0, NULL);
    } else {
        enter_and_wait(ring, timeout_us);
    }
}

uint32_t ring_events(struct ring *ring, struct ring_event *events, uint32_t capacity)
{
    if (UNLIKELY(ring->poller != NULL)) {
        const uint32_t taken = poller_events(ring->poller, events, capacity);
        for (uint32_t i = 0; i < taken; i++) {
            ring->buffers_lent += events[i].has_buffer;
        }
        return taken;
    }
    uint32_t count = 0;
    unsigned head;
    struct io_uring_cqe *cqe;
    io_uring_for_each_cqe(&ring->uring, head, cqe) {
        if (count == capacity) {
            break;
        }
        bool has_buffer = (cqe->flags & IORING_CQE_F_BUFFER) != 0;
        events[count++] = (struct ring_event){
            .kind = (uint8_t)(cqe->user_data >> 56),
            .owner = (struct ring_owner *)(uintptr_t)(cqe->user_data & ((1ull << 56) - 1)),
            .result = cqe->res,
            .is_last = (cqe->flags & IORING_CQE_F_MORE) == 0,
            .has_buffer = has_buffer,
            .buffer = (uint16_t)(cqe->flags >> IORING_CQE_BUFFER_SHIFT),
        };
        ring->buffers_lent += has_buffer;
    }
    assert(ring->buffers_lent <= ring->buffer_count);
    io_uring_cq_advance(&ring->uring, count);
    return count;
}

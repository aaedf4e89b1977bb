/* poller.c - see poller.h.
 *
 * A request is tried when it is made, or when epoll says that its descriptor is ready; what has ended is a mark in the descriptor's watch, and
 * the watch stands in a list until poller_events has told it. So no request needs memory of its own, and none can be refused.  */
#include "net/poller.h"

#include "mem/heap.h"
#include "net/file_worker.h"
#include "net/pages.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    PAGE_BYTES = 4096,
    READY_MAX = 512,   /* descriptors that one look at epoll brings */
    READ_BUFFERS = 4,  /* filled from one socket before others have their turn */
    NO_SLOT = -1,
    WAKE_SLOT = NO_SLOT, /* of the eventfd, in what epoll tells */
};

/* What a watch has to tell. */
enum told { TELL_READ = 1, TELL_SENT = 2, TELL_CANCEL = 4 };

struct __attribute__((aligned(64))) watch {
    struct ring_owner *owner;     /* of all its requests */
    const void *data;             /* of the send, with `len`; or its struct msghdr */
    size_t len;
    char *room;                   /* of POLLER_READ_INTO, with `room_len` */
    uint32_t room_len;
    int32_t read_result, sent_result;
    int32_t next;                 /* slot, in the list; NO_SLOT: the last */
    int32_t fd;
    uint8_t read_kind, send_kind, cancel_kind;
    uint8_t read;                 /* enum poller_read: what waits */
    uint8_t told;                 /* of enum told */
    uint8_t known;                /* the events that epoll looks for: EPOLLIN, EPOLLOUT */
    bool is_listed;
    bool is_tried;                /* the read is tried before epoll tells anything of the descriptor */
    bool is_hung_up;              /* nothing will come behind what is there to be read */
    bool is_sending;              /* the send waits for room */
    bool is_message;              /* `data` is a struct msghdr */
};

#define WATCHES_PER_PAGE (PAGE_BYTES / 64)
_Static_assert(sizeof(struct watch) <= 64, "WATCHES_PER_PAGE");
_Static_assert(EPOLLIN == POLLIN && EPOLLIN < 256 && EPOLLOUT < 256, "`known`, and what ring_await results in");

struct watch_list {
    int32_t first, last;          /* slots; NO_SLOT: none */
};

struct watch_page {
    uint64_t used;                /* a bit for each watch of the page */
    bool is_there;                /* used, and not given back since */
};

struct poller {
    int epoll_fd, wake_fd;
    bool has_no_pwait2;           /* the kernel, or whoever forbids system calls, has not epoll_pwait2 */
    uint32_t buffer_count, free_count; /* receive buffers: all, and those that are not lent */
    uint16_t *free;               /* the last one is used first */
    char *buffers;
    struct watch *watches;        /* by slot: the lowest ones that are free are used */
    struct watch_page *pages;     /* of watches */
    uint32_t page_count;
    uint32_t page_free;           /* no page before this one has a free watch */
    uint32_t page_end;            /* no page from here on is there */
    uint32_t unused_pages;        /* pages that are there and have no watch in use */
    size_t counted_bytes;         /* MEM_SERVER */
    struct mem_counters *counters;
    struct watch_list now;        /* watches with something to tell, or to be tried */
    struct watch_list later;      /* from the next turn on: sockets of which much was read in this one */
    uint32_t ready_at, ready_count;
    struct epoll_event ready[READY_MAX];
    struct file_worker files;
};

/* --- memory --- */

static size_t whole_pages(size_t bytes)
{
    return (bytes + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
}

/* For as many descriptors as the process can have. */
static uint32_t pages_needed(void)
{
    struct rlimit limit;
    const bool is_limited = getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_max < RING_FILES_MAX;
    return (is_limited ? (uint32_t)limit.rlim_max : RING_FILES_MAX) / WATCHES_PER_PAGE + 1;
}

static void count_memory(struct poller *poller, int64_t bytes)
{
    if (poller->counters != NULL) {
        mem_count(poller->counters, MEM_SERVER, bytes, 0);
        poller->counted_bytes += (size_t)bytes;
    }
}

/* --- watches --- */

/* The slot of a watch that is free, whose page counts from now on. */
static uint32_t take_slot(struct poller *poller)
{
    uint32_t at = poller->page_free;
    while (at < poller->page_count && poller->pages[at].used == UINT64_MAX) {
        at++;
    }
    assert(at < poller->page_count);
    struct watch_page *page = &poller->pages[at];
    if (!page->is_there) {
        page->is_there = true;
        poller->page_end = at < poller->page_end ? poller->page_end : at + 1;
        count_memory(poller, PAGE_BYTES);
    } else if (page->used == 0) {
        poller->unused_pages--;
    }
    const uint32_t bit = (uint32_t)__builtin_ctzll(~page->used);
    page->used |= UINT64_C(1) << bit;
    poller->page_free = at;
    return at * WATCHES_PER_PAGE + bit;
}

/* The slot of the owner's watch, which looks at `fd`. */
static int32_t slot_of(struct poller *poller, int fd, struct ring_owner *owner)
{
    if (UNLIKELY(owner->watch == 0)) {
        const uint32_t slot = take_slot(poller);
        poller->watches[slot].owner = owner;
        poller->watches[slot].fd = fd;
        owner->watch = slot + 1;
    }
    const int32_t slot = (int32_t)owner->watch - 1;
    assert(poller->watches[slot].owner == owner);
    assert(poller->watches[slot].fd == fd);
    return slot;
}

/* After the watch has changed: without a request and with nothing to tell it is free. */
static void leave_watch(struct poller *poller, int32_t slot)
{
    struct watch *watch = &poller->watches[slot];
    if (watch->read != POLLER_READ_NONE || watch->is_sending || watch->told != 0 || watch->is_listed) {
        return;
    }
    assert(watch->known == 0);
    const uint32_t at = (uint32_t)slot / WATCHES_PER_PAGE;
    struct watch_page *page = &poller->pages[at];
    watch->owner->watch = 0;
    watch->owner = NULL;
    page->used &= ~(UINT64_C(1) << (uint32_t)slot % WATCHES_PER_PAGE);
    poller->unused_pages += page->used == 0;
    poller->page_free = at < poller->page_free ? at : poller->page_free;
}

static void give_back_pages(struct poller *poller)
{
    uint32_t end = 0;
    for (uint32_t at = 0; at < poller->page_end; at++) {
        struct watch_page *page = &poller->pages[at];
        if (page->is_there && page->used == 0) {
            (void)madvise((char *)poller->watches + (size_t)at * PAGE_BYTES, PAGE_BYTES, MADV_DONTNEED);
            page->is_there = false;
            count_memory(poller, -PAGE_BYTES);
        }
        end = page->is_there ? at + 1 : end;
    }
    poller->page_end = end;
    poller->unused_pages = 0;
}

/* --- what is told --- */

/* Puts `list`, or one watch that is a list, behind what is in `to`. */
static void append_list(struct poller *poller, struct watch_list *to, struct watch_list list)
{
    if (to->first == NO_SLOT) {
        *to = list;
    } else if (list.first != NO_SLOT) {
        poller->watches[to->last].next = list.first;
        to->last = list.last;
    }
}

static void list_watch(struct poller *poller, struct watch_list *list, int32_t slot)
{
    struct watch *watch = &poller->watches[slot];
    if (!watch->is_listed) {
        watch->is_listed = true;
        watch->next = NO_SLOT;
        append_list(poller, list, (struct watch_list){slot, slot});
    }
}

/* Of those of now. */
static void unlist_first(struct poller *poller)
{
    struct watch *watch = &poller->watches[poller->now.first];
    poller->now.first = watch->next;
    watch->is_listed = false;
}

static void tell(struct poller *poller, int32_t slot, enum told what)
{
    poller->watches[slot].told |= (uint8_t)what;
    list_watch(poller, &poller->now, slot);
}

/* The read has ended. */
static void end_read(struct poller *poller, int32_t slot, int32_t result)
{
    struct watch *watch = &poller->watches[slot];
    watch->read = POLLER_READ_NONE;
    watch->is_tried = false;
    watch->read_result = result;
    tell(poller, slot, TELL_READ);
}

static void end_send(struct poller *poller, int32_t slot, int32_t result)
{
    struct watch *watch = &poller->watches[slot];
    watch->is_sending = false;
    watch->sent_result = result;
    tell(poller, slot, TELL_SENT);
}

/* --- what epoll looks for --- */

/* Before epoll looks for anything. */
static bool is_tried_at_once(const struct watch *watch)
{
    return watch->read == POLLER_READ_ONCE || watch->read == POLLER_READ_INTO;
}

static uint8_t wanted_events(const struct watch *watch)
{
    const bool reads = watch->read != POLLER_READ_NONE && (!is_tried_at_once(watch) || !watch->is_tried);
    return (uint8_t)((reads ? EPOLLIN : 0) | (watch->is_sending ? EPOLLOUT : 0));
}

/* P1. What cannot be waited for has ended. */
static void look_for(struct poller *poller, int32_t slot)
{
    struct watch *watch = &poller->watches[slot];
    const uint8_t wanted = wanted_events(watch);
    if (LIKELY(wanted == watch->known)) {
        return;
    }
    struct epoll_event event = {.events = wanted | EPOLLRDHUP | EPOLLET, .data.fd = slot};
    const int action = wanted == 0 ? EPOLL_CTL_DEL : watch->known == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    if (epoll_ctl(poller->epoll_fd, action, watch->fd, &event) == 0) {
        watch->known = wanted;
        return;
    }
    const int error = errno;
    assert(action == EPOLL_CTL_ADD);
    if (watch->read == POLLER_READABLE && error == EPERM) {
        end_read(poller, slot, POLLIN); /* a file can always be read */
    } else if (watch->read != POLLER_READ_NONE) {
        end_read(poller, slot, -error);
    }
    if (watch->is_sending) {
        end_send(poller, slot, -error);
    }
}

/* --- requests --- */

void poller_read(struct poller *poller, int fd, enum poller_read how, struct poller_room room, uint8_t kind, struct ring_owner *owner)
{
    const int32_t slot = slot_of(poller, fd, owner);
    struct watch *watch = &poller->watches[slot];
    assert(watch->read == POLLER_READ_NONE && (watch->told & TELL_READ) == 0);
    watch->read_kind = kind;
    watch->read = (uint8_t)how;
    watch->room = room.data;
    watch->room_len = room.len;
    watch->is_tried = is_tried_at_once(watch);
    watch->is_hung_up = false;
    if (watch->is_tried) {
        list_watch(poller, &poller->now, slot);
    } else {
        look_for(poller, slot);
    }
}

/* Tries the send: it has ended, or waits for room. */
static void send_some(struct poller *poller, int32_t slot)
{
    struct watch *watch = &poller->watches[slot];
    const int flags = MSG_NOSIGNAL | MSG_DONTWAIT;
    ssize_t sent;
    do {
        sent = watch->is_message ? sendmsg(watch->fd, watch->data, flags) : send(watch->fd, watch->data, watch->len, flags);
    } while (sent < 0 && errno == EINTR);
    if (sent >= 0) {
        end_send(poller, slot, (int32_t)sent);
    } else if (errno == EAGAIN) {
        watch->is_sending = true;
    } else {
        end_send(poller, slot, -errno);
    }
    look_for(poller, slot);
}

void poller_send(struct poller *poller, int fd, const void *data, size_t len, const struct msghdr *message, uint8_t kind, struct ring_owner *owner)
{
    const int32_t slot = slot_of(poller, fd, owner);
    struct watch *watch = &poller->watches[slot];
    assert(!watch->is_sending && (watch->told & TELL_SENT) == 0);
    watch->send_kind = kind;
    watch->is_message = message != NULL;
    watch->data = message != NULL ? (const void *)message : data;
    watch->len = len;
    send_some(poller, slot);
}

void poller_file(struct poller *poller, const struct file_request *request)
{
    file_worker_ask(&poller->files, request);
}

void poller_cancel(struct poller *poller, int fd, uint8_t kind, struct ring_owner *owner, uint8_t own_kind)
{
    const int32_t slot = slot_of(poller, fd, owner);
    struct watch *watch = &poller->watches[slot];
    assert((watch->told & TELL_CANCEL) == 0);
    watch->cancel_kind = own_kind;
    if (watch->read != POLLER_READ_NONE && watch->read_kind == kind) {
        end_read(poller, slot, -ECANCELED);
    }
    if (watch->is_sending && watch->send_kind == kind) {
        end_send(poller, slot, -ECANCELED);
    }
    tell(poller, slot, TELL_CANCEL);
    look_for(poller, slot);
}

/* --- events --- */

/* Where completions go. */
struct sink {
    struct ring_event *events;
    uint32_t count, capacity;
};

static inline bool is_full(const struct sink *sink)
{
    return sink->count == sink->capacity;
}

static void tell_event(struct sink *sink, const struct watch *watch, uint8_t kind, int32_t result)
{
    sink->events[sink->count++] = (struct ring_event){.kind = kind, .owner = watch->owner, .result = result, .is_last = true};
}

/* What has come now, perhaps nothing. */
static ssize_t receive_now(int fd, char *data, size_t len)
{
    ssize_t received;
    do {
        received = recv(fd, data, len, MSG_DONTWAIT);
    } while (received < 0 && errno == EINTR);
    return received;
}

static void receive_into(struct poller *poller, int32_t slot)
{
    const struct watch *watch = &poller->watches[slot];
    const ssize_t len = receive_now(watch->fd, watch->room, watch->room_len);
    if (len >= 0 || errno != EAGAIN) {
        end_read(poller, slot, len < 0 ? -errno : (int32_t)len);
    }
}

/* One receive. False: there is nothing more until epoll tells of it. */
static bool receive_one(struct poller *poller, int32_t slot, struct sink *sink)
{
    struct watch *watch = &poller->watches[slot];
    if (UNLIKELY(poller->free_count == 0)) {
        end_read(poller, slot, -ENOBUFS);
        return false;
    }
    const uint16_t buffer = poller->free[poller->free_count - 1];
    const ssize_t len = receive_now(watch->fd, poller->buffers + (size_t)buffer * RING_BUFFER_BYTES, RING_BUFFER_BYTES);
    if (len < 0 && errno == EAGAIN) {
        return false;
    }
    if (len <= 0) {
        end_read(poller, slot, len < 0 ? -errno : 0);
        return false;
    }
    poller->free_count--;
    const bool is_last = watch->read == POLLER_READ_ONCE;
    sink->events[sink->count++] = (struct ring_event){
        .kind = watch->read_kind, .owner = watch->owner, .result = (int32_t)len, .is_last = is_last, .has_buffer = true, .buffer = buffer};
    if (is_last) {
        watch->read = POLLER_READ_NONE;
    }
    return !is_last && (len == RING_BUFFER_BYTES || watch->is_hung_up);
}

/* What a client has sent, up to READ_BUFFERS buffers of it; what may be left is tried in the next turn. */
static void receive_some(struct poller *poller, int32_t slot, struct sink *sink)
{
    struct watch *watch = &poller->watches[slot];
    bool is_more = true;
    for (int i = 0; i < READ_BUFFERS && is_more && !is_full(sink); i++) {
        is_more = receive_one(poller, slot, sink);
    }
    if (is_more && watch->read != POLLER_READ_NONE) {
        watch->is_tried = true;
        list_watch(poller, &poller->later, slot);
    }
}

/* It is asked again, since what epoll has told may be of another file that had the number before. */
static bool is_readable(int fd)
{
    struct pollfd file = {.fd = fd, .events = POLLIN};
    return poll(&file, 1, 0) == 1;
}

static void read_some(struct poller *poller, int32_t slot, struct sink *sink)
{
    struct watch *watch = &poller->watches[slot];
    watch->is_tried = false;
    if (watch->read == POLLER_READABLE) {
        if (is_readable(watch->fd)) {
            end_read(poller, slot, POLLIN);
        }
    } else if (watch->read == POLLER_READ_INTO) {
        receive_into(poller, slot);
    } else {
        receive_some(poller, slot, sink);
    }
    look_for(poller, slot);
    leave_watch(poller, slot);
}

/* One thing of the first of the list: what has ended is told before more is read. */
static void tell_first(struct poller *poller, struct sink *sink)
{
    const int32_t slot = poller->now.first;
    struct watch *watch = &poller->watches[slot];
    if (watch->told == 0) {
        unlist_first(poller);
        if (watch->is_tried) {
            read_some(poller, slot, sink);
        } else {
            leave_watch(poller, slot);
        }
        return;
    }
    if ((watch->told & TELL_READ) != 0) {
        watch->told &= (uint8_t)~TELL_READ;
        tell_event(sink, watch, watch->read_kind, watch->read_result);
    } else if ((watch->told & TELL_SENT) != 0) {
        watch->told &= (uint8_t)~TELL_SENT;
        tell_event(sink, watch, watch->send_kind, watch->sent_result);
    } else {
        watch->told &= (uint8_t)~TELL_CANCEL;
        tell_event(sink, watch, watch->cancel_kind, 0);
    }
    if (watch->told == 0 && !watch->is_tried) {
        unlist_first(poller);
        leave_watch(poller, slot);
    }
}

/* Something may have happened to the descriptor's requests since epoll told of it; then there is nothing to be done, or nothing to be had. */
static void take_ready(struct poller *poller, const struct epoll_event *event, struct sink *sink)
{
    const int32_t slot = event->data.fd;
    if (slot == WAKE_SLOT) {
        return; /* to be awake is all */
    }
    struct watch *watch = &poller->watches[slot];
    if ((event->events & ~(uint32_t)EPOLLIN) != 0 && watch->is_sending) {
        send_some(poller, slot);
    }
    if ((event->events & ~(uint32_t)EPOLLOUT) != 0 && watch->read != POLLER_READ_NONE) {
        watch->is_hung_up = (event->events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
        read_some(poller, slot, sink);
    }
}

uint32_t poller_events(struct poller *poller, struct ring_event *events, uint32_t capacity)
{
    struct sink sink = {.events = events, .capacity = capacity};
    sink.count = file_worker_events(&poller->files, events, capacity);
    while (!is_full(&sink)) {
        if (poller->now.first != NO_SLOT) {
            tell_first(poller, &sink);
        } else if (poller->ready_at < poller->ready_count) {
            take_ready(poller, &poller->ready[poller->ready_at++], &sink);
        } else {
            break;
        }
    }
    return sink.count;
}

/* --- a turn --- */

static int wait_ready(struct poller *poller, int64_t timeout_us)
{
    if (LIKELY(!poller->has_no_pwait2)) {
        const struct timespec limit = {.tv_sec = timeout_us / 1000000, .tv_nsec = timeout_us % 1000000 * 1000};
        const int count = epoll_pwait2(poller->epoll_fd, poller->ready, READY_MAX, &limit, NULL);
        if (LIKELY(count >= 0 || (errno != ENOSYS && errno != EPERM))) {
            return count;
        }
        poller->has_no_pwait2 = true;
    }
    const int64_t timeout_ms = (timeout_us + 999) / 1000;
    return epoll_wait(poller->epoll_fd, poller->ready, READY_MAX, timeout_ms < INT32_MAX ? (int)timeout_ms : INT32_MAX);
}

void poller_turn(struct poller *poller, int64_t timeout_us)
{
    if (poller->ready_at < poller->ready_count) {
        return; /* those wait longer than any that epoll has */
    }
    append_list(poller, &poller->now, poller->later);
    poller->later.first = NO_SLOT;
    if (UNLIKELY(poller->unused_pages > 0) && timeout_us > 0) {
        give_back_pages(poller);
    }
    const int count = wait_ready(poller, timeout_us < 0 || poller->now.first != NO_SLOT ? 0 : timeout_us);
    poller->ready_at = 0;
    poller->ready_count = count < 0 ? 0 : (uint32_t)count; /* EINTR */
}

/* --- start and end --- */

void poller_buffer_return(struct poller *poller, uint16_t buffer)
{
    poller->free[poller->free_count++] = buffer;
}

static bool open_files(struct poller *poller, int wake_fd)
{
    poller->wake_fd = wake_fd;
    poller->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.fd = WAKE_SLOT}; /* told once for each wake, and never read */
    file_worker_open(&poller->files, poller->wake_fd);
    return poller->epoll_fd >= 0 && epoll_ctl(poller->epoll_fd, EPOLL_CTL_ADD, poller->wake_fd, &event) == 0;
}

/* Of a poller that has sockets. */
static bool map_tables(struct poller *poller)
{
    poller->page_count = pages_needed();
    poller->watches = pages_map((size_t)poller->page_count * PAGE_BYTES, MAP_NORESERVE);
    poller->pages = pages_map(poller->page_count * sizeof *poller->pages, MAP_NORESERVE);
    poller->free = pages_map(poller->buffer_count * sizeof *poller->free, MAP_NORESERVE);
    if (poller->watches == NULL || poller->pages == NULL || poller->free == NULL) {
        return false;
    }
    poller->counters = thread_heap_register();
    count_memory(poller, (int64_t)(whole_pages(offsetof(struct poller, files.nodes)) + whole_pages(poller->buffer_count * sizeof *poller->free)));
    for (uint32_t i = poller->buffer_count; i > 0; i--) {
        poller_buffer_return(poller, (uint16_t)(i - 1));
    }
    return true;
}

struct poller *poller_open(int wake_fd, char *buffers, uint32_t buffer_count)
{
    struct poller *poller = pages_map(sizeof *poller, MAP_NORESERVE);
    if (poller == NULL) {
        errno = ENOMEM;
        return NULL;
    }
    poller->now.first = poller->later.first = NO_SLOT;
    poller->buffers = buffers;
    poller->buffer_count = buffer_count;
    const bool has_pages = buffer_count == 0 || map_tables(poller);
    if (!open_files(poller, wake_fd) || !has_pages) {
        const int error = has_pages ? errno : ENOMEM;
        poller_close(poller);
        errno = error;
        return NULL;
    }
    return poller;
}

void poller_close(struct poller *poller)
{
    file_worker_close(&poller->files);
    if (poller->counters != NULL) {
        mem_count(poller->counters, MEM_SERVER, -(int64_t)poller->counted_bytes, 0);
    }
    if (poller->watches != NULL) {
        munmap(poller->watches, (size_t)poller->page_count * PAGE_BYTES);
    }
    if (poller->pages != NULL) {
        munmap(poller->pages, poller->page_count * sizeof *poller->pages);
    }
    if (poller->free != NULL) {
        munmap(poller->free, poller->buffer_count * sizeof *poller->free);
    }
    close(poller->epoll_fd);
    munmap(poller, sizeof *poller);
}

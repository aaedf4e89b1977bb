/* http.c - see http.h.  */
#include "http/http.h"

#include "base/clock.h"
#include "mem/heap.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ACCEPT_PAUSE_MS = 100, POLL_MS_MAX = 1000, POLLED_MAX = 1 + HTTP_LISTENERS_MAX + HTTP_CLIENTS_MAX };

struct http {
    const struct listeners *listeners;
    struct http_hooks hooks;
    pthread_t handle;
    int stop_fd;              /* eventfd: readable when the thread shall end */
    int64_t accept_ms;        /* monotonic: nothing is accepted before; for want of descriptors */
    uint32_t count;
    struct exchange *exchanges[HTTP_CLIENTS_MAX]; /* the one that came first in front */
};

static int64_t monotonic_ms(void)
{
    return clock_monotonic_us() / 1000;
}

static void take_out(struct http *http, uint32_t at)
{
    assert(at < http->count);
    exchange_destroy(http->exchanges[at]);
    http->count--;
    for (uint32_t i = at; i < http->count; i++) {
        http->exchanges[i] = http->exchanges[i + 1];
    }
}

/* Of those that are idle the one whose time is over first; http->count: none is. */
static uint32_t find_idle(const struct http *http)
{
    uint32_t found = http->count;
    for (uint32_t i = 0; i < http->count; i++) {
        const struct exchange *exchange = http->exchanges[i];
        if (exchange_is_idle(exchange) && (found == http->count || exchange->end_ms < http->exchanges[found]->end_ms)) {
            found = i;
        }
    }
    return found;
}

static bool has_room(const struct http *http)
{
    return http->count < HTTP_CLIENTS_MAX || find_idle(http) < http->count;
}

/* One connection a listener and turn: requests of others come in between. */
static void accept_from(struct http *http, int listener_fd, int64_t now_ms)
{
    const int fd = accept4(listener_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
            http->accept_ms = now_ms + ACCEPT_PAUSE_MS;
        }
        return;
    }
    if (http->count == HTTP_CLIENTS_MAX) {
        take_out(http, find_idle(http));
    }
    struct exchange *exchange = exchange_create(&http->hooks, fd, now_ms);
    if (exchange == NULL) {
        close(fd);
        return;
    }
    http->exchanges[http->count++] = exchange;
}

/* Fills in what is waited for: the end, clients from `polled[1]` on, listeners behind them. Returns how many. */
static nfds_t fill_polled(const struct http *http, struct pollfd polled[POLLED_MAX], int64_t now_ms)
{
    nfds_t count = 0;
    polled[count++] = (struct pollfd){.fd = http->stop_fd, .events = POLLIN};
    for (uint32_t i = 0; i < http->count; i++) {
        polled[count++] = exchange_awaits(http->exchanges[i]);
    }
    for (uint32_t i = 0; now_ms >= http->accept_ms && has_room(http) && i < http->listeners->count; i++) {
        polled[count++] = (struct pollfd){.fd = http->listeners->all[i].fd, .events = POLLIN};
    }
    return count;
}

/* Until the first of them has to end. */
static int poll_ms(const struct http *http, int64_t now_ms)
{
    int64_t wait_ms = http->accept_ms > now_ms ? http->accept_ms - now_ms : POLL_MS_MAX;
    for (uint32_t i = 0; i < http->count; i++) {
        const int64_t left_ms = http->exchanges[i]->end_ms - now_ms;
        wait_ms = left_ms < wait_ms ? left_ms : wait_ms;
    }
    return wait_ms < 0 ? 0 : (int)wait_ms;
}

/* False: it shall end. */
static bool turn(struct http *http)
{
    struct pollfd polled[POLLED_MAX];
    const nfds_t count = fill_polled(http, polled, monotonic_ms());
    const nfds_t clients = http->count;
    if (poll(polled, count, poll_ms(http, monotonic_ms())) < 0) {
        return true; /* EINTR: revents say nothing */
    }
    const int64_t now_ms = monotonic_ms();
    for (nfds_t i = clients; i-- > 0;) { /* backwards: those behind one that goes have had their turn */
        if (!exchange_go_on(http->exchanges[i], polled[1 + i].revents != 0, now_ms)) {
            take_out(http, (uint32_t)i);
        }
    }
    for (nfds_t i = 1 + clients; i < count; i++) {
        if (polled[i].revents != 0 && has_room(http)) {
            accept_from(http, polled[i].fd, now_ms);
        }
    }
    return polled[0].revents == 0;
}

static void *http_main(void *argument)
{
    struct http *http = argument;
    thread_heap_register();
    pthread_setname_np(pthread_self(), "http");
    while (turn(http)) {
    }
    while (http->count > 0) {
        take_out(http, http->count - 1);
    }
    return NULL;
}

struct http *http_start(const struct listeners *listeners, const struct http_hooks *hooks)
{
    assert(listeners->count <= HTTP_LISTENERS_MAX);
    struct http *http = thread_alloc_zeroed(MEM_SERVER, sizeof *http);
    if (http == NULL) {
        errno = ENOMEM;
        return NULL;
    }
    http->listeners = listeners;
    http->hooks = *hooks;
    http->stop_fd = eventfd(0, EFD_CLOEXEC);
    int refused = http->stop_fd < 0 ? errno : pthread_create(&http->handle, NULL, http_main, http);
    if (refused != 0) {
        if (http->stop_fd >= 0) {
            close(http->stop_fd);
        }
        thread_free(MEM_SERVER, http, sizeof *http);
        errno = refused;
        return NULL;
    }
    return http;
}

void http_stop(struct http *http)
{
    if (http == NULL) {
        return;
    }
    const uint64_t one = 1;
    const ssize_t written = write(http->stop_fd, &one, sizeof one);
    assert(written == (ssize_t)sizeof one);
    pthread_join(http->handle, NULL);
    close(http->stop_fd);
    thread_free(MEM_SERVER, http, sizeof *http);
}

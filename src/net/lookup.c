/* lookup.c - see lookup.h.
 *
 * style: the number of threads is the process's: they may outlive whoever has asked, and the server.  */
#include "net/lookup.h"

#include "base/clock.h"
#include "mem/heap.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static _Atomic int lookup_count;

int64_t wait_end_us(int64_t timeout_ms)
{
    const int64_t ms = timeout_ms < INT_MAX ? timeout_ms : INT_MAX;
    return clock_monotonic_us() + ms * 1000;
}

enum wait_outcome wait_for_fd(int fd, short events, int64_t end_us, int cancel_fd)
{
    for (;;) {
        struct pollfd fds[2] = {{.fd = fd, .events = events}, {.fd = cancel_fd, .events = POLLIN}};
        const int64_t left_us = end_us - clock_monotonic_us();
        const int64_t left_ms = left_us > 0 ? (left_us + 999) / 1000 : 0;
        const int ready = poll(fds, 2, (int)(left_ms < INT_MAX ? left_ms : INT_MAX));
        if (ready > 0) {
            return fds[1].revents != 0 ? WAIT_IS_CANCELLED : WAIT_IS_READY;
        }
        if ((ready == 0 && left_ms == 0) || (ready < 0 && errno != EINTR)) {
            return WAIT_IS_OVER;
        }
    }
}

/* What the thread and whoever waits for it share; who leaves last frees it. */
struct lookup {
    _Atomic int holders;
    int done_fd; /* eventfd */
    _Atomic(struct addrinfo *) found; /* release on the thread, acquire where it is taken */
    char host[LOOKUP_NAME_MAX + 1];
    char port[8];
};

static struct addrinfo *ask_system(const char *host, const char *port, int flags)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | flags};
    struct addrinfo *found = NULL;
    return getaddrinfo(host, port, &hints, &found) == 0 ? found : NULL;
}

static void lookup_leave(struct lookup *lookup)
{
    if (atomic_fetch_sub_explicit(&lookup->holders, 1, memory_order_acq_rel) > 1) {
        return;
    }
    struct addrinfo *found = atomic_load_explicit(&lookup->found, memory_order_acquire);
    if (found != NULL) {
        freeaddrinfo(found);
    }
    close(lookup->done_fd);
    thread_free(MEM_SERVER, lookup, sizeof *lookup);
}

static void *lookup_main(void *arg)
{
    struct lookup *lookup = arg;
    atomic_store_explicit(&lookup->found, ask_system(lookup->host, lookup->port, 0), memory_order_release);
    (void)!write(lookup->done_fd, &(uint64_t){1}, sizeof(uint64_t));
    lookup_leave(lookup);
    atomic_fetch_sub(&lookup_count, 1);
    return NULL;
}

/* A thread that belongs to nobody. */
static bool start_thread(struct lookup *lookup)
{
    pthread_attr_t attributes;
    pthread_t thread;
    if (pthread_attr_init(&attributes) != 0) {
        return false;
    }
    const bool is_started = pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED) == 0 &&
                            pthread_create(&thread, &attributes, lookup_main, lookup) == 0;
    pthread_attr_destroy(&attributes);
    return is_started;
}

static struct lookup *lookup_create(const char *host, const char *port)
{
    struct lookup *lookup = thread_alloc_zeroed(MEM_SERVER, sizeof *lookup);
    if (lookup == NULL) {
        return NULL;
    }
    lookup->done_fd = eventfd(0, EFD_CLOEXEC);
    if (lookup->done_fd < 0) {
        thread_free(MEM_SERVER, lookup, sizeof *lookup);
        return NULL;
    }
    snprintf(lookup->host, sizeof lookup->host, "%s", host);
    snprintf(lookup->port, sizeof lookup->port, "%s", port);
    atomic_store(&lookup->holders, 2);
    return lookup;
}

static struct addrinfo *look_up_name(const char *host, const char *port, int64_t end_us, int cancel_fd)
{
    struct lookup *lookup = lookup_create(host, port);
    if (lookup == NULL) {
        return NULL;
    }
    struct addrinfo *found = NULL;
    if (!start_thread(lookup)) {
        atomic_fetch_sub(&lookup_count, 1);
        lookup_leave(lookup);
    } else if (wait_for_fd(lookup->done_fd, POLLIN, end_us, cancel_fd) == WAIT_IS_READY) {
        found = atomic_exchange_explicit(&lookup->found, NULL, memory_order_acq_rel);
    }
    lookup_leave(lookup);
    return found;
}

bool lookup_host(const char *host, uint16_t port, int64_t timeout_ms, int cancel_fd, struct addrinfo **found)
{
    char digits[8];
    const int64_t end_us = wait_end_us(timeout_ms);
    snprintf(digits, sizeof digits, "%u", (unsigned)port);
    *found = ask_system(host, digits, AI_NUMERICHOST);
    if (*found != NULL || host[0] == '\0' || strlen(host) > LOOKUP_NAME_MAX) {
        return *found != NULL;
    }
    if (atomic_fetch_add(&lookup_count, 1) >= LOOKUPS_MAX) {
        atomic_fetch_sub(&lookup_count, 1);
        return false;
    }
    *found = look_up_name(host, digits, end_us, cancel_fd);
    return *found != NULL;
}

/* ring_event.h - what is told of a request that has ended, and to whom: what ring.h and its two engines share.  */
#ifndef NET_RING_EVENT_H
#define NET_RING_EVENT_H

#include <stdbool.h>
#include <stdint.h>

enum { RING_BUFFER_BYTES = 16384, RING_FILES_MAX = 1 << 20 }; /* descriptors that epoll's engine can watch */

struct ring_event;

/* Who is told what its requests have ended with; embedded in the owner's structure, below 2^56, for as long as a request is under way. */
struct ring_owner {
    void (*on_event)(struct ring_owner *owner, const struct ring_event *event);
    uint32_t watch; /* poller.c's; 0: none */
};

/* One completion. `kind` and `owner` are what the request was given: kinds are the owner's own. */
struct ring_event {
    uint8_t kind;
    struct ring_owner *owner; /* NULL: the thread was woken, and that is all */
    int32_t result;      /* bytes, or -errno */
    bool is_last;        /* a multishot request has ended with this one */
    bool has_buffer;
    uint16_t buffer;
};

#endif

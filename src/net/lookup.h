/* lookup.h - the addresses of a host, for a thread that may wait, but not for as long as a resolver likes to.
 *
 * The system's resolver cannot be interrupted. So a name is looked up on a thread of its own; whoever waits may leave, and the thread
 * throws away what it finds. An address in digits needs no thread.
 *
 * Threads    Any that may wait.
 * Limits     LOOKUPS_MAX such threads in the process, those that nobody waits for any more included; a name of LOOKUP_NAME_MAX bytes.  */
#ifndef NET_LOOKUP_H
#define NET_LOOKUP_H

#include "base/attributes.h"

#include <netdb.h>
#include <stdbool.h>
#include <stdint.h>

enum { LOOKUPS_MAX = 32, LOOKUP_NAME_MAX = 255 };

/* Gives the addresses of TCP port `port` there: freeaddrinfo. False: there are none, none in time, or `cancel_fd` has become readable. */
MUST_USE bool lookup_host(const char *host, uint16_t port, int64_t timeout_ms, int cancel_fd, struct addrinfo **found);

/* Until `fd` is ready for `events` (poll(2)), `end_us` (monotonic) has come or `cancel_fd` is readable. */
enum wait_outcome { WAIT_IS_READY, WAIT_IS_OVER, WAIT_IS_CANCELLED };
enum wait_outcome wait_for_fd(int fd, short events, int64_t end_us, int cancel_fd);
/* The end of a wait of `timeout_ms` that begins now. */
int64_t wait_end_us(int64_t timeout_ms);

#endif

/* observer.h - what the server tells src/cmd about: costly commands, slow events; and what it asks. Set before the threads start.  */
#ifndef SHARD_OBSERVER_H
#define SHARD_OBSERVER_H

#include "base/bytes.h"

#include <stdbool.h>
#include <stdint.h>

struct command_spec;
struct server;
struct session;

/* One command that took long, was long, or had a long reply. All is borrowed. */
struct costly_command {
    const struct command_spec *spec;
    const struct bytes *argv;
    uint32_t argc;
    uint64_t duration_us;
    uint64_t request_bytes;          /* as it was sent */
    uint64_t reply_bytes;            /* 0: it is not answered */
    int64_t now_ms;                  /* wall, when it ended */
    const struct session *session;   /* its connection; NULL when that is gone */
};

/* Each is called on the connection's own thread, without a
 * baton.  */
struct command_observer {
    /* A command took slowlog-log-slower-than or latency-monitor-threshold or longer, or it or its reply has commandlog-request-larger-than or
     * commandlog-reply-larger-than bytes or more (the callee looks which).  */
    void (*costly_command)(struct server *server, const struct costly_command *what);
    /* True when argv[index] is a password: MONITOR shows "(redacted)" in its place. */
    bool (*argument_is_secret)(const struct command_spec *spec, const struct bytes *argv, uint32_t argc, uint32_t index);
    /* Something of the server itself took `duration_ms` ("expire-cycle"): any thread. */
    void (*slow_event)(struct server *server, const char *event, int64_t duration_ms);
};

#endif

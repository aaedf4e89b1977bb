/* monitor.h - MONITOR: each command becomes a line for every thread that has monitors, when it is queued or has run here.
 *
 * Threads    Fed on the connection's thread; lines travel as messages. Lines of one connection keep their order.  */
#ifndef CLIENT_MONITOR_H
#define CLIENT_MONITOR_H

#include "base/bytes.h"

#include <stdint.h>

struct call;
struct command_spec;
struct session;
struct thread;

void monitor_feed(struct thread *thread, const struct call *call);

/* A command that has its line besides: a script, before the commands that it calls, and those. `origin`: in place of its connection's
 * address; NULL: that. What monitors never see is left out, except that a script itself is shown.  */
struct monitored {
    const struct session *session;
    const char *origin;
    const struct command_spec *spec;
    const struct bytes *argv;
    uint32_t argc;
};
void monitor_feed_words(struct thread *thread, const struct monitored *what);

#endif

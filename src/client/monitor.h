/* monitor.h - MONITOR: each command becomes a line for every thread that has monitors, when it is queued or has run here.
 *
 * Threads    Fed on the connection's thread; lines travel as messages. Lines of one connection keep their order.  */
#ifndef CLIENT_MONITOR_H
#define CLIENT_MONITOR_H

struct call;
struct thread;

void monitor_feed(struct thread *thread, const struct call *call);

#endif

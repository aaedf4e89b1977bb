/* settle.h - a connection at the end of a turn: its replies are sent, and it is read on, finished or ended.
 *
 * Threads    The connection's.  */
#ifndef CLIENT_SETTLE_H
#define CLIENT_SETTLE_H

#include <stdint.h>

struct thread;

/* All connections of LIST_DIRTY; long outputs and ends as far as a turn goes. `turn_events`: completions of this turn. */
void connections_settle(struct thread *thread, uint32_t turn_events);

#endif

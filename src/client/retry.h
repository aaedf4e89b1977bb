/* retry.h - connections whose commands could not run: when they try again.
 *
 * Threads    The connections'.  */
#ifndef CLIENT_RETRY_H
#define CLIENT_RETRY_H

#include <stdbool.h>

struct thread;

/* Once a turn, before its rounds. `are_waiting_due`: those that found something locked try again now; those that CLIENT PAUSE holds back
 * try again when the pause is over, or is another one.  */
void connections_retry(struct thread *thread, bool are_waiting_due);

#endif

/* start.h - a thread's executor, from its start to its end.
 *
 * Threads    The thread itself.  */
#ifndef EXEC_START_H
#define EXEC_START_H

#include "exec/executor.h"

/* `window_is_back` is the client room's. False: no memory. */
MUST_USE bool executor_open(struct thread *thread, window_is_back_fn *window_is_back, ticket_told_fn *session_is_due);
/* When nothing is with other threads. */
void executor_close(struct thread *thread);

#endif

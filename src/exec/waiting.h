/* waiting.h - commands and jobs that found something locked: when they try again.
 *
 * Threads    The thread's own; exec_wake_waiters (exec.h): any.  */
#ifndef EXEC_WAITING_H
#define EXEC_WAITING_H

#include <stdbool.h>

struct thread;

enum { WAITING_MS = 1 };

/* At the begin of a turn: do those that wait try again in it? After a wake-up, or a millisecond after the last time. */
bool waiting_begin_turn(struct thread *thread);
/* Somebody has woken them since: not to be slept over. */
bool waiting_are_woken(const struct thread *thread);

#endif

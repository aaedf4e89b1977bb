/* retry.h - connections whose commands could not run: when they try again.
 *
 * Threads    The connections'.  */
#ifndef CLIENT_RETRY_H
#define CLIENT_RETRY_H

#include <stdbool.h>
#include <stdint.h>

struct thread;

/* Once a turn, before its rounds: those that CLIENT PAUSE holds back try again when the pause is over, or is another one. */
void connections_retry(struct thread *thread);
/* The pause is another one: not to be slept over. */
bool paused_are_due(const struct thread *thread);
/* How long the thread may sleep for those that CLIENT PAUSE holds back. */
int64_t paused_wait_ms(const struct thread *thread);
/* What the next command of the session's connection waited for may be free: executor->session_is_due. */
void connection_is_due(struct thread *thread, void *session);

#endif

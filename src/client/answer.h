/* answer.h - what becomes of a window whose calls have run: replies in order into the connection's output, and what is left goes on later.
 *
 * Threads    The connection's.
 * Invariant  Replies leave in the order of the calls.  */
#ifndef CLIENT_ANSWER_H
#define CLIENT_ANSWER_H

struct thread;
struct window;

/* The window_is_back_fn of exec/executor.h. */
void window_answer(struct thread *thread, struct window *window);

#endif

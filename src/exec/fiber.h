/* fiber.h - a stack of its own for a function that may be left in its middle, and gone on with later.
 *
 * Threads    A fiber is entered by the thread that made it.
 * Memory     The stack is mapped; only what of it was used takes memory. Below it is a page that cannot be touched.
 * Limits     FIBER_STACK_BYTES: what a thread has.  */
#ifndef EXEC_FIBER_H
#define EXEC_FIBER_H

#include "base/attributes.h"

#include <stdbool.h>
#include <stddef.h>

enum { FIBER_STACK_BYTES = 8 << 20 };

struct fiber;
typedef void fiber_fn(void *arg);

/* NULL: no memory. Gives: fiber_destroy, while no function is in its middle. */
struct fiber *fiber_create(void) MUST_USE;
void fiber_destroy(struct fiber *fiber);
/* Runs fn(arg) until it returns, or pauses. True: it has returned. */
MUST_USE bool fiber_run(struct fiber *fiber, fiber_fn *fn, void *arg);
/* Goes on with a function that has paused. */
MUST_USE bool fiber_resume(struct fiber *fiber);
/* In the function: returns when it is gone on with. */
void fiber_pause(struct fiber *fiber);

#endif

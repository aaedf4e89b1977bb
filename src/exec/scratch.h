/* scratch.h - memory for one command or one step of a job, given back as a whole: exec_scratch of exec.h takes it.
 *
 * Threads    The thread's own.  */
#ifndef EXEC_SCRATCH_H
#define EXEC_SCRATCH_H

#include "base/attributes.h"

#include <stdbool.h>
#include <stddef.h>

struct executor;

/* The first block is there from the start, so that a quiet server's memory does not move. False: no memory. */
MUST_USE bool scratch_open(struct executor *executor);
void scratch_close(struct executor *executor);
/* NULL when refused. 16-byte aligned. */
MUST_USE void *scratch_take(struct executor *executor, size_t size);
/* What is taken from now on can be given back without the rest. */
struct scratch_mark {
    struct scratch_block *block;
    size_t used;
};
struct scratch_mark scratch_mark(const struct executor *executor);
void scratch_return_to(struct executor *executor, struct scratch_mark mark);
/* All that was taken is gone; one block of the usual size is kept. */
void scratch_reset(struct executor *executor);

#endif

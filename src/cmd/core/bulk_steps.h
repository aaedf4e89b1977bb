/* bulk_steps.h - a long text that is replied as one bulk string, in steps of a job.
 *
 * Threads    The job's; the text must stay where it is (a pinned string may be read without the baton).  */
#ifndef CMD_BULK_STEPS_H
#define CMD_BULK_STEPS_H

#include "exec/exec.h"

/* Longer strings are replied by a job: to copy so much into new memory takes some 0.2 ms. */
enum { BULK_AT_ONCE_MAX = 256 * 1024 };

/* Zeroed but for the text at first. */
struct bulk_steps {
    struct bytes text;
    size_t at;
    bool is_begun;
};

/* Goes on until the step is over. True: all of it is in the reply (or the reply is broken). */
bool bulk_steps_run(struct bulk_steps *bulk, struct exec *exec);

#endif

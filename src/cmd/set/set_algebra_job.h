/* set_algebra_job.h - an intersection, union or difference in steps.
 *
 * Threads    The holder of the keys' batons.  */
#ifndef CMD_SET_ALGEBRA_JOB_H
#define CMD_SET_ALGEBRA_JOB_H

#include "cmd/set/set_algebra.h"

/* Does it all as a job. `algebra` is copied; its sources are views lent from the entries of their keys. */
void algebra_start_job(const struct algebra *algebra, struct exec *exec);

#endif

/* wait_log.h - see wait_log.c.  */
#ifndef CMD_SERVER_WAIT_LOG_H
#define CMD_SERVER_WAIT_LOG_H

#include "exec/exec.h"

/* A job that replies how many logs have it: [1, 0], or [0, 0] after the time. `timeout_ms` 0: it waits without end. False: no memory. */
MUST_USE bool wait_log_start(struct exec *exec, bool waits_for_replicas, int64_t timeout_ms);

#endif

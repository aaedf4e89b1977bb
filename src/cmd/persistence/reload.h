/* reload.h - DEBUG RELOAD: saves, empties the server, and loads what was saved.
 *
 * Threads    Those of a job.  */
#ifndef CMD_RELOAD_H
#define CMD_RELOAD_H

#include "exec/exec.h"

/* A handler, of scope SCOPE_SESSION: DEBUG RELOAD [NOSAVE]. */
void command_debug_reload(struct exec *exec);

#endif

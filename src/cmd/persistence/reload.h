/* reload.h - DEBUG RELOAD: saves, empties the server, and loads what was saved. DEBUG LOADAOF: empties it and loads the log.
 *
 * Threads    Those of a job.  */
#ifndef CMD_RELOAD_H
#define CMD_RELOAD_H

#include "exec/exec.h"

/* A handler, of scope SCOPE_SESSION: DEBUG RELOAD [NOSAVE]. */
void command_debug_reload(struct exec *exec);
/* The same: DEBUG LOADAOF. */
void command_debug_loadaof(struct exec *exec);

#endif

/* allowed.h - what only some clients may do, as a parameter says: enable-debug-command, enable-protected-configs.
 *
 * Threads    The session's thread.  */
#ifndef CMD_SERVER_ALLOWED_H
#define CMD_SERVER_ALLOWED_H

#include "exec/exec.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* `allowance`: enum config_allowance. */
bool is_allowed_to(const struct exec *exec, const _Atomic int64_t *allowance);

#endif

/* script_call.h - what the commands share that run a script or a function: name numkeys [key ...] [arg ...].  */
#ifndef CMD_SCRIPT_CALL_H
#define CMD_SCRIPT_CALL_H

#include "base/attributes.h"
#include "exec/exec.h"

enum { SCRIPT_FIRST_KEY = 3 };

#define SCRIPT_CALL_FLAGS (COMMAND_NOSCRIPT | COMMAND_STALE | COMMAND_SKIP_MONITOR | COMMAND_NO_MANDATORY_KEYS | COMMAND_MOVABLE_KEYS)

extern const struct command_key_spec script_write_keys[], script_read_keys[];

/* The row is one of the read-only forms. */
bool script_is_read_only(const struct exec *exec);
/* A script that may use keys that it does not name gets all shards. */
bool script_undeclared_need_all(const struct server *server);
/* False: replied why there are no keys. `not_a_number`: the error where their number is none. */
MUST_USE bool script_read_key_count(struct exec *exec, const char *not_a_number, uint32_t *out);

/* command_waits_fn: some key is pinned or locked. Under all batons. */
bool script_waits_for_any(struct exec *exec);
/* What the script would have to wait for is looked for before it begins: true, exec_wait_for was called. */
MUST_USE bool script_must_wait(struct exec *exec, bool keeps_to_keys);

/* SCRIPT KILL, FUNCTION KILL. */
void script_kill(struct exec *exec, bool of_functions);

/* These commands tell monitors themselves, before the commands that they run. */
void script_feed_monitors(const struct exec *exec);

#endif

/* command_name.h - rows by their names, and names of rows: "get", "config|get".
 *
 * Threads    Any.  */
#ifndef CMD_COMMAND_NAME_H
#define CMD_COMMAND_NAME_H

#include "exec/exec.h"

/* "get", "config|get": cut at COMMAND_NAME_MAX with the NUL. Returns the length. */
enum { COMMAND_NAME_MAX = 64 };
size_t command_full_name(const struct command_spec *spec, char out[COMMAND_NAME_MAX]);

/* Looks up "get", "config" or "config|get", case ignored; NULL. */
const struct command_spec *command_find_full(const struct server *server, struct bytes name);
/* The subcommand of a container, case ignored; NULL. */
const struct command_spec *command_find_below(const struct command_spec *container, struct bytes name);

#endif

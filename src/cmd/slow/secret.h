/* secret.h - which words of a command are passwords: logs and MONITOR show "(redacted)" in their place.  */
#ifndef CMD_SECRET_H
#define CMD_SECRET_H

#include "exec/exec.h"

/* index < argc; argv has the whole command with its name. */
bool argument_is_secret(const struct command_spec *spec, const struct bytes *argv, uint32_t argc, uint32_t index);

#endif

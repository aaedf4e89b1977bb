/* introspect_rows.h - the commands about commands: a family, an array of rows, for each file.  */
#ifndef CMD_INTROSPECT_ROWS_H
#define CMD_INTROSPECT_ROWS_H

#include "exec/exec.h"

extern const struct command_spec introspect_commands[]; /* introspect.c: COMMAND */

#endif

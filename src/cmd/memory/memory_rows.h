/* memory_rows.h - the commands about memory: a family, an array of rows, for each file.  */
#ifndef CMD_MEMORY_ROWS_H
#define CMD_MEMORY_ROWS_H

#include "exec/exec.h"

extern const struct command_spec memory_commands[]; /* memory.c: MEMORY */

#endif

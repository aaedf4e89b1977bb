/* info_rows.h - the commands of INFO: a family, an array of rows, for each file.  */
#ifndef CMD_INFO_ROWS_H
#define CMD_INFO_ROWS_H

#include "exec/exec.h"

extern const struct command_spec info_commands[]; /* info.c: INFO METRICS */

#endif

/* sort_rows.h - the commands of SORT: a family, an array of rows, for each file.  */
#ifndef CMD_SORT_ROWS_H
#define CMD_SORT_ROWS_H

#include "exec/exec.h"

extern const struct command_spec sort_commands[]; /* sort.c: SORT SORT_RO */

#endif

/* script_rows.h - the commands of scripts: a family, an array of rows, for each file.  */
#ifndef CMD_SCRIPT_ROWS_H
#define CMD_SCRIPT_ROWS_H

#include "exec/exec.h"

extern const struct command_spec eval_commands[];   /* eval.c: EVAL to EVALSHA_RO */
extern const struct command_spec script_commands[]; /* script.c: SCRIPT */
extern const struct command_spec fcall_commands[];  /* fcall.c: FCALL, FCALL_RO */
extern const struct command_spec function_commands[]; /* function.c: FUNCTION */

#endif

/* slow_rows.h - the commands about what was slow: a family, an array of rows, for each file.  */
#ifndef CMD_SLOW_ROWS_H
#define CMD_SLOW_ROWS_H

#include "exec/exec.h"

extern const struct command_spec slowlog_commands[];    /* commandlog.c: SLOWLOG */
extern const struct command_spec commandlog_commands[]; /* commandlog.c: COMMANDLOG */
extern const struct command_spec latency_commands[]; /* latency.c: LATENCY */

#endif

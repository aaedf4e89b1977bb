/* set_rows.h - the commands on sets: a family, an array of rows, for each file.  */
#ifndef CMD_SET_ROWS_H
#define CMD_SET_ROWS_H

#include "exec/exec.h"

extern const struct command_spec set_commands[];         /* set.c: SADD SREM SMOVE SISMEMBER ... */
extern const struct command_spec set_all_commands[];     /* set_all.c: SMEMBERS SSCAN */
extern const struct command_spec set_random_commands[];  /* set_random.c: SRANDMEMBER */
extern const struct command_spec set_pop_commands[];     /* set_pop.c: SPOP */
extern const struct command_spec set_algebra_commands[]; /* set_algebra_commands.c: SINTER SUNION SDIFF ... */

#endif

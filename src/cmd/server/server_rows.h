/* server_rows.h - the commands that concern the server and whole databases: a family, an array of rows, for each file.  */
#ifndef CMD_SERVER_ROWS_H
#define CMD_SERVER_ROWS_H

#include "exec/exec.h"

extern const struct command_spec server_commands[];   /* server.c: TIME MONITOR ROLE ... */
extern const struct command_spec config_commands[];   /* configuration.c: CONFIG */
extern const struct command_spec database_commands[]; /* database.c: DBSIZE FLUSHDB FLUSHALL SWAPDB */
extern const struct command_spec debug_commands[];    /* debug.c: DEBUG */
extern const struct command_spec cluster_commands[];  /* cluster.c: CLUSTER READONLY READWRITE */

#endif

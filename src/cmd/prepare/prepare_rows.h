/* prepare_rows.h - the commands on prepared statements. TABLE.EXECUTE is one of table_query.c: it runs what TABLE.QUERY runs.  */
#ifndef CMD_PREPARE_ROWS_H
#define CMD_PREPARE_ROWS_H

#include "exec/exec.h"

extern const struct command_spec prepare_commands[]; /* prepare.c: TABLE.PREPARE, TABLE.DEALLOCATE */

#endif

/* transaction_rows.h - the commands of transactions: a family, an array of rows, for each file.  */
#ifndef CMD_TRANSACTION_ROWS_H
#define CMD_TRANSACTION_ROWS_H

#include "exec/exec.h"

extern const struct command_spec transaction_commands[]; /* transaction.c: MULTI EXEC DISCARD WATCH TABLE.WATCH UNWATCH */

#endif

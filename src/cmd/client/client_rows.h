/* client_rows.h - the commands of connections and clients: a family, an array of rows, for each file.  */
#ifndef CMD_CLIENT_ROWS_H
#define CMD_CLIENT_ROWS_H

#include "exec/exec.h"

extern const struct command_spec connection_commands[]; /* connection.c: PING ECHO QUIT RESET SELECT AUTH HELLO */
extern const struct command_spec client_commands[];     /* client.c: CLIENT */

#endif

/* pubsub_rows.h - the commands of publish and subscribe: a family, an array of rows, for each file.  */
#ifndef CMD_PUBSUB_ROWS_H
#define CMD_PUBSUB_ROWS_H

#include "exec/exec.h"

extern const struct command_spec subscribe_commands[]; /* subscribe.c: SUBSCRIBE to SUNSUBSCRIBE, PUBLISH, SPUBLISH */
extern const struct command_spec pubsub_commands[];    /* pubsub_info.c: PUBSUB */

#endif

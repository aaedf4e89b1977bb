/* key_rows.h - the commands on keys of any type: a family, an array of rows, for each file.  */
#ifndef CMD_KEY_ROWS_H
#define CMD_KEY_ROWS_H

#include "exec/exec.h"

extern const struct command_spec key_commands[];      /* key.c: DEL UNLINK EXISTS TOUCH TYPE */
extern const struct command_spec key_move_commands[]; /* key_move.c: RENAME RENAMENX COPY MOVE */
extern const struct command_spec expire_commands[];   /* expire.c: EXPIRE family, TTL family, PERSIST */
extern const struct command_spec object_commands[];   /* object.c: OBJECT */
extern const struct command_spec scan_commands[];     /* scan.c: SCAN RANDOMKEY, and KEYS of keys.c */
extern const struct command_spec dump_commands[];     /* dump.c: DUMP RESTORE */
extern const struct command_spec migrate_commands[];  /* migrate.c: MIGRATE */

#endif

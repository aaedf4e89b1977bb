/* persistence_rows.h - the commands of snapshots: a family, an array of rows.  */
#ifndef CMD_PERSISTENCE_ROWS_H
#define CMD_PERSISTENCE_ROWS_H

#include "exec/exec.h"

extern const struct command_spec save_commands[]; /* save.c: SAVE BGSAVE LASTSAVE */
extern const struct command_spec sync_commands[]; /* sync.c: SYNC PSYNC REPLCONF */
extern const struct command_spec backup_commands[]; /* backup.c: BACKUP */
extern const struct command_spec shutdown_commands[]; /* shutdown.c: SHUTDOWN */
extern const struct command_spec append_only_commands[]; /* append_only.c: BGREWRITEAOF */

#endif

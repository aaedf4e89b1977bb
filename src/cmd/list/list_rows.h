/* list_rows.h - the commands on lists: a family, an array of rows, for each file.  */
#ifndef CMD_LIST_ROWS_H
#define CMD_LIST_ROWS_H

#include "exec/exec.h"

extern const struct command_spec list_commands[];      /* list.c: LPUSH RPUSH LPUSHX RPUSHX LLEN [B]LMOVE [B]RPOPLPUSH */
extern const struct command_spec list_move_many_commands[]; /* list_move_many.c: [B]LMOVEM */
extern const struct command_spec list_pop_commands[];  /* list_pop.c: [B]LPOP [B]RPOP [B]LMPOP */
extern const struct command_spec list_read_commands[]; /* list_read.c: LRANGE LINDEX LPOS */
extern const struct command_spec list_edit_commands[]; /* list_edit.c: LSET LINSERT LREM LTRIM */

#endif

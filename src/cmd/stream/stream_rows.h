/* stream_rows.h - the commands on streams: a family, an array of rows, for each file.  */
#ifndef CMD_STREAM_ROWS_H
#define CMD_STREAM_ROWS_H

#include "exec/exec.h"

extern const struct command_spec stream_add_commands[];     /* stream_add.c: XADD XTRIM */
extern const struct command_spec stream_commands[];         /* stream.c: XDEL XLEN XSETID */
extern const struct command_spec stream_delete_commands[];  /* stream_delete.c: XDELEX XACKDEL */
extern const struct command_spec stream_read_commands[];    /* stream_read.c: XRANGE XREVRANGE XREAD */
extern const struct command_spec stream_group_commands[];   /* stream_group.c: XGROUP */
extern const struct command_spec stream_deliver_commands[]; /* stream_deliver.c: XREADGROUP */
extern const struct command_spec stream_pending_commands[]; /* stream_pending.c: XPENDING XACK */
extern const struct command_spec stream_claim_commands[];   /* stream_claim.c: XCLAIM XAUTOCLAIM */
extern const struct command_spec stream_info_commands[];    /* stream_info.c: XINFO */
extern const struct command_spec stream_effect_commands[];  /* stream_effect.c: STREAM.APPLY */

#endif

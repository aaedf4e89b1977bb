/* zset_rows.h - the commands on sorted sets: a family, an array of rows, for each file.  */
#ifndef CMD_ZSET_ROWS_H
#define CMD_ZSET_ROWS_H

#include "exec/exec.h"

extern const struct command_spec zset_algebra_commands[]; /* zset_algebra.c: ZUNION ZINTER ZDIFF, their STORE forms, ZINTERCARD */
extern const struct command_spec zset_commands[];         /* zset.c: single members of sorted sets */
extern const struct command_spec zset_range_commands[];   /* zset_range.c: ZRANGE and its forms, ZCOUNT, ZLEXCOUNT */
extern const struct command_spec zset_store_commands[];   /* zset_store.c: ZRANGESTORE */
extern const struct command_spec zset_remove_commands[];  /* zset_remove.c: ZREMRANGEBY..., ZPOPMIN, ZPOPMAX, ZMPOP */
extern const struct command_spec zset_random_commands[];  /* zset_random.c: ZRANDMEMBER */
extern const struct command_spec zset_scan_commands[];    /* zset_scan.c: ZSCAN */

#endif

/* hash_rows.h - the commands on hashes: a family, an array of rows, for each file.  */
#ifndef CMD_HASH_ROWS_H
#define CMD_HASH_ROWS_H

#include "exec/exec.h"

extern const struct command_spec hash_commands[];        /* hash.c: HSET HGET HDEL ... */
extern const struct command_spec hash_number_commands[]; /* hash_number.c: HINCRBY HINCRBYFLOAT */
extern const struct command_spec hash_all_commands[];    /* hash_all.c: HGETALL HKEYS HVALS */
extern const struct command_spec hash_scan_commands[];   /* hash_scan.c: HSCAN */
extern const struct command_spec hash_random_commands[]; /* hash_random.c: HRANDFIELD */
extern const struct command_spec hash_time_commands[];   /* hash_time.c: HTTL HPTTL HEXPIRETIME HPEXPIRETIME */
extern const struct command_spec hash_expire_commands[]; /* hash_expire.c: HEXPIRE HPERSIST HGETEX ... */
extern const struct command_spec hash_setex_commands[];  /* hash_setex.c: HSETEX */

#endif

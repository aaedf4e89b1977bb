/* string_rows.h - the commands on strings, as texts, numbers, bits and HyperLogLogs: a family, an array of rows, for each file.  */
#ifndef CMD_STRING_ROWS_H
#define CMD_STRING_ROWS_H

#include "exec/exec.h"

extern const struct command_spec string_commands[];        /* string.c: GET SET ... */
extern const struct command_spec string_many_commands[];   /* string_many.c: MGET MSET MSETEX MSETNX */
extern const struct command_spec string_condition_commands[]; /* string_condition.c: DIGEST DELEX DELIFEQ */
extern const struct command_spec string_range_commands[];  /* string_range.c: APPEND GETRANGE SETRANGE STRLEN SUBSTR */
extern const struct command_spec string_number_commands[]; /* string_number.c: INCR family */
extern const struct command_spec string_increx_commands[]; /* string_increx.c: INCREX */
extern const struct command_spec string_lcs_commands[];    /* string_lcs.c: LCS */
extern const struct command_spec bitmap_commands[];        /* bitmap.c: SETBIT GETBIT BITCOUNT BITPOS */
extern const struct command_spec bitop_commands[];         /* bitop.c: BITOP */
extern const struct command_spec bitfield_commands[];      /* bitfield.c: BITFIELD BITFIELD_RO */
extern const struct command_spec hyperloglog_commands[];   /* hyperloglog.c: PFADD PFCOUNT PFMERGE ... */

#endif

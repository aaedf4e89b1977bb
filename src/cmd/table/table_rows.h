/* table_rows.h - the commands on tables: a family, an array of rows, for each file.  */
#ifndef CMD_TABLE_ROWS_H
#define CMD_TABLE_ROWS_H

#include "exec/exec.h"

extern const struct command_spec table_commands[];  /* table.c: TABLE.* rows */
extern const struct command_spec count_commands[];  /* table_count.c: TABLE.COUNT, TABLE.EXISTS */
extern const struct command_spec query_commands[];  /* table_query.c: TABLE.QUERY, TABLE.EXECUTE */
extern const struct command_spec table_effect_commands[]; /* table_effect.c: TABLE.APPLY */
extern const struct command_spec schema_commands[]; /* table_schema.c: TABLE.NAMESPACE.* TABLE.SCHEMA.* */

#endif

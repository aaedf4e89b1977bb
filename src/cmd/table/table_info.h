/* table_info.h - TABLE.INFO: how many rows a table has, what they take, and where they are.
 *
 * Threads    The holder of any shard's baton: figures of the others are read relaxed, so that they may be of different moments.  */
#ifndef CMD_TABLE_TABLE_INFO_H
#define CMD_TABLE_TABLE_INFO_H

#include "exec/exec.h"

void command_table_info(struct exec *exec);

#endif

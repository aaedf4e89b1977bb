/* table_alter.h - TABLE.SCHEMA.ALTER.
 *
 * ALTER waits until no statement has the table locked; statements that come later wait for it. Everything but ADD INDEX on a
 * table with many rows is one short step with all batons held. That one builds the index as a job: the slices are locked for
 * reading meanwhile, so that rows stay as they are and queries go on without the index; when all slices have it, a last short
 * step without other readers makes it visible in all of them at once.
 *
 *   START --> BUILD --> FINISH --> done
 *
 * Threads    START, FINISH: all batons. BUILD: that of the slice's shard.  */
#ifndef CMD_TABLE_ALTER_H
#define CMD_TABLE_ALTER_H

#include "exec/exec.h"

/* SCOPE_ALL */
void command_schema_alter(struct exec *exec);

#endif

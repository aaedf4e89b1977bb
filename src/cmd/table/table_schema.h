/* table_schema.h - what table_schema.c does for other files that change what tables there are.
 *
 * Threads    All batons held.  */
#ifndef CMD_TABLE_TABLE_SCHEMA_H
#define CMD_TABLE_TABLE_SCHEMA_H

#include "exec/exec.h"
#include "table/schema.h"

/* Makes the table `name` of the draft, whose names and defaults are lent. Unless TABLE_OK nothing has changed. */
MUST_USE enum table_result table_create_drafted(struct exec *exec, struct bytes name, struct schema_draft *draft);

#endif

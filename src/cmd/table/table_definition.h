/* table_definition.h - CREATE, ALTER and DROP of SQL.
 *
 * Threads    All batons held.  */
#ifndef CMD_TABLE_TABLE_DEFINITION_H
#define CMD_TABLE_TABLE_DEFINITION_H

#include "plan/plan.h"

/* Runs the statement, as TABLE.SCHEMA.* does what is the same, and replies its outcome. It may wait, or start a job. */
void table_define(struct exec *exec, struct plan *plan);

#endif

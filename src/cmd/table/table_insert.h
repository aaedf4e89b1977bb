/* table_insert.h - TABLE.INSERT with COLUMNS, ONCONFLICT or RETURNING.
 *
 * Threads    The holder of the shard's baton, or of all.
 * Read on    query/insert.h  */
#ifndef CMD_TABLE_TABLE_INSERT_H
#define CMD_TABLE_TABLE_INSERT_H

#include "exec/exec.h"

/* The words are more than fields (insert_words_are_fields): adds the rows, or replies why not. */
void table_insert_words(struct exec *exec);

#endif

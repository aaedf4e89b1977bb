/* table_insert.h - TABLE.INSERT ns.t COLUMNS ... VALUES ..., and what is replied to an INSERT of several rows, whatever language it came in.
 *
 * Threads    The holder of the shard's baton, or of all.
 * Read on    query/insert.h  */
#ifndef CMD_TABLE_TABLE_INSERT_H
#define CMD_TABLE_TABLE_INSERT_H

#include "exec/exec.h"

/* The words are of that form (insert_words_are_there): adds the rows, or replies why not. */
void table_insert_words(struct exec *exec);

/* For a struct insert_source: an array of row ids. */
void table_reply_row_count(struct exec *exec, size_t count);
void table_reply_row_id(struct exec *exec, uint64_t id);

#endif

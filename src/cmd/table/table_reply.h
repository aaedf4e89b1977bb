/* table_reply.h - how rows and their ids, and what is wrong with a text of SQL, are replied: functions of struct statement_replies and of struct
 * insert_source.
 *
 * Threads    As these say.
 * Read on    query/statement.h, query/insert.h; table_error.h for other errors.  */
#ifndef CMD_TABLE_TABLE_REPLY_H
#define CMD_TABLE_TABLE_REPLY_H

#include "query/statement.h"

/* The array of what is told of each row. */
void table_reply_row_count(struct exec *exec, size_t count);
void table_reply_row_id(struct exec *exec, uint64_t id);
/* The values of a row, without its nulls. */
void table_reply_row(struct exec *exec, const struct statement *statement, const struct found_row *row);
/* The items of a row, nulls, too. */
void table_reply_items(struct exec *exec, const struct select *select, const struct scalar *items);
/* An error, instead of what was replied before. */
void table_reply_fault(struct exec *exec, const struct sql_fault *fault);

#endif

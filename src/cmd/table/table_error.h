/* table_error.h - what the TABLE.* commands say when they refuse.  */
#ifndef CMD_TABLE_ERROR_H
#define CMD_TABLE_ERROR_H

#include "net/reply.h"
#include "query/fault.h"
#include "table/table.h"

/* Replies the text of a result that is not TABLE_OK; `scan_limit` counts for TABLE_SCAN_LIMIT only. */
void reply_table_error(struct reply *reply, enum table_result result, int64_t scan_limit);
/* The same, with the words that the fault knows: each up to 64 bytes, what is no plain character escaped. */
void reply_table_fault(struct reply *reply, enum table_result result, const struct table_fault *fault);

#endif

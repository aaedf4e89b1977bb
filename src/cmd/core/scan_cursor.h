/* scan_cursor.h - the cursors of SCAN.  */
#ifndef CMD_SCAN_CURSOR_H
#define CMD_SCAN_CURSOR_H

#include "base/attributes.h"
#include "base/bytes.h"

#include <stdbool.h>
#include <stdint.h>

/* As Redis reads a cursor: an optional sign and digits, leading zeros allowed, within uint64; an empty text is 0. What
 * follows a zero byte is not looked at.  */
MUST_USE bool scan_cursor_parse(struct bytes text, uint64_t *out);
/* The cursor that a client sees. */
uint64_t scan_cursor_join(uint32_t shard, uint64_t keyspace_cursor);

#endif

/* member_scan.h - what HSCAN, SSCAN and ZSCAN have in common: their words, the beginning of their replies, and MATCH.
 *
 * Threads    The holder of the key's baton.  */
#ifndef CMD_MEMBER_SCAN_H
#define CMD_MEMBER_SCAN_H

#include "encoding/item.h"
#include "shard/exec.h"

/* What is asked for. */
struct member_scan {
    uint64_t cursor;
    uint64_t count;
    uint32_t pattern_at; /* argv index; 0: everything */
};

/* Reads the cursor in argv[2]; replies the error. */
MUST_USE bool member_scan_read_cursor(struct exec *exec, struct member_scan *out);
/* Reads the options from argv[3] on; replies the error. Redis does so only when it has found the key. */
MUST_USE bool member_scan_read_options(struct exec *exec, struct member_scan *out);
/* The pattern, NULL when everything matches. Lent as argv is: asked for anew in each step of a job. */
const struct bytes *member_scan_pattern(const struct exec *exec, const struct member_scan *scan);
/* True when the member or field matches; `pattern` may be NULL. */
bool member_scan_is_wanted(const struct bytes *pattern, const struct item *member);
/* The cursor and the header of an array of `items`, which follow. */
void member_scan_reply_header(struct reply *reply, uint64_t cursor, size_t items);

#endif

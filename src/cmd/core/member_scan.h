/* member_scan.h - what HSCAN, SSCAN and ZSCAN have in common: their words, the beginning of their replies, and MATCH;
 * and of the first two, how a member table is scanned.
 *
 * Threads    The holder of the key's baton.  */
#ifndef CMD_MEMBER_SCAN_H
#define CMD_MEMBER_SCAN_H

#include "encoding/item.h"
#include "exec/exec.h"

/* What is asked for. */
struct member_scan {
    uint64_t cursor;
    uint64_t count;
    uint32_t pattern_at; /* argv index; 0: everything */
    bool is_without_values; /* HSCAN NOVALUES: fields alone are replied */
};

/* Reads the words and finds the collection at argv[1]. NULL: replied, for there is none, or it is an error. */
MUST_USE struct entry *member_scan_open(struct exec *exec, enum value_type type, struct member_scan *out);
/* The pattern, NULL when everything matches. Lent as argv is: asked for anew in each step of a job. */
const struct bytes *member_scan_pattern(const struct exec *exec, const struct member_scan *scan);
/* True when the member or field matches; `pattern` may be NULL. */
bool member_scan_is_wanted(const struct bytes *pattern, const struct item *member);
/* The cursor and the header of an array of `items`, which follow. */
void member_scan_reply_header(struct reply *reply, uint64_t cursor, size_t items);
/* Replies a collection that is a member table: with `has_texts` each member and its text. Much goes in steps. */
void member_scan_reply_table(struct exec *exec, struct entry *entry, struct member_scan scan, bool has_texts);

#endif

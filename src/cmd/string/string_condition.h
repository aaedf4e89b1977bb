/* string_condition.h - IFEQ, IFNE, IFDEQ and IFDNE: what a string has to be for SET and DELEX to go on.
 *
 * Threads    The holder of the key's baton.  */
#ifndef CMD_STRING_CONDITION_H
#define CMD_STRING_CONDITION_H

#include "exec/exec.h"

#include <stdbool.h>
#include <stdint.h>

enum condition_kind { CONDITION_NONE, CONDITION_EQUAL, CONDITION_NOT_EQUAL, CONDITION_DIGEST_EQUAL, CONDITION_DIGEST_NOT_EQUAL };

struct string_condition {
    enum condition_kind kind;
    struct bytes text; /* lent from argv: EQUAL and NOT_EQUAL compare with it */
    uint64_t digest;   /* DIGEST_EQUAL and DIGEST_NOT_EQUAL do with this (base/text_digest.h) */
};

/* The condition of this word, in any case of letters; CONDITION_NONE: it is none. */
enum condition_kind string_condition_kind(struct bytes word);
/* Makes a condition of the kind from argv[value]. False: a digest is none, which was replied. */
MUST_USE bool string_condition_read(struct exec *exec, enum condition_kind kind, uint32_t value, struct string_condition *out);
/* Does it hold for the string of `entry`? NULL, no key, is equal to nothing. A string of megabytes is read in one step. */
bool string_condition_holds(const struct string_condition *condition, const struct entry *entry);

#endif

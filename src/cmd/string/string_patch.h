/* string_patch.h - a long word goes into a string in place, in steps.
 *
 *   LOCK    until nobody else has the key
 *   OPEN    the string gets its new length: all that may be refused
 *   COPY    the word's bytes
 *
 * Threads    The holder of the key's baton.  */
#ifndef CMD_STRING_PATCH_H
#define CMD_STRING_PATCH_H

#include "exec/exec.h"

struct string_patch {
    uint32_t word;     /* argv: what goes into argv[1] */
    bool is_append;    /* at its end */
    size_t offset;     /* otherwise there */
    enum event event;
};

/* Opens the key's string so that the patch has room at *at: it has its new length then. Replies the error. */
MUST_USE bool string_patch_open(struct exec *exec, const struct string_patch *patch, struct open_string *string, size_t *at);
/* May a string of `len` bytes get `more`? Otherwise replies why not. */
MUST_USE bool string_check_length(struct exec *exec, uint64_t len, uint64_t more);

/* Starts the job. */
void string_patch_start(struct exec *exec, const struct string_patch *patch);

#endif

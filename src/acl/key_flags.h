/* key_flags.h - key specifications of rows: where keys are, and what a command does with them.
 *
 * Threads    Any.  */
#ifndef ACL_KEY_FLAGS_H
#define ACL_KEY_FLAGS_H

#include "exec/exec.h"

/* First, last and step as clients are told: the row's `keys`, or the name of a table. */
struct command_keys command_shown_keys(const struct command_spec *spec);
/* The row's key specifications, its own or those that follow from the keys that are shown and `key_flags`. */
enum { KEY_SPECS_MAX = 4 };
struct key_spec {
    struct bytes flags;            /* "RW access delete", lent from the row */
    struct command_key_spec place; /* without flags */
};
/* Returns how many. */
size_t command_key_specs(const struct command_spec *spec, struct key_spec out[KEY_SPECS_MAX]);
/* The flags of the first specification where they depend on the arguments (SET, BITFIELD); NULL: they do not. */
const char *command_variable_flags(const struct command_spec *spec, const struct bytes *argv, uint32_t argc);

#endif

/* check.h - may a user run a command with these words?
 *
 * Threads    Any. Nothing is kept.
 * Cost       a bit for the command, and for each key the patterns up to the one that fits.  */
#ifndef ACL_CHECK_H
#define ACL_CHECK_H

#include "acl/user.h"

/* Of several selectors that refuse, the one that has come furthest says why: a later one here. */
enum acl_outcome { ACL_ALLOWED, ACL_DENIED_COMMAND, ACL_DENIED_KEY, ACL_DENIED_CHANNEL, ACL_DENIED_BY, ACL_DENIED_GET, ACL_DENIED_NO_MEMORY };

enum { ACL_OBJECT_MAX = 128 };
struct acl_denial {
    enum acl_outcome outcome;
    struct bytes object;            /* the key, channel or table: lent from argv, or in `text`; else empty */
    char text[ACL_OBJECT_MAX];      /* the name of a table in a statement, cut */
};

/* argv: with the command's name; `spec` takes so many words. *denial is set unless ACL_ALLOWED. */
enum acl_outcome acl_check(const struct acl_user *user, const struct acl_command_table *commands, const struct command_spec *spec,
                           const struct bytes *argv, uint32_t argc, struct acl_denial *denial);
/* May it have the subscription? */
bool acl_allows_channel(const struct acl_user *user, struct bytes channel, bool is_pattern);

#endif

/* users_at_start.h - the users of the configuration, or of the file that it names.
 *
 * Threads    The main thread, before the others start.  */
#ifndef SERVER_USERS_AT_START_H
#define SERVER_USERS_AT_START_H

#include "base/attributes.h"

#include <stdbool.h>

struct acl;

/* Reads them. False: something is wrong, and was printed to stderr. */
MUST_USE bool users_load(struct acl *acl);

#endif

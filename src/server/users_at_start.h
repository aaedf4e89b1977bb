/* users_at_start.h - the users of the configuration, or of the file that it names.
 *
 * Threads    The main thread, before the others start.  */
#ifndef SERVER_USERS_AT_START_H
#define SERVER_USERS_AT_START_H

#include "base/attributes.h"

#include <stdbool.h>

struct acl;

enum { USERS_ERROR_MAX = 1024 };

/* Reads them. False: `error` says what is wrong, cut where it is longer. */
MUST_USE bool users_load(struct acl *acl, char error[USERS_ERROR_MAX]);

#endif

/* basic.h - HTTP's basic authentication.
 *
 * Threads    Any.
 * Source     RFC 7617; RFC 4648, 4 (base64)  */
#ifndef HTTP_BASIC_H
#define HTTP_BASIC_H

#include "base/attributes.h"
#include "base/bytes.h"

#include <stdbool.h>

enum { BASIC_MAX = 6144 }; /* what HTTP_REQUEST_MAX bytes of base64 decode to */

/* Who the client says it is; the texts lie in the caller's `text`. */
struct basic_user {
    struct bytes name, password;
};

/* "Basic dXNlcjpwYXNz", case ignored in the first word. False: it is something else, or no base64, or has no colon. */
MUST_USE bool basic_parse(struct bytes authorization, char text[BASIC_MAX], struct basic_user *out);

#endif

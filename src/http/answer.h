/* answer.h - what the server is asked for a page, in RESP, and its answer as a status of HTTP.
 *
 * Threads    Any.  */
#ifndef HTTP_ANSWER_H
#define HTTP_ANSWER_H

#include "http/basic.h"
#include "http/request.h"
#include "mem/buffer.h"

enum { ANSWER_MAX = 64 << 20 }; /* bytes of an answer; longer ones are refused */

/* Names under which clients know two commands (rename-command). Lent. */
struct http_commands {
    const char *login, *metrics;
};

/* Appends METRICS, behind AUTH when there is a user; a user without a name is "default". False: no memory. */
MUST_USE bool answer_ask(struct buffer *out, const struct http_commands *commands, const struct basic_user *user);

/* Reads what has come of the answer. HTTP_MORE: not all has. HTTP_OK: *text is the page. Else *text is a line that says why not: the user is none, or
 * must log in (401); may not (403); the server cannot now (503). *text lies in `received`, or is a constant.  */
MUST_USE enum http_status answer_read(struct bytes received, bool has_user, struct bytes *text);

#endif

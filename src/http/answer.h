/* answer.h - the server's answer to a question: its last reply, and a status of HTTP.
 *
 * Threads    Any.  */
#ifndef HTTP_ANSWER_H
#define HTTP_ANSWER_H

#include "http/reply_item.h"
#include "http/request.h"

enum { ANSWER_MAX = 64 << 20 }; /* bytes of an answer; longer ones are refused */

/* How far an answer has been read; answer_begin. */
struct answer_walk {
    struct reply_walk reply;
    size_t start;     /* of this reply */
    uint32_t replies; /* still to come, this one included */
};

/* An answer of so many replies (at least one). */
struct answer_walk answer_begin(uint32_t replies);

/* Reads on in what has come of the answer. HTTP_MORE: not all has; call again with more behind the same bytes. HTTP_OK: *out is the last reply, as it
 * came. Else *out is a line that says why not: the user is none, or must log in (401); may not (403); the server cannot now (503). *out lies in
 * `received`, or is a constant.  */
MUST_USE enum http_status answer_read(struct bytes received, struct answer_walk *walk, struct bytes *out);

#endif

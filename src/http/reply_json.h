/* reply_json.h - a reply of RESP3 as JSON.
 *
 *     text      a string. Bytes that are no UTF-8 stand as \udc80 .. \udcff, the low byte being theirs (as Python's "surrogateescape"): so each text
 *               has one string, and each string one text. Control characters and DEL are escaped, too.
 *     number    a number; what JSON has no number for (inf, nan) a string
 *     map       an object, in its order; its names are texts or numbers
 *     null, booleans, arrays and sets   what they are
 *
 * Threads    Any; pure functions.
 * Limits     REPLY_DEPTH_MAX lists and maps within each other; no errors within them. No recursion.
 * Source     RFC 8259; RFC 3629 (UTF-8); PEP 383  */
#ifndef HTTP_REPLY_JSON_H
#define HTTP_REPLY_JSON_H

#include "base/attributes.h"
#include "base/bytes.h"
#include "base/result.h"
#include "mem/buffer.h"

enum { REPLY_DEPTH_MAX = 8 };

/* Appends the one reply that `reply` is. RESULT_SYNTAX: it is not one, or has what the limits leave out. RESULT_NO_MEMORY. On both *out has
 * what there was, or a part more. Cost: O(len).  */
MUST_USE enum result reply_json_append(struct buffer *out, struct bytes reply);

#endif

/* request.h - one HTTP request in what a client sent: its line, and the few fields of its head that matter here.
 *
 * Strict: lines end with CR LF, a field stands in one line, names are tokens, HTTP/1.1 needs one Host. A body is refused.
 *
 * Threads    Any.
 * Memory     Texts of a request lie in the input.
 * Limits     HTTP_REQUEST_MAX bytes a head.
 * Source     RFC 9110, RFC 9112  */
#ifndef HTTP_REQUEST_H
#define HTTP_REQUEST_H

#include "base/attributes.h"
#include "base/bytes.h"

#include <stdbool.h>

enum { HTTP_REQUEST_MAX = 8192 };

/* 0, or what is answered: a status of HTTP. */
enum http_status {
    HTTP_MORE = 0, /* the head has not arrived completely */
    HTTP_OK = 200,
    HTTP_BAD_REQUEST = 400,
    HTTP_UNAUTHORIZED = 401,
    HTTP_FORBIDDEN = 403,
    HTTP_NOT_FOUND = 404,
    HTTP_NOT_ALLOWED = 405,     /* the method is neither GET nor HEAD */
    HTTP_BODY_TOO_LARGE = 413,  /* there is one */
    HTTP_TARGET_TOO_LONG = 414, /* the first line is longer than HTTP_REQUEST_MAX */
    HTTP_HEAD_TOO_LARGE = 431,
    HTTP_UNAVAILABLE = 503,
    HTTP_BAD_VERSION = 505,
};

struct http_request {
    struct bytes path;          /* without what follows a '?' */
    struct bytes query;         /* that */
    struct bytes host;          /* the fields' values; empty: none */
    struct bytes authorization;
    struct bytes fetch_site;    /* Sec-Fetch-Site: whose page has a browser ask */
    bool is_head;
    bool is_kept_alive;         /* the client wants to send more requests */
    size_t consumed;            /* bytes of the input that belong to it */
};

/* Looks for a request at the start of `input`. HTTP_OK: *out is set. HTTP_MORE: call again with more behind the same bytes. Else the status with
 * which it is refused, behind which nothing can be read. Cost: O(input).  */
MUST_USE enum http_status http_request_parse(struct bytes input, struct http_request *out);

#endif

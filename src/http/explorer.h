/* explorer.h - the memory explorer: one page of HTML with its style and its script in it, made of the files in explorer/ by the build.
 *
 * Threads    Any.  */
#ifndef HTTP_EXPLORER_H
#define HTTP_EXPLORER_H

#include "base/attributes.h"
#include "base/bytes.h"
#include "mem/buffer.h"

/* The page: a constant. */
struct bytes explorer_page(void);

/* Appends the fields of HTTP that belong to it: only its own style and script may run (by their digests), they may ask only this server, and no page
 * may have it in a frame. False: no memory. Cost: two digests, O(page). */
MUST_USE bool explorer_append_fields(struct buffer *out);

#endif

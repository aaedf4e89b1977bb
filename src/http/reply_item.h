/* reply_item.h - the items of a reply in RESP3, one after the other.
 *
 * Threads    Any; pure functions.
 * Limits     Attributes and pushed messages are strange: the server sends none to connections that ask for none.
 * Source     RESP3 (github.com/antirez/RESP3)  */
#ifndef HTTP_REPLY_ITEM_H
#define HTTP_REPLY_ITEM_H

#include "base/attributes.h"
#include "base/bytes.h"

#include <stdbool.h>
#include <stdint.h>

enum { REPLY_COUNT_MAX = 1 << 24 }; /* items that one reply has at most */

enum item_kind {
    ITEM_TEXT,
    ITEM_ERROR,
    ITEM_NUMBER,  /* the text is as it came: integer, double or big number */
    ITEM_BOOLEAN, /* the text is "t" or "f" */
    ITEM_NULL,
    ITEM_LIST,    /* an array or a set: `count` items follow */
    ITEM_MAP,     /* `count` items follow: names and values in turn */
};

struct reply_item {
    enum item_kind kind;
    struct bytes text; /* lies in what was received */
    uint64_t count;
};

enum reply_found { REPLY_FOUND, REPLY_PARTIAL, REPLY_STRANGE };

/* The item at *at, behind which *at goes. Otherwise both are as they were. Cost: O(line); a text is not looked at. */
MUST_USE enum reply_found reply_item_read(struct bytes received, size_t *at, struct reply_item *out);

/* How far the end of a reply has been looked for; {.at = its start, .pending = 1} at first. */
struct reply_walk {
    size_t at;
    uint64_t pending; /* items that still belong to it */
};

/* Goes on to the reply's end: REPLY_FOUND, walk->at is behind it. REPLY_PARTIAL: call again when more has come behind the same bytes. Cost: O(items
 * that have come since).  */
MUST_USE enum reply_found reply_walk_on(struct bytes received, struct reply_walk *walk);

#endif

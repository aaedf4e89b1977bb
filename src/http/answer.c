/* answer.c - see answer.h.  */
#include "http/answer.h"

#include <assert.h>

struct answer_walk answer_begin(uint32_t replies)
{
    assert(replies > 0);
    return (struct answer_walk){.reply = {.pending = 1}, .replies = replies};
}

static bool has_code(struct bytes error, struct bytes code)
{
    return error.len > code.len && memcmp(error.data, code.data, code.len) == 0 && error.data[code.len] == ' ';
}

static enum http_status status_of(struct bytes error)
{
    if (has_code(error, BYTES("NOAUTH")) || has_code(error, BYTES("WRONGPASS"))) {
        return HTTP_UNAUTHORIZED;
    }
    return has_code(error, BYTES("NOPERM")) ? HTTP_FORBIDDEN : HTTP_UNAVAILABLE;
}

enum http_status answer_read(struct bytes received, struct answer_walk *walk, struct bytes *out)
{
    enum reply_found found;
    while ((found = reply_walk_on(received, &walk->reply)) == REPLY_FOUND) {
        const struct bytes reply = {received.data + walk->start, walk->reply.at - walk->start};
        struct reply_item item;
        size_t at = 0;
        if (reply_item_read(reply, &at, &item) == REPLY_FOUND && item.kind == ITEM_ERROR) {
            *out = item.text;
            return status_of(item.text);
        }
        if (--walk->replies == 0) {
            *out = reply;
            return HTTP_OK;
        }
        walk->start = walk->reply.at;
        walk->reply.pending = 1;
    }
    if (found == REPLY_PARTIAL && received.len <= ANSWER_MAX) {
        return HTTP_MORE;
    }
    *out = found == REPLY_PARTIAL ? BYTES("the server's answer is too long") : BYTES("the server's answer cannot be read");
    return HTTP_UNAVAILABLE;
}

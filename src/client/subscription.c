/* subscription.c - see subscription.h.  */
#include "client/subscription.h"

#include "client/session.h"
#include "client/sessions.h"
#include "mem/buffer.h"
#include "net/reply.h"

#include <stddef.h>

static const char *const words[TOPIC_KINDS] = {"message", "pmessage", "smessage"};

void subscription_deliver(struct subscriber *subscriber, const struct publication *publication)
{
    struct session *session = (struct session *)((char *)subscriber - offsetof(struct session, subscriber));
    struct buffer buffer = BUFFER_EMPTY(MEM_OUTPUT_BUFFER);
    struct reply reply;
    const bool is_pattern = publication->kind == TOPIC_PATTERN;
    reply_begin(&reply, &buffer, session->protocol);
    reply_push(&reply, is_pattern ? 4 : 3);
    reply_bulk_string(&reply, words[publication->kind]);
    if (is_pattern) {
        reply_bulk(&reply, publication->pattern);
    }
    reply_bulk(&reply, publication->channel);
    reply_bulk(&reply, publication->text);
    if (reply.is_broken) {
        session_close(session); /* it would miss a message, and not know */
    } else {
        session_push(session, buffer_bytes(reply.out));
    }
    buffer_release(&reply.own);
    buffer_release(&buffer);
}

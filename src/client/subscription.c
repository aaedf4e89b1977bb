/* subscription.c - see subscription.h.  */
#include "client/subscription.h"

#include "client/session.h"
#include "client/sessions.h"
#include "mem/buffer.h"
#include "mem/heap.h"
#include "net/reply.h"

/* A subscriber knows its session. */
struct session_subscriber {
    struct subscriber subscriber;
    struct session *session;
};

static const char *const words[TOPIC_KINDS] = {"message", "pmessage", "smessage"};

/* Writes the message behind what is in the connection's output already. */
static void deliver(struct subscriber *subscriber, const struct publication *publication)
{
    struct session *session = ((struct session_subscriber *)subscriber)->session;
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

struct subscriber *session_subscriber(struct session *session)
{
    if (session->subscriber == NULL) {
        struct session_subscriber *new = thread_alloc_zeroed(MEM_CLIENT, sizeof *new);
        if (new == NULL) {
            return NULL;
        }
        new->subscriber.deliver = deliver;
        new->subscriber.bytes = sizeof *new;
        new->session = session;
        session->subscriber = &new->subscriber;
    }
    return session->subscriber;
}

void session_deliver_messages(struct thread *thread, const struct session *session)
{
    if (session->subscriber != NULL && subscriber_is_any(session->subscriber)) {
        pubsub_deliver(thread);
    }
}

void session_unsubscribe(struct thread *thread, struct session *session)
{
    if (session->subscriber == NULL) {
        return;
    }
    subscriber_clear(thread, session->subscriber);
    thread_free(MEM_CLIENT, session->subscriber, sizeof(struct session_subscriber));
    session->subscriber = NULL;
}

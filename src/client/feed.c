/* feed.c - see feed.h.  */
#include "client/feed.h"

#include "client/sessions.h"
#include "mem/heap.h"
#include "shard/message.h"
#include "shard/server.h"
#include "shard/thread.h"

#include <assert.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>

_Static_assert(FEED_COUNT <= CHAR_BIT, "session.feeds and clients.broken_feeds have a bit for each");

struct line {
    struct message message;
    enum feed feed;
    size_t block_bytes, len;
    char text[];
};

static bool is_broken_on(const struct thread *receiver, enum feed feed)
{
    return (atomic_load_explicit(&receiver->clients->broken_feeds, memory_order_relaxed) >> feed & 1) != 0;
}

/* Behind a gap nothing is delivered: those who read it are about to be closed. */
static void line_deliver(struct thread *thread, struct message *message)
{
    struct line *line = (struct line *)((char *)message - offsetof(struct line, message));
    const bool is_broken = is_broken_on(thread, line->feed);
    struct session *next;
    for (struct session *session = thread_session_next(thread, NULL); session != NULL; session = next) {
        next = thread_session_next(thread, session);
        if (!is_broken && session_is_in_feed(session, line->feed)) {
            session_push(session, (struct bytes){line->text, line->len});
        }
    }
    thread_free(MEM_OUTPUT_BUFFER, line, line->block_bytes);
}

static void break_on(struct thread *receiver, enum feed feed)
{
    atomic_fetch_or_explicit(&receiver->clients->broken_feeds, (uint8_t)(1 << feed), memory_order_relaxed);
}

void feed_break(struct thread *thread, enum feed feed)
{
    for (uint32_t i = 0; i < thread->server->shard_count; i++) {
        break_on(server_thread(thread->server, i), feed);
    }
}

/* Closes the thread's sessions in those of `feeds` that have broken. */
static void close_broken(struct thread *thread, uint8_t feeds)
{
    if (LIKELY(atomic_load_explicit(&thread->clients->broken_feeds, memory_order_relaxed) == 0)) {
        return;
    }
    const uint8_t broken =
        feeds & atomic_fetch_and_explicit(&thread->clients->broken_feeds, (uint8_t)~feeds, memory_order_relaxed);
    struct session *next;
    for (struct session *session = thread_session_next(thread, NULL); session != NULL; session = next) {
        next = thread_session_next(thread, session);
        if ((session->feeds & broken) != 0) {
            session_close(session);
        }
    }
}

void feeds_check(struct thread *thread)
{
    close_broken(thread, UINT8_MAX);
}

void feed_send(struct thread *thread, enum feed feed, struct bytes text)
{
    for (uint32_t i = 0; i < thread->server->shard_count; i++) {
        struct thread *receiver = server_thread(thread->server, i);
        if (__atomic_load_n(&receiver->stats.feeds_current[feed], __ATOMIC_RELAXED) == 0) {
            continue;
        }
        const size_t block_bytes = sizeof(struct line) + text.len;
        struct line *line = thread_alloc(MEM_OUTPUT_BUFFER, block_bytes);
        if (line == NULL) {
            break_on(receiver, feed);
            continue;
        }
        *line = (struct line){.message = {.deliver = line_deliver}, .feed = feed, .block_bytes = block_bytes, .len = text.len};
        memcpy(line->text, text.data, text.len);
        message_send(thread, receiver, &line->message);
    }
}

bool feed_is_wanted(const struct server *server, enum feed feed)
{
    return atomic_load_explicit(&server->feeds_current[feed], memory_order_relaxed) > 0;
}

bool session_is_in_feed(const struct session *session, enum feed feed)
{
    return (session->feeds >> feed & 1) != 0;
}

static void count_feed(struct thread *thread, enum feed feed, int change)
{
    assert(change > 0 || thread->stats.feeds_current[feed] > 0);
    stat_add(&thread->stats.feeds_current[feed], (uint64_t)(int64_t)change);
    atomic_fetch_add_explicit(&thread->server->feeds_current[feed], (uint32_t)change, memory_order_relaxed);
}

void feed_join(struct thread *thread, struct session *session, enum feed feed)
{
    if (!session_is_in_feed(session, feed)) {
        close_broken(thread, (uint8_t)(1 << feed)); /* the newcomer has no gap */
        session->feeds |= (uint8_t)(1 << feed);
        count_feed(thread, feed, 1);
    }
}

void feed_leave(struct thread *thread, struct session *session, enum feed feed)
{
    if (session_is_in_feed(session, feed)) {
        session->feeds &= (uint8_t)~(1 << feed);
        count_feed(thread, feed, -1);
    }
}

/* caching.c - see caching.h.  */
#include "client/caching.h"

#include "client/connection.h"
#include "client/session_cache.h"
#include "client/sessions.h"
#include "exec/window.h"
#include "mem/heap.h"
#include "net/reply.h"

#include <stdlib.h>
#include <string.h>

#define CHANNEL "__redis__:invalidate"

/* A key that was broadcast in this turn. */
struct collected {
    uint64_t source, prefix;
    bool is_redirected;
    size_t len;
};

/* --- when it is told --- */

enum moment { TELL_NOW, TELL_LATER, TELL_NOW_AND_LATER };

/* The job that the connection waits for; NULL: none. */
static const void *job_of(const struct connection *connection)
{
    const struct window *window = connection->window;
    const struct call *first = window == NULL || window->queued > 0 ? NULL : window_first_call(window);
    return first != NULL && first->state == CALL_JOB ? first->elsewhere : NULL;
}

/* Calls of the connection that are not answered may have read what has changed since. */
static enum moment moment_of(const struct connection *connection)
{
    const struct window *window = connection->window;
    if (window == NULL) {
        return TELL_NOW;
    }
    if (window->queued > 0) {
        return TELL_LATER;
    }
    for (uint32_t i = window->flushed; i < window->count; i++) {
        const struct call *call = &window->calls[i];
        const bool has_begun = call->state == CALL_DONE || call->state == CALL_STARTED || call->state == CALL_JOB || call->state == CALL_ABROAD;
        if (has_begun && (call->tracked & TRACKED_READ) != 0) {
            return TELL_NOW_AND_LATER;
        }
    }
    return TELL_NOW;
}

static void become_due(struct session_cache *cache)
{
    struct clients *clients = connection_of(cache->session)->thread->clients;
    if (!cache->is_due) {
        cache->is_due = true;
        cache->next_due = clients->caches_due;
        clients->caches_due = cache;
    }
}

static void tell(struct session_cache *cache, struct reply *reply)
{
    struct session *session = cache->session;
    const struct bytes text = buffer_bytes(reply->out);
    const enum moment moment = cache->tells_own ? TELL_LATER : moment_of(connection_of(session));
    if (reply->is_broken || (moment != TELL_NOW && !buffer_append(&cache->held, text))) {
        session_close(session); /* it would miss a message, and not know */
        return;
    }
    if (moment != TELL_LATER) {
        session_push(session, text);
    }
    if (moment != TELL_NOW) {
        become_due(cache);
    }
}

/* --- what it is told --- */

/* The head of a message, in whose place the keys are its last part. False: the protocol has none for it. */
static bool begin_message(const struct session *session, bool is_redirected, struct reply *reply)
{
    if (session->protocol == 3) {
        reply_push(reply, 2);
        reply_bulk_string(reply, "invalidate");
        return true;
    }
    if (is_redirected && session_subscribes(session)) {
        reply_array(reply, 3);
        reply_bulk_string(reply, "message");
        reply_bulk_string(reply, CHANNEL);
        return true;
    }
    return false;
}

static void tell_keys(struct session_cache *cache, bool is_redirected, const struct bytes *keys, size_t count)
{
    struct buffer buffer = BUFFER_EMPTY(MEM_OUTPUT_BUFFER);
    struct reply reply;
    reply_begin(&reply, &buffer, cache->session->protocol);
    if (begin_message(cache->session, is_redirected, &reply)) {
        if (keys == NULL) {
            reply_null(&reply);
        } else {
            reply_array(&reply, count);
        }
        for (size_t i = 0; i < count; i++) {
            reply_bulk(&reply, keys[i]);
        }
        tell(cache, &reply);
    }
    buffer_release(&reply.own);
    buffer_release(&buffer);
}

static void tell_broken(struct session_cache *cache, uint64_t id)
{
    struct buffer buffer = BUFFER_EMPTY(MEM_OUTPUT_BUFFER);
    struct reply reply;
    if (cache->session->protocol != 3) {
        return;
    }
    reply_begin(&reply, &buffer, cache->session->protocol);
    reply_push(&reply, 2);
    reply_bulk_string(&reply, "tracking-redir-broken");
    reply_integer(&reply, (int64_t)id);
    tell(cache, &reply);
    buffer_release(&reply.own);
    buffer_release(&buffer);
}

/* --- broadcasts --- */

static void collect(struct session_cache *cache, const struct invalidation *what)
{
    const struct collected head = {what->source, what->prefix, what->is_redirected, what->key.len};
    const size_t before = cache->broadcast.len;
    if (!buffer_append(&cache->broadcast, (struct bytes){(const char *)&head, sizeof head}) ||
        !buffer_append(&cache->broadcast, what->key)) {
        cache->broadcast.len = before;
        tell_keys(cache, what->is_redirected, NULL, 0); /* all is invalid: that takes less memory */
        return;
    }
    become_due(cache);
}

struct collected_key {
    struct collected head;
    struct bytes key;
};

static int compare_collected(const void *left, const void *right)
{
    const struct collected_key *a = left, *b = right;
    if (a->head.source != b->head.source) {
        return a->head.source < b->head.source ? -1 : 1;
    }
    return bytes_compare(a->key, b->key); /* those of one prefix stand together: a tracker's prefixes do not overlap */
}

/* The collected keys, sorted; `keys` has room for `count` of them. */
static void read_collected(const struct buffer *broadcast, struct collected_key *keys, size_t count)
{
    const char *at = broadcast->data;
    for (size_t i = 0; i < count; i++) {
        memcpy(&keys[i].head, at, sizeof keys[i].head);
        keys[i].key = (struct bytes){at + sizeof keys[i].head, keys[i].head.len};
        at += sizeof keys[i].head + keys[i].head.len;
    }
    qsort(keys, count, sizeof *keys, compare_collected);
}

static size_t count_collected(const struct buffer *broadcast)
{
    size_t count = 0;
    struct collected head;
    for (size_t at = 0; at < broadcast->len; at += sizeof head + head.len) {
        memcpy(&head, broadcast->data + at, sizeof head);
        count++;
    }
    return count;
}

/* A message for each prefix of each tracker. `names`: room for `count`. */
static void tell_collected(struct session_cache *cache, const struct collected_key *keys, size_t count, struct bytes *names)
{
    size_t from = 0;
    while (from < count) {
        const struct collected *first = &keys[from].head;
        size_t named = 0, at = from;
        for (; at < count && keys[at].head.source == first->source && keys[at].head.prefix == first->prefix; at++) {
            if (named == 0 || !bytes_equal(names[named - 1], keys[at].key)) {
                names[named++] = keys[at].key;
            }
        }
        tell_keys(cache, first->is_redirected, names, named);
        from = at;
    }
}

static void tell_broadcast(struct session_cache *cache)
{
    struct buffer broadcast = cache->broadcast;
    cache->broadcast = BUFFER_EMPTY(MEM_OUTPUT_BUFFER);
    const size_t count = count_collected(&broadcast);
    const size_t bytes = count * (sizeof(struct collected_key) + sizeof(struct bytes));
    struct collected_key *keys = thread_alloc(MEM_OUTPUT_BUFFER, bytes);
    if (keys == NULL) {
        tell_keys(cache, true, NULL, 0);
    } else {
        read_collected(&broadcast, keys, count);
        tell_collected(cache, keys, count, (struct bytes *)(keys + count));
        thread_free(MEM_OUTPUT_BUFFER, keys, bytes);
    }
    buffer_release(&broadcast);
}

/* --- delivery --- */

void session_deliver_invalidation(struct tracker *receiver, const struct invalidation *what)
{
    struct session_cache *cache = receiver->session->cache;
    if (connection_is_closing(connection_of(receiver->session))) {
        return;
    }
    if (what->is_own) {
        cache->own_job = job_of(connection_of(receiver->session)); /* behind its reply, as for all other commands */
        cache->tells_own = cache->own_job != NULL;
    }
    switch (what->kind) {
    case INVALID_KEY:
        tell_keys(cache, what->is_redirected, &what->key, 1);
        break;
    case INVALID_BROADCAST:
        collect(cache, what);
        break;
    case INVALID_ALL:
        tell_keys(cache, what->is_redirected, NULL, 0);
        break;
    case INVALID_RECEIVER:
        tell_broken(cache, what->source);
        break;
    }
    cache->tells_own = false;
}

static void tell_due(struct session_cache *cache)
{
    const struct connection *connection = connection_of(cache->session);
    if (connection_is_closing(connection)) {
        return;
    }
    if (cache->broadcast.len > 0) {
        tell_broadcast(cache);
    }
    cache->own_job = cache->own_job == job_of(connection) ? cache->own_job : NULL;
    if (cache->held.len == 0) {
        return;
    }
    if (cache->own_job != NULL || moment_of(connection) != TELL_NOW) {
        become_due(cache);
        return;
    }
    session_push(cache->session, buffer_bytes(&cache->held));
    buffer_release(&cache->held);
}

void caches_tell(struct thread *thread)
{
    struct session_cache *next;
    struct session_cache *cache = thread->clients->caches_due;
    thread->clients->caches_due = NULL;
    for (; cache != NULL; cache = next) {
        next = cache->next_due;
        cache->is_due = false;
        tell_due(cache);
    }
}

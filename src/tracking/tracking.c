/* tracking.c - see tracking.h.
 *
 * A letter goes to a thread and names whom of it to tell: pairs of a tracker and its receiver. When the receiver has gone meanwhile the
 * letter's business is posted again, and ends at the tracker's own thread.  */
#include "tracking/tracking.h"

#include "base/clock.h"
#include "mem/heap.h"
#include "shard/inbox.h"
#include "shard/server.h"
#include "shard/shard_set.h"
#include "shard/thread.h"
#include "tracking/trackers_private.h"

#include <assert.h>
#include <string.h>

enum {
    LIMIT_KEYS = 100, /* forgotten at once when there are too many */
    TEND_KEYS = 16,   /* the same in the background, between two looks at the clock */
    TEND_US = 50,
};

/* What has happened, and whom it may concern. */
struct news {
    enum invalidation_kind kind;
    struct bytes key;
    uint64_t prefix;
    const struct tracker *actor; /* whose command it was; NULL: nobody's who tracks */
    struct tracker *const *trackers;
    uint32_t count;              /* of them; some may be NULL */
};

struct recipient {
    struct tracker *source;   /* held */
    struct tracker *receiver; /* held; NULL: the one to which the source redirects has gone */
    bool is_redirected, is_own;
};

struct letter {
    struct message message;
    size_t block_bytes;
    enum invalidation_kind kind;
    uint32_t count;
    struct bytes key; /* in this block */
    uint64_t prefix;
    struct recipient recipients[];
};

/* --- posting, under the lock --- */

static bool is_concerned(const struct tracker *tracker, const struct news *news)
{
    if (tracker == NULL || (tracker->mode & TRACKER_ON) == 0) {
        return false;
    }
    if (news->kind == INVALID_ALL) {
        return true;
    }
    const bool is_own = news->actor == tracker && (tracker->mode & TRACKER_NOLOOP) != 0;
    return !is_own && ((tracker->mode & TRACKER_BCAST) != 0) == (news->kind == INVALID_BROADCAST);
}

/* NULL: it has gone. */
static struct tracker *receiver_of(struct tracker *tracker)
{
    if (tracker->redirect == NULL) {
        return tracker;
    }
    return tracker->redirect->is_closed ? NULL : tracker->redirect;
}

static uint32_t thread_of(struct tracker *tracker)
{
    const struct tracker *receiver = receiver_of(tracker);
    return receiver == NULL ? tracker->thread->number : receiver->thread->number;
}

static bool is_for(struct tracker *tracker, const struct news *news, uint32_t thread)
{
    return is_concerned(tracker, news) && thread_of(tracker) == thread;
}

static void tell_void(struct thread *sender, const struct tracker *tracker)
{
    struct tracking_thread *own = &sender->server->tracking->threads[tracker->thread->number];
    if (!atomic_exchange_explicit(&own->is_told, true, memory_order_seq_cst)) {
        message_send(sender, tracker->thread, &own->void_message);
    }
}

static void deliver_letter(struct thread *thread, struct message *message);

static struct letter *write_letter(const struct news *news, uint32_t count)
{
    const size_t bytes = sizeof(struct letter) + count * sizeof(struct recipient) + news->key.len;
    struct letter *letter = thread_alloc(MEM_OUTPUT_BUFFER, bytes);
    if (letter == NULL) {
        return NULL;
    }
    char *text = (char *)(letter->recipients + count);
    *letter = (struct letter){.message = {.deliver = deliver_letter},
                              .block_bytes = bytes,
                              .kind = news->kind,
                              .key = {text, news->key.len},
                              .prefix = news->prefix};
    if (news->key.len > 0) {
        memcpy(text, news->key.data, news->key.len);
    }
    return letter;
}

static void add_recipient(struct letter *letter, struct tracker *source, const struct tracker *actor)
{
    struct tracker *receiver = receiver_of(source);
    tracker_hold(source);
    if (receiver != NULL) {
        tracker_hold(receiver);
    }
    letter->recipients[letter->count++] = (struct recipient){source, receiver, source->redirect != NULL, receiver == actor};
}

/* To those whose receivers are on one thread. Without memory they are void, and told so later. */
static void post_to(struct thread *sender, const struct news *news, uint32_t thread)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < news->count; i++) {
        count += is_for(news->trackers[i], news, thread);
    }
    struct letter *letter = write_letter(news, count);
    for (uint32_t i = 0; i < news->count; i++) {
        struct tracker *tracker = news->trackers[i];
        if (is_for(tracker, news, thread) && letter != NULL) {
            add_recipient(letter, tracker, news->actor);
        } else if (is_for(tracker, news, thread)) {
            tracker->is_void = true;
            tell_void(sender, tracker);
        }
    }
    if (letter != NULL) {
        message_send(sender, server_thread(sender->server, thread), &letter->message);
    }
}

static void post(struct thread *sender, const struct news *news)
{
    struct shard_set threads = {0};
    for (uint32_t i = 0; i < news->count; i++) {
        if (is_concerned(news->trackers[i], news)) {
            shard_set_add(&threads, thread_of(news->trackers[i]));
        }
    }
    for (uint32_t i = shard_set_next(&threads, 0); i != SHARD_NONE; i = shard_set_next(&threads, i + 1)) {
        post_to(sender, news, i);
    }
}

/* --- delivering --- */

/* The receiver of the tracker, which is of this thread, has gone: it stops being told, and hears why once for each time. */
static void deliver_broken(struct thread *thread, struct tracker *source)
{
    struct tracking *tracking = thread->server->tracking;
    uint64_t id = 0;
    pthread_mutex_lock(&tracking->lock);
    const bool is_broken = source->redirect != NULL && source->redirect->is_closed;
    if (is_broken) {
        source->mode |= TRACKER_BROKEN;
        id = source->redirect->id;
    }
    pthread_mutex_unlock(&tracking->lock);
    if (is_broken) {
        tracking->deliver(source, &(struct invalidation){.kind = INVALID_RECEIVER, .source = id});
    }
}

/* The receiver has gone since the letter was written. */
static void post_again(struct thread *thread, const struct letter *letter, struct tracker *source)
{
    struct tracking *tracking = thread->server->tracking;
    struct tracker *const one[] = {source};
    pthread_mutex_lock(&tracking->lock);
    post(thread, &(struct news){letter->kind, letter->key, letter->prefix, NULL, one, 1});
    pthread_mutex_unlock(&tracking->lock);
}

static void deliver_to(struct thread *thread, const struct letter *letter, const struct recipient *to)
{
    if (to->receiver == NULL) {
        deliver_broken(thread, to->source);
        return;
    }
    assert(to->receiver->thread == thread);
    const bool is_own = to->receiver == to->source;
    if (is_own && (to->source->mode & TRACKER_ON) == 0) {
        return; /* it has been switched off, or has gone */
    }
    if (to->receiver->session == NULL) {
        post_again(thread, letter, to->source);
        return;
    }
    thread->server->tracking->deliver(to->receiver, &(struct invalidation){.kind = letter->kind,
                                                                           .is_own = to->is_own,
                                                                           .is_redirected = to->is_redirected,
                                                                           .key = letter->key,
                                                                           .source = to->source->id,
                                                                           .prefix = letter->prefix});
}

static void deliver_letter(struct thread *thread, struct message *message)
{
    struct letter *letter = (struct letter *)((char *)message - offsetof(struct letter, message));
    for (uint32_t i = 0; i < letter->count; i++) {
        const struct recipient *to = &letter->recipients[i];
        deliver_to(thread, letter, to);
        if (to->receiver != NULL) {
            tracker_release(to->receiver);
        }
        tracker_release(to->source);
    }
    thread_free(MEM_OUTPUT_BUFFER, letter, letter->block_bytes);
}

/* Under the lock. */
static void post_void(struct thread *thread, struct tracker *tracker)
{
    struct tracker *const one[] = {tracker};
    tracker->is_void = false;
    post(thread, &(struct news){.kind = INVALID_ALL, .trackers = one, .count = 1});
}

static void deliver_void(struct thread *thread, struct message *message)
{
    struct tracking *tracking = thread->server->tracking;
    struct tracking_thread *own = &tracking->threads[thread->number];
    assert(message == &own->void_message);
    (void)message;
    pthread_mutex_lock(&tracking->lock);
    for (uint32_t i = 0; i < tracking->tracker_count; i++) {
        if (tracking->trackers[i]->thread == thread && tracking->trackers[i]->is_void) {
            post_void(thread, tracking->trackers[i]);
        }
    }
    atomic_store_explicit(&own->is_told, false, memory_order_seq_cst); /* what was refused again waits for tracking_tend */
    pthread_mutex_unlock(&tracking->lock);
}

/* --- the tables --- */

static struct tracking_shard *shard_of(const struct shard *shard)
{
    return &shard->server->tracking->shards[shard->number];
}

/* The key is not remembered any more; whoever had read it is told. Under the shard's baton. */
static void forget(struct thread *thread, struct tracking_shard *own, struct tracked_key *key, const struct tracker *actor)
{
    struct tracking *tracking = thread->server->tracking;
    const struct news news = {.kind = INVALID_KEY, .key = tracked_key_name(key), .actor = actor, .trackers = key->trackers, .count = key->capacity};
    pthread_mutex_lock(&tracking->lock);
    post(thread, &news);
    pthread_mutex_unlock(&tracking->lock);
    atomic_fetch_sub_explicit(&tracking->key_count, 1, memory_order_relaxed);
    atomic_fetch_sub_explicit(&tracking->item_count, key->count, memory_order_relaxed);
    key_table_remove(&own->keys, key);
}

static void broadcast(struct thread *thread, const struct change *change, const struct tracker *actor)
{
    struct tracking *tracking = thread->server->tracking;
    pthread_mutex_lock(&tracking->lock);
    for (uint32_t i = 0; i < tracking->prefix_count; i++) {
        const struct prefix *prefix = tracking->prefixes[i];
        if (prefix->len <= change->key.len && memcmp(prefix->text, change->key.data, prefix->len) == 0) {
            post(thread, &(struct news){INVALID_BROADCAST, change->key, prefix->number, actor, prefix->trackers, prefix->count});
        }
    }
    pthread_mutex_unlock(&tracking->lock);
}

static void note_change(void *context, const struct change *change)
{
    const struct server *server = context;
    struct tracking *tracking = server->tracking;
    if (change->row != 0 || event_rows[change->event].is_silent) {
        return;
    }
    const bool is_lost = change->event == EVENT_EXPIRED || change->event == EVENT_EVICTED; /* by nobody's command: a cache must not keep it */
    const struct tracker *actor = is_lost ? NULL : tracking->threads[change->thread->number].actor;
    if (UNLIKELY(count_read(&tracking->prefix_count) > 0)) {
        broadcast(change->thread, change, actor);
    }
    struct tracking_shard *own = shard_of(change->shard);
    struct tracked_key *key = key_table_find(&own->keys, change->hash, change->key);
    if (key != NULL) {
        forget(change->thread, own, key, actor);
    }
}

const struct effect_listener tracking_listener = {.name = "tracking", .change = note_change};

static uint64_t key_limit(const struct server *server)
{
    const int64_t limit = atomic_load_explicit(&server->config->tracking_table_max_keys, memory_order_relaxed);
    return limit == 0 ? UINT64_MAX : (uint64_t)limit;
}

static bool is_over_limit(const struct server *server)
{
    return atomic_load_explicit(&server->tracking->key_count, memory_order_relaxed) > key_limit(server);
}

/* Forgets any key but `newest`, unless it is the only one. */
static void forget_one(struct thread *thread, struct tracking_shard *own, const struct tracked_key *newest)
{
    own->random = own->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    struct tracked_key *key = key_table_pick(&own->keys, own->random >> 33, newest);
    if (key != NULL) {
        forget(thread, own, key, NULL);
    }
}

void tracking_remember(struct thread *thread, struct shard *shard, struct tracker *tracker, uint64_t hash, struct bytes name)
{
    baton_assert_held(&shard->baton);
    struct tracking *tracking = shard->server->tracking;
    struct tracking_shard *own = shard_of(shard);
    const enum key_table_added added = key_table_add(&own->keys, hash, name, tracker);
    if (added == KEY_TABLE_NO_MEMORY) {
        pthread_mutex_lock(&tracking->lock);
        tracker->is_void = true;
        tell_void(thread, tracker);
        pthread_mutex_unlock(&tracking->lock);
        return;
    }
    atomic_fetch_add_explicit(&tracking->item_count, added != KEY_TABLE_KNOWN, memory_order_relaxed);
    if (added != KEY_TABLE_NEW_KEY) {
        return;
    }
    atomic_fetch_add_explicit(&tracking->key_count, 1, memory_order_relaxed);
    for (int i = 0; i < LIMIT_KEYS && UNLIKELY(is_over_limit(shard->server)); i++) {
        forget_one(thread, own, key_table_find(&own->keys, hash, name));
    }
}

void tracking_invalidate_all(struct thread *thread)
{
    struct server *server = thread->server;
    struct tracking *tracking = server->tracking;
    if (count_read(&tracking->tracker_count) == 0) {
        return;
    }
    pthread_mutex_lock(&tracking->lock);
    post(thread, &(struct news){.kind = INVALID_ALL,
                                .actor = tracking->threads[thread->number].actor,
                                .trackers = tracking->trackers,
                                .count = tracking->tracker_count});
    pthread_mutex_unlock(&tracking->lock);
    for (uint32_t i = 0; i < server->shard_count; i++) {
        baton_assert_held(&server->shards[i].baton);
        key_table_clear(&tracking->shards[i].keys);
    }
    atomic_store_explicit(&tracking->key_count, 0, memory_order_relaxed);
    atomic_store_explicit(&tracking->item_count, 0, memory_order_relaxed);
}

/* --- in the background --- */

/* Those whom nothing could be told for want of memory are tried again. */
static void tell_void_again(struct thread *thread)
{
    struct tracking *tracking = thread->server->tracking;
    pthread_mutex_lock(&tracking->lock);
    for (uint32_t i = 0; i < tracking->tracker_count; i++) {
        if (UNLIKELY(tracking->trackers[i]->is_void) && tracking->trackers[i]->thread == thread) {
            tell_void(thread, tracking->trackers[i]);
        }
    }
    pthread_mutex_unlock(&tracking->lock);
}

bool tracking_tend(struct thread *thread)
{
    const struct server *server = thread->server;
    struct tracking *tracking = server->tracking;
    struct shard *shard = thread->shard;
    if (count_read(&tracking->tracker_count) > 0) {
        tell_void_again(thread);
    }
    const bool is_needless = count_read(&tracking->tracker_count) == 0;
    if (atomic_load_explicit(&tracking->key_count, memory_order_relaxed) == 0 || !(is_needless || is_over_limit(server)) ||
        !baton_try(&shard->baton)) {
        return false;
    }
    struct tracking_shard *own = shard_of(shard);
    const uint64_t end = clock_ticks() + (uint64_t)(TEND_US * server->ticks_per_us);
    bool is_more = true;
    while (is_more && clock_ticks() < end) {
        for (int i = 0; i < TEND_KEYS && is_more; i++) {
            forget_one(thread, own, NULL);
            is_more = own->keys.count > 0 && (is_needless || is_over_limit(server));
        }
    }
    shard_release(thread, shard);
    return is_more;
}

/* --- from the start to the end --- */

struct tracking *tracking_create(uint32_t thread_count, tracker_deliver_fn *deliver, tracker_of_fn *tracker_of)
{
    const size_t bytes = sizeof(struct tracking) + thread_count * sizeof(struct tracking_thread);
    struct tracking *tracking = thread_alloc_zeroed(MEM_SERVER, bytes);
    if (tracking == NULL) {
        return NULL;
    }
    tracking->thread_count = thread_count;
    tracking->listener = &tracking_listener;
    tracking->deliver = deliver;
    tracking->tracker_of = tracker_of;
    tracking->shards = thread_alloc_zeroed(MEM_SERVER, thread_count * sizeof *tracking->shards);
    pthread_mutex_init(&tracking->lock, NULL);
    for (uint32_t i = 0; i < thread_count; i++) {
        tracking->threads[i].void_message.deliver = deliver_void;
    }
    if (tracking->shards == NULL) {
        tracking_destroy(tracking);
        return NULL;
    }
    return tracking;
}

void tracking_destroy(struct tracking *tracking)
{
    if (tracking == NULL) {
        return;
    }
    assert(tracking->tracker_count == 0 && tracking->prefix_count == 0);
    for (uint32_t i = 0; tracking->shards != NULL && i < tracking->thread_count; i++) {
        key_table_clear(&tracking->shards[i].keys);
    }
    if (tracking->shards != NULL) {
        thread_free(MEM_SERVER, tracking->shards, tracking->thread_count * sizeof *tracking->shards);
    }
    pthread_mutex_destroy(&tracking->lock);
    thread_free(MEM_SERVER, tracking, sizeof *tracking + tracking->thread_count * sizeof(struct tracking_thread));
}

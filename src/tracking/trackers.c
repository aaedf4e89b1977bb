/* trackers.c - see trackers.h.  */
#include "tracking/trackers.h"

#include "mem/heap.h"
#include "shard/server.h"
#include "shard/thread.h"
#include "tracking/trackers_private.h"

#include <assert.h>
#include <string.h>

/* --- one of them --- */

static struct tracking *tracking_of(const struct tracker *tracker)
{
    return tracker->thread->server->tracking;
}

/* Room for one pointer more in an array of them. */
static bool make_room(void *array, uint32_t count, uint32_t *capacity)
{
    void **at = array;
    if (count < *capacity) {
        return true;
    }
    const uint32_t new_capacity = *capacity == 0 ? 4 : 2 * *capacity;
    void *block = thread_realloc(MEM_CLIENT, *at, *capacity * sizeof(void *), new_capacity * sizeof(void *));
    if (block == NULL) {
        return false;
    }
    *at = block;
    *capacity = new_capacity;
    return true;
}

/* The array has become empty. */
static void free_array(void *array, uint32_t *capacity)
{
    void **at = array;
    thread_free(MEM_CLIENT, *at, *capacity * sizeof(void *));
    *at = NULL;
    *capacity = 0;
}

struct tracker *tracker_create(struct thread *thread, struct session *session, uint64_t id)
{
    struct tracking *tracking = thread->server->tracking;
    struct tracker *tracker = thread_alloc_zeroed(MEM_CLIENT, sizeof *tracker);
    if (tracker == NULL) {
        return NULL;
    }
    tracker->id = id;
    tracker->thread = thread;
    tracker->session = session;
    atomic_store_explicit(&tracker->holds, 1, memory_order_relaxed);
    pthread_mutex_lock(&tracking->lock);
    const bool has_room = make_room(&tracking->trackers, tracking->tracker_count, &tracking->tracker_capacity);
    if (has_room) {
        tracker->place = tracking->tracker_count;
        tracking->trackers[tracker->place] = tracker;
        count_set(&tracking->tracker_count, tracking->tracker_count + 1);
        if (tracking->tracker_count == 1) {
            effects_want(&thread->server->effects, tracking->listener, LISTEN_CHANGES);
        }
    }
    pthread_mutex_unlock(&tracking->lock);
    if (!has_room) {
        thread_free(MEM_CLIENT, tracker, sizeof *tracker);
        return NULL;
    }
    return tracker;
}

/* --- prefixes, under the lock --- */

static uint32_t place_among(const struct tracker *tracker, struct bytes text)
{
    uint32_t place = 0;
    while (place < tracker->prefix_count && bytes_compare(prefix_text(tracker->prefixes[place]), text) < 0) {
        place++;
    }
    return place;
}

static struct prefix *find_prefix(const struct tracking *tracking, struct bytes text)
{
    struct prefix *found = NULL;
    for (uint32_t i = 0; i < tracking->prefix_count && found == NULL; i++) {
        found = bytes_equal(prefix_text(tracking->prefixes[i]), text) ? tracking->prefixes[i] : NULL;
    }
    return found;
}

static struct prefix *add_prefix(struct tracking *tracking, struct bytes text)
{
    struct prefix *prefix = NULL;
    if (make_room(&tracking->prefixes, tracking->prefix_count, &tracking->prefix_capacity)) {
        prefix = thread_alloc_zeroed(MEM_CLIENT, sizeof *prefix + text.len);
    }
    if (prefix == NULL) {
        return NULL;
    }
    prefix->number = ++tracking->prefix_numbers;
    prefix->len = (uint32_t)text.len;
    if (text.len > 0) {
        memcpy(prefix->text, text.data, text.len);
    }
    tracking->prefixes[tracking->prefix_count] = prefix;
    count_set(&tracking->prefix_count, tracking->prefix_count + 1);
    return prefix;
}

static void drop_prefix_if_unused(struct tracking *tracking, struct prefix *prefix)
{
    if (prefix->count > 0) {
        return;
    }
    uint32_t place = 0;
    while (tracking->prefixes[place] != prefix) {
        place++;
        assert(place < tracking->prefix_count);
    }
    count_set(&tracking->prefix_count, tracking->prefix_count - 1);
    tracking->prefixes[place] = tracking->prefixes[tracking->prefix_count];
    free_array(&prefix->trackers, &prefix->capacity);
    thread_free(MEM_CLIENT, prefix, sizeof *prefix + prefix->len);
    if (tracking->prefix_count == 0) {
        free_array(&tracking->prefixes, &tracking->prefix_capacity);
    }
}

/* True, too, if it has the prefix already. */
static bool join_prefix(struct tracking *tracking, struct tracker *tracker, struct bytes text)
{
    const uint32_t place = place_among(tracker, text);
    if (place < tracker->prefix_count && bytes_equal(prefix_text(tracker->prefixes[place]), text)) {
        return true;
    }
    struct prefix *prefix = find_prefix(tracking, text);
    if (prefix == NULL) {
        prefix = add_prefix(tracking, text);
    }
    if (prefix == NULL) {
        return false;
    }
    if (!make_room(&prefix->trackers, prefix->count, &prefix->capacity) ||
        !make_room(&tracker->prefixes, tracker->prefix_count, &tracker->prefix_capacity)) {
        drop_prefix_if_unused(tracking, prefix);
        return false;
    }
    prefix->trackers[prefix->count++] = tracker;
    memmove(&tracker->prefixes[place + 1], &tracker->prefixes[place], (tracker->prefix_count - place) * sizeof *tracker->prefixes);
    tracker->prefixes[place] = prefix;
    tracker->prefix_count++;
    return true;
}

/* Leaves the prefix in `place` among its own. */
static void leave_prefix(struct tracking *tracking, struct tracker *tracker, uint32_t place)
{
    struct prefix *prefix = tracker->prefixes[place];
    uint32_t at = 0;
    while (prefix->trackers[at] != tracker) {
        at++;
        assert(at < prefix->count);
    }
    prefix->trackers[at] = prefix->trackers[--prefix->count];
    tracker->prefix_count--;
    memmove(&tracker->prefixes[place], &tracker->prefixes[place + 1], (tracker->prefix_count - place) * sizeof *tracker->prefixes);
    drop_prefix_if_unused(tracking, prefix);
}

static void leave_prefixes(struct tracking *tracking, struct tracker *tracker)
{
    while (tracker->prefix_count > 0) {
        leave_prefix(tracking, tracker, tracker->prefix_count - 1);
    }
    free_array(&tracker->prefixes, &tracker->prefix_capacity);
}

struct bytes tracker_prefix(const struct tracker *tracker, uint32_t number)
{
    assert(number < tracker->prefix_count);
    return prefix_text(tracker->prefixes[number]);
}

/* --- on and off --- */

/* Those that the tracker had before are the first `known` ones by number. */
static void leave_new_prefixes(struct tracking *tracking, struct tracker *tracker, const struct prefix *const *known, uint32_t known_count)
{
    for (uint32_t place = tracker->prefix_count; place > 0; place--) {
        bool is_known = false;
        for (uint32_t i = 0; i < known_count && !is_known; i++) {
            is_known = known[i] == tracker->prefixes[place - 1];
        }
        if (!is_known) {
            leave_prefix(tracking, tracker, place - 1);
        }
    }
}

/* All or none. */
static bool join_prefixes(struct tracking *tracking, struct tracker *tracker, const struct bytes *prefixes, uint32_t count)
{
    const uint32_t known_count = tracker->prefix_count;
    const size_t known_bytes = known_count * sizeof(struct prefix *);
    const struct prefix **known = NULL;
    if (known_count > 0) {
        known = thread_alloc(MEM_CLIENT, known_bytes);
        if (known == NULL) {
            return false;
        }
        memcpy(known, tracker->prefixes, known_bytes);
    }
    bool is_joined = true;
    for (uint32_t i = 0; i < count && is_joined; i++) {
        is_joined = join_prefix(tracking, tracker, prefixes[i]);
    }
    if (!is_joined) {
        leave_new_prefixes(tracking, tracker, known, known_count);
    }
    thread_free(MEM_CLIENT, known, known_bytes);
    return is_joined;
}

bool tracker_switch_on(struct tracker *tracker, uint32_t mode, struct tracker *redirect, const struct bytes *prefixes,
                       uint32_t prefix_count)
{
    struct tracking *tracking = tracking_of(tracker);
    struct tracker *old = NULL;
    assert((mode & TRACKER_ON) != 0 && !tracker->is_closed);
    assert(prefix_count == 0 || (mode & TRACKER_BCAST) != 0);
    pthread_mutex_lock(&tracking->lock);
    const bool is_done = join_prefixes(tracking, tracker, prefixes, prefix_count);
    if (is_done) {
        count_set(&tracking->on_count, tracking->on_count + ((tracker->mode & TRACKER_ON) == 0));
        old = tracker->redirect;
        tracker->redirect = redirect;
        tracker->mode = mode;
    }
    pthread_mutex_unlock(&tracking->lock);
    if (old != NULL) {
        tracker_release(old);
    }
    return is_done;
}

void tracker_switch_off(struct tracker *tracker)
{
    struct tracking *tracking = tracking_of(tracker);
    pthread_mutex_lock(&tracking->lock);
    struct tracker *redirect = tracker->redirect;
    count_set(&tracking->on_count, tracking->on_count - ((tracker->mode & TRACKER_ON) != 0));
    tracker->mode = 0;
    tracker->redirect = NULL;
    leave_prefixes(tracking, tracker);
    pthread_mutex_unlock(&tracking->lock);
    if (redirect != NULL) {
        tracker_release(redirect);
    }
}

static void leave_all(struct tracking *tracking, struct tracker *tracker)
{
    assert(tracking->trackers[tracker->place] == tracker);
    count_set(&tracking->tracker_count, tracking->tracker_count - 1);
    struct tracker *last = tracking->trackers[tracking->tracker_count];
    tracking->trackers[tracker->place] = last;
    last->place = tracker->place;
    if (tracking->tracker_count == 0) {
        effects_want(&tracker->thread->server->effects, tracking->listener, 0);
        free_array(&tracking->trackers, &tracking->tracker_capacity);
    }
}

void tracker_close(struct tracker *tracker)
{
    struct tracking *tracking = tracking_of(tracker);
    assert(!tracker->is_closed);
    tracker_switch_off(tracker);
    pthread_mutex_lock(&tracking->lock);
    tracker->is_closed = true;
    tracker->session = NULL;
    leave_all(tracking, tracker);
    pthread_mutex_unlock(&tracking->lock);
    tracker_release(tracker);
}

size_t tracker_bytes(const struct tracker *tracker)
{
    return sizeof *tracker + tracker->prefix_capacity * sizeof *tracker->prefixes;
}

/* --- who acts --- */

struct tracker *tracker_of_session(const struct server *server, const struct session *session)
{
    return server->tracking->tracker_of(session);
}

void tracking_act(struct thread *thread, struct tracker *tracker, unsigned tracked)
{
    struct tracking_thread *own = &thread->server->tracking->threads[thread->number];
    own->actor = tracker;
    own->tracked = tracked;
}

struct tracker *tracking_reader(const struct thread *thread)
{
    const struct tracking_thread *own = &thread->server->tracking->threads[thread->number];
    return (own->tracked & TRACKED_REMEMBERS) != 0 ? own->actor : NULL;
}

/* --- figures --- */

struct tracking_figures tracking_figures(const struct server *server)
{
    const struct tracking *tracking = server->tracking;
    return (struct tracking_figures){
        .clients = count_read(&tracking->on_count),
        .keys = atomic_load_explicit(&tracking->key_count, memory_order_relaxed),
        .items = atomic_load_explicit(&tracking->item_count, memory_order_relaxed),
        .prefixes = count_read(&tracking->prefix_count),
    };
}

/* session_cache.c - see session_cache.h.  */
#include "client/session_cache.h"

#include "client/connection.h"
#include "exec/exec.h"
#include "exec/transaction.h"
#include "exec/window.h"
#include "mem/heap.h"

#include <string.h>

/* --- of a session --- */

struct tracker *session_tracker(const struct session *session)
{
    return session->cache == NULL ? NULL : session->cache->tracker;
}

struct tracker *session_make_tracker(struct thread *thread, struct session *session)
{
    if (session->cache != NULL) {
        return session->cache->tracker;
    }
    struct session_cache *cache = thread_alloc_zeroed(MEM_CLIENT, sizeof *cache);
    struct tracker *tracker = cache == NULL ? NULL : tracker_create(thread, session, session->id);
    if (tracker == NULL) {
        thread_free(MEM_CLIENT, cache, sizeof *cache);
        return NULL;
    }
    *cache = (struct session_cache){
        .tracker = tracker,
        .session = session,
        .held = BUFFER_EMPTY(MEM_OUTPUT_BUFFER),
        .broadcast = BUFFER_EMPTY(MEM_OUTPUT_BUFFER),
    };
    session->cache = cache;
    return tracker;
}

void session_tracking_changed(struct session *session)
{
    session->tracks = (session->cache->tracker->mode & TRACKER_ON) != 0 ? SESSION_TRACKS : 0;
    if (session->tracks == 0) {
        session->cache->is_caching = false;
    }
}

bool session_has_caching(const struct session *session)
{
    return session->cache != NULL && session->cache->is_caching;
}

void session_set_caching(struct session *session)
{
    session->cache->is_caching = true;
}

void session_end_tracking(struct session *session)
{
    if (session->cache != NULL) {
        tracker_switch_off(session->cache->tracker);
        session_tracking_changed(session);
    }
}

static void leave_due(struct session_cache *cache)
{
    struct session_cache **link = &connection_of(cache->session)->thread->clients->caches_due;
    while (*link != cache) {
        link = &(*link)->next_due;
    }
    *link = cache->next_due;
}

void session_drop_cache(struct session *session)
{
    struct session_cache *cache = session->cache;
    if (cache == NULL) {
        return;
    }
    if (cache->is_due) {
        leave_due(cache);
    }
    tracker_close(cache->tracker);
    buffer_release(&cache->held);
    buffer_release(&cache->broadcast);
    thread_free(MEM_CLIENT, cache, sizeof *cache);
    session->cache = NULL;
}

size_t session_cache_bytes(const struct session *session)
{
    const struct session_cache *cache = session->cache;
    return cache == NULL ? 0 : sizeof *cache + tracker_bytes(cache->tracker) + cache->held.capacity + cache->broadcast.capacity;
}

/* --- its calls --- */

bool session_remembers(const struct session *session)
{
    const struct session_cache *cache = session->cache;
    const uint32_t mode = cache->tracker->mode;
    if ((mode & TRACKER_ON) == 0 || (mode & TRACKER_BCAST) != 0) {
        return false;
    }
    return (mode & TRACKER_OPTIN) != 0 ? cache->is_caching : (mode & TRACKER_OPTOUT) == 0 || !cache->is_caching;
}

/* May the reply have what the client puts into its cache? */
static bool is_read(const struct command_spec *spec)
{
    return (spec->flags & COMMAND_READONLY) != 0 || spec->scope == SCOPE_TRANSACTION || strcmp(spec->group, "scripting") == 0;
}

uint8_t session_tracked_call(struct session *session, const struct call *call)
{
    struct session_cache *cache = session->cache;
    const bool is_in_transaction = transaction_is_open(session->transaction) || call->transaction != NULL;
    if (!is_in_transaction && !cache->was_about_client) {
        cache->is_caching = false;
    }
    cache->was_about_client = call->spec != NULL && (call->spec->flags & COMMAND_KEEPS_CACHING) != 0;
    if (call->spec == NULL || !is_read(call->spec)) {
        return TRACKED_CALL;
    }
    return TRACKED_CALL | TRACKED_READ | (session_remembers(session) ? TRACKED_REMEMBERS : 0);
}

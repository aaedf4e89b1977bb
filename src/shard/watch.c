/* watch.c - see watch.h.  */
#include "shard/watch.h"

#include "mem/heap.h"
#include "shard/inbox.h"
#include "shard/server.h"
#include "shard/thread.h"
#include "table/table.h"

#include <assert.h>
#include <string.h>

enum { FIRST_PLACES = 16, WATCHES_PER_PLACE = 2 };

struct watch {
    struct watch *next_in_place;
    struct watch *next;      /* of its watcher */
    struct watcher *watcher;
    struct shard *shard;
    uint64_t hash;
    uint32_t db, name_len;
    bool is_table;           /* the name is "ns.t"; one stands in each shard, for the slice there */
    bool was_expired;        /* the key was there when it was watched, and its time was over */
    char name[];
};

static bool is_empty(const struct shard *shard, uint32_t db)
{
    return shard->databases[db].key_count == 0;
}

static size_t watch_bytes(const struct watch *watch)
{
    return sizeof *watch + watch->name_len;
}

static struct key watch_key(const struct watch *watch)
{
    return (struct key){{watch->name, watch->name_len}, watch->hash};
}

/* --- the table --- */

static struct watch **place_of(const struct watches *watches, uint32_t db, uint64_t hash)
{
    const uint64_t mixed = (hash ^ db) * UINT64_C(0x9e3779b97f4a7c15);
    assert(watches->place_count > 0);
    return &watches->places[(uint32_t)(mixed >> 32) & (watches->place_count - 1)];
}

static void put(struct watches *watches, struct watch *watch)
{
    struct watch **place = place_of(watches, watch->db, watch->hash);
    watch->next_in_place = *place;
    *place = watch;
}

void watches_close(struct watches *watches)
{
    assert(watches->count == 0);
    thread_free(MEM_SERVER, watches->places, watches->place_count * sizeof *watches->places);
    *watches = (struct watches){0};
}

static void take_out(struct watches *watches, const struct watch *watch)
{
    struct watch **link = place_of(watches, watch->db, watch->hash);
    while (*link != watch) {
        assert(*link != NULL);
        link = &(*link)->next_in_place;
    }
    *link = watch->next_in_place;
    assert(watches->count > 0);
    watches->count--;
    if (watches->count == 0) {
        watches_close(watches);
    }
}

/* False: no memory. A table that is there serves on, with longer chains. */
static bool grow(struct watches *watches)
{
    const uint32_t place_count = watches->place_count == 0 ? FIRST_PLACES : 2 * watches->place_count;
    struct watch **places = thread_alloc_zeroed(MEM_SERVER, place_count * sizeof *places);
    if (places == NULL) {
        return watches->place_count > 0;
    }
    const struct watches old = *watches;
    watches->places = places;
    watches->place_count = place_count;
    for (uint32_t i = 0; i < old.place_count; i++) {
        struct watch *next;
        for (struct watch *watch = old.places[i]; watch != NULL; watch = next) {
            next = watch->next_in_place;
            put(watches, watch);
        }
    }
    thread_free(MEM_SERVER, old.places, old.place_count * sizeof *places);
    return true;
}

/* --- the listener --- */

/* One watcher more or less; the first and the last one turn the listener on and off. */
static void count_watcher(struct server *server, bool is_more)
{
    pthread_mutex_lock(&server->watchers.lock);
    server->watchers.count += is_more ? 1 : (uint32_t)-1;
    if (server->watchers.count == (is_more ? 1 : 0)) {
        effects_want(&server->effects, &watch_listener, is_more ? LISTEN_CHANGES : 0);
    }
    pthread_mutex_unlock(&server->watchers.lock);
}

static void mark(struct watch *watch)
{
    atomic_store_explicit(&watch->watcher->is_marked, true, memory_order_relaxed);
}

static bool is_there(const struct watch *watch, uint32_t db)
{
    if (watch->is_table) {
        const struct catalogue *catalogue = atomic_load_explicit(&watch->shard->server->catalogue, memory_order_relaxed);
        return catalogue_find(catalogue, db, watch_key(watch).name) != NULL;
    }
    return keyspace_peek(&watch->shard->databases[db], watch_key(watch)) != NULL;
}

/* A key that had expired before it was watched may go: what was watched is that it is not there. */
static bool is_late_end(const struct watch *watch, const struct change *change)
{
    return watch->was_expired && (change->event == EVENT_EXPIRED || !is_there(watch, watch->db));
}

static bool is_expired(const struct watch *watch, const struct entry *entry, int64_t now_ms)
{
    const int64_t expiry_ms = keyspace_expiry_ms(&watch->shard->databases[watch->db], entry);
    return expiry_ms != KEYSPACE_NO_EXPIRY && expiry_ms < now_ms;
}

static void note_change(void *context, const struct change *change)
{
    (void)context;
    const struct watches *watches = &change->shard->watches;
    const bool is_table = change->row != 0;
    if (watches->count == 0 || event_rows[change->event].is_silent) {
        return;
    }
    for (struct watch *watch = *place_of(watches, change->db, change->hash); watch != NULL; watch = watch->next_in_place) {
        if (watch->hash != change->hash || watch->db != change->db || watch->is_table != is_table) {
            continue;
        }
        if (is_late_end(watch, change)) {
            watch->was_expired = false;
        } else {
            mark(watch);
        }
    }
}

const struct effect_listener watch_listener = {.name = "watch", .change = note_change};

void watches_mark_database(struct shard *shard, uint32_t db, uint32_t other)
{
    baton_assert_held(&shard->baton);
    const struct watches *watches = &shard->watches;
    if (other == WATCH_NO_OTHER && is_empty(shard, db)) {
        return; /* tables that are dropped are reported one by one */
    }
    for (uint32_t i = 0; watches->count > 0 && i < watches->place_count; i++) {
        for (struct watch *watch = watches->places[i]; watch != NULL; watch = watch->next_in_place) {
            if (watch->db == db && (is_there(watch, db) || (other != WATCH_NO_OTHER && is_there(watch, other)))) {
                mark(watch);
            }
        }
    }
}

/* --- watchers --- */

static struct watch *find(const struct watcher *watcher, const struct shard *shard, uint32_t db, uint64_t hash, bool is_table)
{
    const struct watches *watches = &shard->watches;
    struct watch *watch = watches->count == 0 ? NULL : *place_of(watches, db, hash);
    while (watch != NULL &&
           (watch->watcher != watcher || watch->hash != hash || watch->db != db || watch->is_table != is_table)) {
        watch = watch->next_in_place;
    }
    return watch;
}

/* A watch that was not there. NULL: no memory. */
static struct watch *add(struct watcher *watcher, struct shard *shard, uint32_t db, struct key key)
{
    struct watches *watches = &shard->watches;
    if (watches->count >= WATCHES_PER_PLACE * watches->place_count && !grow(watches)) {
        return NULL;
    }
    struct watch *watch = thread_alloc(MEM_CLIENT, sizeof *watch + key.name.len);
    if (watch == NULL) {
        return NULL;
    }
    *watch = (struct watch){
        .next = watcher->first,
        .watcher = watcher,
        .shard = shard,
        .hash = key.hash,
        .db = db,
        .name_len = (uint32_t)key.name.len,
    };
    memcpy(watch->name, key.name.data, key.name.len);
    if (watcher->first == NULL) {
        count_watcher(shard->server, true);
    }
    put(watches, watch);
    watches->count++;
    watcher->first = watch;
    watcher->bytes += thread_block_bytes(watch_bytes(watch));
    return watch;
}

bool watcher_add(struct watcher *watcher, struct shard *shard, uint32_t db, struct key key, int64_t now_ms)
{
    baton_assert_held(&shard->baton);
    if (find(watcher, shard, db, key.hash, false) != NULL) {
        return true;
    }
    struct watch *watch = add(watcher, shard, db, key);
    if (watch == NULL) {
        return false;
    }
    const struct entry *entry = keyspace_peek(&shard->databases[db], key);
    watch->was_expired = entry != NULL && is_expired(watch, entry, now_ms);
    watcher->count++;
    return true;
}

bool watcher_add_table(struct watcher *watcher, struct server *server, uint32_t db, struct bytes name)
{
    const struct key key = {name, hash_bytes(&server->secret, name)};
    for (uint32_t i = server->shard_count; i-- > 0;) {
        struct shard *shard = &server->shards[i];
        baton_assert_held(&shard->baton);
        if (find(watcher, shard, db, key.hash, true) != NULL) {
            continue;
        }
        struct watch *watch = add(watcher, shard, db, key);
        if (watch == NULL) {
            return false;
        }
        watch->is_table = true;
        watcher->count += i == 0; /* the last one: it is watched everywhere */
    }
    return true;
}

bool watcher_has_missed(const struct watcher *watcher, int64_t now_ms)
{
    bool has_missed = atomic_load_explicit(&watcher->is_marked, memory_order_relaxed);
    for (const struct watch *watch = watcher->first; watch != NULL && !has_missed; watch = watch->next) {
        baton_assert_held(&watch->shard->baton);
        const struct keyspace *ks = &watch->shard->databases[watch->db];
        const struct entry *entry = watch->was_expired || watch->is_table ? NULL : keyspace_peek(ks, watch_key(watch));
        has_missed = entry != NULL && is_expired(watch, entry, now_ms);
    }
    return has_missed;
}

static void end_watch(struct watch *watch)
{
    struct shard *shard = watch->shard;
    const struct shard_set taken = shard_take_unless_mine(thread_self(), shard);
    take_out(&shard->watches, watch);
    shard_give_back(thread_self(), &taken);
    thread_free(MEM_CLIENT, watch, watch_bytes(watch));
}

void watcher_clear(struct watcher *watcher)
{
    if (watcher->first == NULL) {
        return;
    }
    struct server *server = watcher->first->shard->server;
    struct watch *next;
    for (struct watch *watch = watcher->first; watch != NULL; watch = next) {
        next = watch->next;
        end_watch(watch);
    }
    *watcher = (struct watcher){0};
    count_watcher(server, false);
}

struct shard *watch_shard(const struct watch *watch)
{
    return watch->shard;
}

const struct watch *watch_next(const struct watch *watch)
{
    return watch->next;
}

/* blocked.c - see blocked.h.  */
#include "shard/blocked.h"

#include "base/clock.h"
#include "mem/heap.h"
#include "shard/message.h"
#include "shard/server.h"

#include <assert.h>

enum { FIRST_PLACES = 16, QUEUES_PER_PLACE = 2 };
_Static_assert(VALUE_TYPE_COUNT <= 8, "a bit each");

/* --- the table --- */

static struct blocked_queue **place_of(const struct blocked_keys *keys, uint32_t db, uint64_t hash)
{
    const uint64_t mixed = (hash ^ db) * UINT64_C(0x9e3779b97f4a7c15);
    assert(keys->place_count > 0);
    return &keys->places[(uint32_t)(mixed >> 32) & (keys->place_count - 1)];
}

static struct blocked_queue *find(const struct blocked_keys *keys, uint32_t db, uint64_t hash)
{
    struct blocked_queue *queue = keys->place_count == 0 ? NULL : *place_of(keys, db, hash);
    while (queue != NULL && (queue->hash != hash || queue->db != db)) {
        queue = queue->next_in_place;
    }
    return queue;
}

static void put(struct blocked_keys *keys, struct blocked_queue *queue)
{
    struct blocked_queue **place = place_of(keys, queue->db, queue->hash);
    queue->next_in_place = *place;
    *place = queue;
}

void blocked_keys_close(struct blocked_keys *keys)
{
    assert(keys->queue_count == 0 && keys->ready_first == NULL);
    thread_free(MEM_SERVER, keys->places, keys->place_count * sizeof *keys->places);
    keys->places = NULL;
    keys->place_count = 0;
}

/* False: no memory. A table that is there serves on, with longer chains. */
static bool grow(struct blocked_keys *keys)
{
    const uint32_t place_count = keys->place_count == 0 ? FIRST_PLACES : 2 * keys->place_count;
    struct blocked_queue **places = thread_alloc_zeroed(MEM_SERVER, place_count * sizeof *places);
    if (places == NULL) {
        return keys->place_count > 0;
    }
    const struct blocked_keys old = *keys;
    keys->places = places;
    keys->place_count = place_count;
    for (uint32_t i = 0; i < old.place_count; i++) {
        struct blocked_queue *next;
        for (struct blocked_queue *queue = old.places[i]; queue != NULL; queue = next) {
            next = queue->next_in_place;
            put(keys, queue);
        }
    }
    thread_free(MEM_SERVER, old.places, old.place_count * sizeof *places);
    return true;
}

/* --- the list of the ready --- */

static void set_first(struct blocked_keys *keys, struct blocked_queue *first)
{
    __atomic_store_n(&keys->ready_first, first, __ATOMIC_RELAXED);
}

static void make_ready(struct blocked_keys *keys, struct blocked_queue *queue)
{
    if (queue->is_ready) {
        return;
    }
    queue->is_ready = true;
    queue->next_ready = NULL;
    queue->ready_ticks = clock_ticks();
    if (keys->ready_first == NULL) {
        set_first(keys, queue);
    } else {
        keys->ready_last->next_ready = queue;
    }
    keys->ready_last = queue;
}

static void leave_ready(struct blocked_keys *keys, struct blocked_queue *queue)
{
    struct blocked_queue *before = NULL;
    struct blocked_queue *at = keys->ready_first;
    while (at != queue) {
        assert(at != NULL); /* D3 */
        before = at;
        at = at->next_ready;
    }
    if (before == NULL) {
        set_first(keys, queue->next_ready);
    } else {
        before->next_ready = queue->next_ready;
    }
    if (keys->ready_last == queue) {
        keys->ready_last = before;
    }
    queue->is_ready = false;
}

struct blocked_queue *blocked_take_ready(struct blocked_keys *keys)
{
    struct blocked_queue *queue = keys->ready_first;
    leave_ready(keys, queue);
    return queue;
}

void blocked_make_ready(struct blocked_keys *keys, struct blocked_queue *queue)
{
    make_ready(keys, queue);
}

void blocked_tell_late(struct thread *sender, struct shard *shard)
{
    struct thread *own = server_thread(shard->server, shard->number);
    if (own != sender) {
        atomic_store_explicit(&shard->blocked.is_late, true, memory_order_release);
        thread_wake(sender, own);
    }
}

bool blocked_take_late(struct blocked_keys *keys)
{
    return UNLIKELY(atomic_load_explicit(&keys->is_late, memory_order_acquire)) &&
           atomic_exchange_explicit(&keys->is_late, false, memory_order_acq_rel);
}

/* --- the listener --- */

/* What the change has left in the key may serve somebody. */
static bool is_worth_it(const struct blocked_queue *queue, const struct change *change)
{
    const struct key key = {change->key, change->hash};
    const struct entry *entry = keyspace_peek(&change->shard->databases[change->db], key);
    return queue->hears_end || (entry != NULL && (queue->types >> entry_type(entry) & 1) != 0);
}

static void note_change(void *context, const struct change *change)
{
    (void)context;
    struct blocked_keys *keys = &change->shard->blocked;
    if (keys->queue_count == 0 || change->row != 0) {
        return;
    }
    struct blocked_queue *queue = find(keys, change->db, change->hash);
    if (queue != NULL && !queue->is_ready && is_worth_it(queue, change)) {
        make_ready(keys, queue);
    }
}

const struct effect_listener blocked_listener = {.name = "blocked", .change = note_change};

void blocked_count(struct server *server, bool is_more)
{
    pthread_mutex_lock(&server->blocked.lock);
    assert(is_more || server->blocked.count > 0);
    server->blocked.count += is_more ? 1 : (uint32_t)-1;
    if (server->blocked.count == (is_more ? 1 : 0)) {
        effects_want(&server->effects, &blocked_listener, is_more ? LISTEN_CHANGES : 0);
    }
    pthread_mutex_unlock(&server->blocked.lock);
}

void blocked_note_database(struct shard *shard, uint32_t db, bool has_others)
{
    baton_assert_held(&shard->baton);
    struct blocked_keys *keys = &shard->blocked;
    for (uint32_t i = 0; keys->queue_count > 0 && i < keys->place_count; i++) {
        for (struct blocked_queue *queue = keys->places[i]; queue != NULL; queue = queue->next_in_place) {
            if (queue->db == db && (has_others || queue->hears_end)) {
                make_ready(keys, queue);
            }
        }
    }
}

/* --- coming and going --- */

/* NULL: no memory. */
static struct blocked_queue *queue_create(struct blocked_keys *keys, const struct blocked_key *key)
{
    if (keys->queue_count >= QUEUES_PER_PLACE * keys->place_count && !grow(keys)) {
        return NULL;
    }
    struct blocked_queue *queue = thread_alloc_zeroed(MEM_CLIENT, sizeof *queue);
    if (queue != NULL) {
        queue->hash = key->key.hash;
        queue->db = key->db;
        put(keys, queue);
        keys->queue_count++;
    }
    return queue;
}

static void queue_destroy(struct blocked_keys *keys, struct blocked_queue *queue)
{
    if (queue->is_ready) {
        leave_ready(keys, queue);
    }
    struct blocked_queue **link = place_of(keys, queue->db, queue->hash);
    while (*link != queue) {
        assert(*link != NULL);
        link = &(*link)->next_in_place;
    }
    *link = queue->next_in_place;
    thread_free(MEM_CLIENT, queue, sizeof *queue);
    assert(keys->queue_count > 0);
    keys->queue_count--;
    if (keys->queue_count == 0) {
        blocked_keys_close(keys);
    }
}

bool blocked_key_add(struct blocked_key *key)
{
    baton_assert_held(&key->shard->baton);
    assert(key->queue == NULL);
    struct blocked_keys *keys = &key->shard->blocked;
    struct blocked_queue *queue = find(keys, key->db, key->key.hash);
    if (queue == NULL) {
        queue = queue_create(keys, key);
    }
    if (queue == NULL) {
        return false;
    }
    queue->types |= (uint8_t)(1u << key->type);
    queue->hears_end |= key->hears_end;
    key->queue = queue;
    key->previous = queue->last;
    key->next = NULL;
    if (queue->last == NULL) {
        queue->first = key;
    } else {
        queue->last->next = key;
    }
    queue->last = key;
    return true;
}

void blocked_key_remove(struct blocked_key *key)
{
    baton_assert_held(&key->shard->baton);
    struct blocked_queue *queue = key->queue;
    assert(queue != NULL);
    *(key->previous == NULL ? &queue->first : &key->previous->next) = key->next;
    *(key->next == NULL ? &queue->last : &key->next->previous) = key->previous;
    key->queue = NULL;
    if (queue->first == NULL) {
        queue_destroy(&key->shard->blocked, queue);
    }
}

/* key_table.c - see key_table.h.  */
#include "tracking/key_table.h"

#include "mem/heap.h"
#include "tracking/tracker.h"

#include <assert.h>
#include <string.h>

enum { SEGMENT_PLACES = 512, FIRST_PLACES = 8, FIRST_SEGMENTS = 8, DENSE_MAX = 8 };

/* --- places --- */

/* The smallest power of two that is not below `count`. */
static uint32_t round_up(uint32_t count)
{
    return count <= 1 ? 1 : UINT32_C(1) << (32 - __builtin_clz(count - 1));
}

static uint32_t place_number(const struct key_table *table, uint64_t hash)
{
    const uint32_t mask = round_up(table->place_count) - 1;
    const uint32_t place = (uint32_t)hash & mask;
    return place < table->place_count ? place : place & mask >> 1;
}

static struct tracked_key **place_at(const struct key_table *table, uint32_t place)
{
    return &table->segments[place / SEGMENT_PLACES][place % SEGMENT_PLACES];
}

static struct tracked_key **place_of(const struct key_table *table, uint64_t hash)
{
    return place_at(table, place_number(table, hash));
}

static struct tracked_key **new_segment(void)
{
    return thread_alloc_zeroed(MEM_CLIENT, SEGMENT_PLACES * sizeof(struct tracked_key *));
}

static void free_segment(struct tracked_key **segment)
{
    thread_free(MEM_CLIENT, segment, SEGMENT_PLACES * sizeof(struct tracked_key *));
}

/* Room for the segment of place `place`. */
static bool make_segment(struct key_table *table, uint32_t place)
{
    const uint32_t number = place / SEGMENT_PLACES;
    if (number == table->segment_capacity) {
        const uint32_t capacity = number == 0 ? FIRST_SEGMENTS : 2 * number;
        struct tracked_key ***segments = thread_realloc(MEM_CLIENT, table->segments, number * sizeof *segments, capacity * sizeof *segments);
        if (segments == NULL) {
            return false;
        }
        table->segments = segments;
        table->segment_capacity = capacity;
    }
    table->segments[number] = new_segment();
    return table->segments[number] != NULL;
}

/* One place more: it takes its part of the keys of the place half a table before. Without memory chains get longer. False: there is no place. */
static bool grow(struct key_table *table)
{
    if (table->place_count == 0) {
        if (!make_segment(table, 0)) {
            return false;
        }
        table->place_count = FIRST_PLACES;
        return true;
    }
    const uint32_t new = table->place_count;
    if (new % SEGMENT_PLACES == 0 && !make_segment(table, new)) {
        return true;
    }
    table->place_count++;
    const uint32_t half = round_up(table->place_count) / 2;
    struct tracked_key **link = place_at(table, new - half);
    struct tracked_key **end = place_at(table, new);
    while (*link != NULL) {
        struct tracked_key *key = *link;
        if (place_number(table, key->hash) == new) {
            *link = key->next;
            key->next = NULL;
            *end = key;
            end = &key->next;
        } else {
            link = &key->next;
        }
    }
    return true;
}

static void free_all(struct key_table *table)
{
    assert(table->count == 0);
    for (uint32_t place = 0; place < table->place_count; place += SEGMENT_PLACES) {
        free_segment(table->segments[place / SEGMENT_PLACES]);
    }
    thread_free(MEM_CLIENT, table->segments, table->segment_capacity * sizeof *table->segments);
    *table = (struct key_table){0};
}

/* One place fewer: its keys go back to the place half a table before. */
static void shrink(struct key_table *table)
{
    if (table->count == 0) {
        free_all(table);
        return;
    }
    if (table->place_count <= FIRST_PLACES || table->count > table->place_count / 2) {
        return;
    }
    const uint32_t last = table->place_count - 1;
    const uint32_t half = round_up(table->place_count) / 2;
    struct tracked_key **end = place_at(table, last - half);
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = *place_at(table, last);
    *place_at(table, last) = NULL;
    table->place_count--;
    if (last % SEGMENT_PLACES == 0) {
        free_segment(table->segments[last / SEGMENT_PLACES]);
        table->segments[last / SEGMENT_PLACES] = NULL;
    }
}

/* --- one key --- */

static size_t key_bytes(uint32_t capacity, size_t name_len)
{
    return sizeof(struct tracked_key) + capacity * sizeof(struct tracker *) + name_len;
}

/* Where the tracker stands, or would; NULL: all places are taken by others. */
static struct tracker **slot_of(struct tracked_key *key, const struct tracker *tracker)
{
    const uint64_t mixed = (uint64_t)(uintptr_t)tracker * UINT64_C(0x9e3779b97f4a7c15);
    const uint32_t mask = key->capacity - 1;
    uint32_t at = (uint32_t)(mixed >> 32) & mask;
    for (uint32_t i = 0; i < key->capacity; i++, at = (at + 1) & mask) {
        if (key->trackers[at] == tracker || key->trackers[at] == NULL) {
            return &key->trackers[at];
        }
    }
    return NULL;
}

static struct tracked_key *new_key(uint64_t hash, struct bytes name, uint32_t capacity)
{
    struct tracked_key *key = thread_alloc_zeroed(MEM_CLIENT, key_bytes(capacity, name.len));
    if (key != NULL) {
        key->hash = hash;
        key->name_len = (uint32_t)name.len;
        key->capacity = capacity;
        if (name.len > 0) {
            memcpy(key->trackers + capacity, name.data, name.len);
        }
    }
    return key;
}

static void free_key(struct tracked_key *key)
{
    thread_free(MEM_CLIENT, key, key_bytes(key->capacity, key->name_len));
}

/* Few trackers fill their table; more leave a third of it free. */
static bool is_full(const struct tracked_key *key)
{
    return key->capacity <= DENSE_MAX ? key->count == key->capacity : key->count >= key->capacity / 3 * 2;
}

/* The link that leads to the key. */
static struct tracked_key **link_of(const struct key_table *table, const struct tracked_key *key)
{
    struct tracked_key **link = place_of(table, key->hash);
    while (*link != key) {
        assert(*link != NULL);
        link = &(*link)->next;
    }
    return link;
}

/* The same key with room for more trackers, in its place; NULL: no memory. */
static struct tracked_key *widen(struct key_table *table, struct tracked_key *key)
{
    struct tracked_key *wide = new_key(key->hash, tracked_key_name(key), 2 * key->capacity);
    if (wide == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < key->capacity; i++) {
        if (key->trackers[i] != NULL) {
            *slot_of(wide, key->trackers[i]) = key->trackers[i];
        }
    }
    wide->count = key->count;
    wide->next = key->next;
    *link_of(table, key) = wide;
    free_key(key);
    return wide;
}

/* --- the table --- */

struct tracked_key *key_table_find(const struct key_table *table, uint64_t hash, struct bytes name)
{
    struct tracked_key *key = table->count == 0 ? NULL : *place_of(table, hash);
    while (key != NULL && (key->hash != hash || !bytes_equal(tracked_key_name(key), name))) {
        key = key->next;
    }
    return key;
}

static enum key_table_added add_key(struct key_table *table, uint64_t hash, struct bytes name, struct tracker *tracker)
{
    struct tracked_key *key = new_key(hash, name, 1);
    if (key == NULL || (table->count >= table->place_count && !grow(table))) {
        if (key != NULL) {
            free_key(key);
        }
        return KEY_TABLE_NO_MEMORY;
    }
    struct tracked_key **place = place_of(table, hash);
    key->next = *place;
    key->trackers[0] = tracker;
    key->count = 1;
    *place = key;
    table->count++;
    tracker_hold(tracker);
    return KEY_TABLE_NEW_KEY;
}

enum key_table_added key_table_add(struct key_table *table, uint64_t hash, struct bytes name, struct tracker *tracker)
{
    struct tracked_key *key = key_table_find(table, hash, name);
    if (key == NULL) {
        return add_key(table, hash, name, tracker);
    }
    struct tracker **slot = slot_of(key, tracker);
    if (slot != NULL && *slot == tracker) {
        return KEY_TABLE_KNOWN;
    }
    if (is_full(key)) {
        key = widen(table, key);
        if (key == NULL) {
            return KEY_TABLE_NO_MEMORY;
        }
        slot = slot_of(key, tracker);
    }
    *slot = tracker;
    key->count++;
    tracker_hold(tracker);
    return KEY_TABLE_NEW_TRACKER;
}

/* Takes out the key that the link leads to. */
static void remove_at(struct key_table *table, struct tracked_key **link)
{
    struct tracked_key *key = *link;
    *link = key->next;
    for (uint32_t i = 0; i < key->capacity; i++) {
        if (key->trackers[i] != NULL) {
            tracker_release(key->trackers[i]);
        }
    }
    free_key(key);
    assert(table->count > 0);
    table->count--;
}

void key_table_remove(struct key_table *table, struct tracked_key *key)
{
    remove_at(table, link_of(table, key));
    shrink(table);
}

struct tracked_key *key_table_pick(const struct key_table *table, uint64_t random, const struct tracked_key *other_than)
{
    if (table->count == 0) {
        return NULL;
    }
    struct tracked_key *found = NULL;
    uint32_t place = (uint32_t)(random % table->place_count);
    for (uint32_t seen = 0; seen <= table->place_count && (found == NULL || found == other_than); seen++) {
        struct tracked_key *key = *place_at(table, place);
        while (key != NULL && key == other_than && key->next != NULL) {
            key = key->next;
        }
        found = key != NULL ? key : found;
        place = place + 1 == table->place_count ? 0 : place + 1;
        if (table->count == 1 && found != NULL) {
            break;
        }
    }
    return found;
}

void key_table_clear(struct key_table *table)
{
    for (uint32_t place = 0; place < table->place_count; place++) {
        while (*place_at(table, place) != NULL) {
            remove_at(table, place_at(table, place));
        }
    }
    free_all(table);
}

bool key_table_is_valid(const struct key_table *table)
{
    uint32_t count = 0;
    for (uint32_t place = 0; place < table->place_count; place++) {
        for (const struct tracked_key *key = *place_at(table, place); key != NULL; key = key->next) {
            assert(place_number(table, key->hash) == place); /* K1 */
            assert(key->count > 0 && key->count <= key->capacity); /* K2 */
            count++;
        }
    }
    assert(count == table->count);
    return true;
}

/* key_top.c - lists of the biggest keys; see key_top.h.  */
#include "data/key_top.h"

#include "data/keyspace_private.h"

#include <assert.h>

_Static_assert((int)KEYSPACE_WATCH_KINDS > (int)ENTRY_KIND_MASK, "a floor for each kind that a head can say");
_Static_assert((KEY_TOP_SLOTS & (KEY_TOP_SLOTS - 1)) == 0 && KEY_TOP_FULL < KEY_TOP_SLOTS && KEY_TOP_KEEP < KEY_TOP_FULL &&
                   KEY_TOP_COUNT_MAX < KEY_TOP_KEEP,
               "room for an empty slot, and for what is noted between two looks");

static void set_floor(struct key_top *top, enum value_type type, uint64_t floor)
{
    static const uint8_t types[ENTRY_KIND_COUNT] = {
        VALUE_STRING, VALUE_STRING, VALUE_STRING, VALUE_LIST, VALUE_LIST, VALUE_SET, VALUE_SET,
        VALUE_SET,    VALUE_HASH,   VALUE_HASH,   VALUE_ZSET, VALUE_ZSET, VALUE_STREAM,
    };
    top->lists[type].floor = floor;
    for (unsigned kind = 0; kind < ENTRY_KIND_COUNT; kind++) {
        if (types[kind] == type) {
            top->watch.floors[kind] = floor;
        }
    }
}

void key_top_destroy(struct key_top *top)
{
    if (top != NULL) {
        heap_free(top->heap, MEM_SERVER, top, sizeof *top);
    }
}

void key_top_swapped(struct key_top *top, uint32_t a, uint32_t b)
{
    top->databases[a].number = a;
    top->databases[b].number = b;
    for (unsigned type = 0; type < VALUE_TYPE_COUNT; type++) {
        for (unsigned i = 0; i < KEY_TOP_SLOTS; i++) {
            struct key_top_slot *slot = &top->lists[type].slots[i];
            slot->number = slot->number == a ? b : slot->number == b ? a : slot->number;
        }
    }
    /* The walk may have passed one of the two only. */
    top->fill_db = 0;
    top->fill_cursor = 0;
}

/* --- finding candidates --- */

struct wanted {
    const struct keyspace *ks;
    uint64_t hash;
};

static bool hash_matches(const void *element, const void *key)
{
    const struct wanted *wanted = key;
    return hash_bytes(wanted->ks->secret, entry_key(element)) == wanted->hash;
}

static struct entry *find_slot(const struct key_top *top, const struct key_top_slot *slot)
{
    const struct keyspace *ks = &top->databases[slot->number];
    const struct wanted wanted = {ks, slot->hash};
    return ks->key_count == 0 ? NULL : dict_find(&ks->dict, slot->hash, hash_matches, &wanted);
}

struct entry *key_top_find(const struct key_top *top, uint64_t hash, uint32_t db, int64_t now_ms)
{
    const struct key_top_slot slot = {hash, db};
    struct entry *entry = find_slot(top, &slot);
    return entry != NULL && keyspace_is_over(&top->databases[db], entry, now_ms) ? NULL : entry;
}

/* Shell's sort, the biggest first: the lists are short, and nothing is allocated. */
static void sort_items(struct key_top_item *items, uint32_t count)
{
    static const uint32_t gaps[] = {132, 57, 23, 10, 4, 1};
    for (unsigned g = 0; g < sizeof gaps / sizeof gaps[0]; g++) {
        const uint32_t gap = gaps[g];
        for (uint32_t i = gap; i < count; i++) {
            const struct key_top_item item = items[i];
            uint32_t at = i;
            for (; at >= gap && items[at - gap].bytes < item.bytes; at -= gap) {
                items[at] = items[at - gap];
            }
            items[at] = item;
        }
    }
}

/* The candidates that are there, are of the type and have at least `least` bytes: sorted. */
static uint32_t living_items(const struct key_top *top, enum value_type type, uint64_t least,
                             struct key_top_item items[KEY_TOP_FULL])
{
    const struct key_top_list *list = &top->lists[type];
    uint32_t count = 0;
    for (unsigned i = 0; i < KEY_TOP_SLOTS; i++) {
        const struct key_top_slot *slot = &list->slots[i];
        const struct entry *entry = slot->hash == 0 ? NULL : find_slot(top, slot);
        if (entry == NULL || entry_type(entry) != type || entry_memory_bytes(entry) < least) {
            continue;
        }
        assert(count < KEY_TOP_FULL);
        items[count++] = (struct key_top_item){entry_memory_bytes(entry), slot->hash, (uint32_t)slot->number};
    }
    sort_items(items, count);
    return count;
}

/* --- noting --- */

/* The candidate's slot, or the empty one where it belongs. */
static struct key_top_slot *slot_of(struct key_top_list *list, uint64_t hash, uint32_t number)
{
    uint32_t at = (uint32_t)hash & (KEY_TOP_SLOTS - 1);
    while (list->slots[at].hash != 0 && (list->slots[at].hash != hash || list->slots[at].number != number)) {
        at = (at + 1) & (KEY_TOP_SLOTS - 1);
    }
    return &list->slots[at];
}

/* Looks through a full list: the biggest KEY_TOP_KEEP stay. */
static void thin_out(struct key_top *top, enum value_type type)
{
    struct key_top_list *list = &top->lists[type];
    struct key_top_item items[KEY_TOP_FULL];
    uint32_t count = living_items(top, type, 0, items);
    if (count > KEY_TOP_KEEP) {
        if (items[KEY_TOP_KEEP].bytes > list->floor) {
            set_floor(top, type, items[KEY_TOP_KEEP].bytes);
        }
        count = KEY_TOP_KEEP;
    }
    memset(list->slots, 0, sizeof list->slots);
    for (uint32_t i = 0; i < count; i++) {
        *slot_of(list, items[i].hash, items[i].db) = (struct key_top_slot){items[i].hash, items[i].db};
    }
    list->count = count;
}

/* struct keyspace_watch */
static void note(struct keyspace *ks, const struct entry *entry)
{
    struct key_top *top = ks->top;
    const enum value_type type = entry_type(entry);
    struct key_top_list *list = &top->lists[type];
    const uint64_t hash = keyspace_hash_of(ks, entry);
    struct key_top_slot *slot = slot_of(list, hash, ks->number);
    if (slot->hash != 0 || hash == 0) { /* there already; 0, one name in 2^64, is left out */
        return;
    }
    *slot = (struct key_top_slot){hash, ks->number};
    list->count++;
    if (list->count == KEY_TOP_FULL) {
        thin_out(top, type);
    }
}

struct key_top *key_top_create(struct heap *heap, struct keyspace *databases, uint32_t database_count)
{
    struct key_top *top = heap_alloc_zeroed(heap, MEM_SERVER, sizeof *top);
    if (top == NULL) {
        return NULL;
    }
    top->watch.note = note;
    top->heap = heap;
    top->databases = databases;
    top->database_count = database_count;
    for (uint32_t i = 0; i < database_count; i++) {
        assert(databases[i].key_count == 0);
        databases[i].watch = &top->watch;
        databases[i].top = top;
        databases[i].number = i;
    }
    return top;
}

/* --- filling --- */

static void begin_fill(struct key_top *top, enum value_type type)
{
    if (top->fill_types != 0) {
        return; /* one walk after the other */
    }
    top->fill_types = 1u << type;
    top->fill_db = 0;
    top->fill_cursor = 0;
    __atomic_store_n(&top->fills, top->fills + 1, __ATOMIC_RELAXED);
    set_floor(top, type, 0);
}

static void fill_visit(void *element, void *arg)
{
    struct keyspace *ks = arg;
    const struct entry *entry = element;
    const enum value_type type = entry_type(entry);
    if ((ks->top->fill_types >> type & 1) != 0 && entry_memory_bytes(entry) > ks->top->lists[type].floor) {
        note(ks, entry);
    }
}

bool key_top_fill_step(struct key_top *top, size_t limit)
{
    if (top->fill_types == 0) {
        return true;
    }
    struct keyspace *ks = &top->databases[top->fill_db];
    if (ks->key_count > 0 || top->fill_cursor != 0) {
        top->fill_cursor = dict_scan(&ks->dict, top->fill_cursor, limit, fill_visit, ks);
    }
    while (top->fill_cursor == 0 && ++top->fill_db < top->database_count && top->databases[top->fill_db].key_count == 0) {
    }
    if (top->fill_db == top->database_count) {
        top->fill_types = 0;
    }
    return top->fill_types == 0;
}

/* --- reading --- */

/* All keys of the type are in the list. */
static bool is_whole(const struct key_top *top, enum value_type type)
{
    return top->lists[type].floor == 0 && (top->fill_types >> type & 1) == 0;
}

bool key_top_read(struct key_top *top, enum value_type type, int64_t now_ms, uint32_t limit,
                  struct key_top_item out[KEY_TOP_COUNT_MAX], uint32_t *count)
{
    assert(limit >= 1 && limit <= KEY_TOP_COUNT_MAX);
    if ((top->fill_types >> type & 1) != 0) {
        return false;
    }
    struct key_top_item items[KEY_TOP_FULL];
    const uint32_t found = living_items(top, type, top->lists[type].floor, items);
    *count = 0;
    for (uint32_t i = 0; i < found && *count < limit; i++) {
        if (key_top_find(top, items[i].hash, items[i].db, now_ms) != NULL) {
            out[(*count)++] = items[i];
        }
    }
    if (*count < limit && !is_whole(top, type)) {
        begin_fill(top, type);
        return false;
    }
    return true;
}

void key_top_tend(struct key_top *top, int64_t now_ms)
{
    struct key_top_item items[KEY_TOP_COUNT_MAX];
    uint32_t count;
    const enum value_type type = (enum value_type)top->check_type;
    top->check_type = (top->check_type + 1) % VALUE_TYPE_COUNT;
    if (top->lists[type].floor > 0 && top->fill_types == 0) {
        (void)!key_top_read(top, type, now_ms, KEY_TOP_COUNT_MAX, items, &count);
    }
}

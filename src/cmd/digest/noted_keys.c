/* noted_keys.c - see noted_keys.h.  */
#include "cmd/digest/noted_keys.h"

#include "mem/heap.h"

enum { NOTED_FIRST_CAPACITY = 64 };

/* 0 means that a slot is free. */
static uint64_t kept(uint64_t hash)
{
    return hash == 0 ? 1 : hash;
}

/* The slot that has `hash`, or the free one where it would stand. */
static uint64_t find_slot(const struct noted_keys *keys, uint64_t hash)
{
    const uint64_t mask = keys->capacity - 1;
    uint64_t at = hash & mask;
    while (keys->slots[at] != 0 && keys->slots[at] != hash) {
        at = (at + 1) & mask;
    }
    return at;
}

static bool grow(struct noted_keys *keys)
{
    const uint64_t capacity = keys->capacity == 0 ? NOTED_FIRST_CAPACITY : 2 * keys->capacity;
    struct noted_keys grown = {thread_alloc_zeroed(MEM_SERVER, capacity * sizeof *grown.slots), capacity, keys->count};
    if (grown.slots == NULL) {
        return false;
    }
    for (uint64_t i = 0; i < keys->capacity; i++) {
        if (keys->slots[i] != 0) {
            grown.slots[find_slot(&grown, keys->slots[i])] = keys->slots[i];
        }
    }
    noted_keys_release(keys);
    *keys = grown;
    return true;
}

enum note noted_keys_add(struct noted_keys *keys, uint64_t hash)
{
    hash = kept(hash);
    if (noted_keys_has(keys, hash)) {
        return NOTE_KNOWN;
    }
    if (keys->count >= keys->capacity / 4 * 3 && !grow(keys)) {
        return NOTE_NO_MEMORY;
    }
    keys->slots[find_slot(keys, hash)] = hash;
    keys->count++;
    return NOTE_NEW;
}

bool noted_keys_has(const struct noted_keys *keys, uint64_t hash)
{
    return keys->capacity > 0 && keys->slots[find_slot(keys, kept(hash))] != 0;
}

void noted_keys_release(struct noted_keys *keys)
{
    if (keys->slots != NULL) {
        thread_free(MEM_SERVER, keys->slots, keys->capacity * sizeof *keys->slots);
    }
    *keys = (struct noted_keys){0};
}

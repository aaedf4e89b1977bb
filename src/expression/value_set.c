/* value_set.c - see value_set.h.  */
#include "expression/value_set.h"

#include "expression/compare.h"

#include <assert.h>

enum { CAPACITY_MIN = 16 };

void value_set_begin(struct value_set *set, struct arena *arena, const struct hash_secret *secret)
{
    *set = (struct value_set){.arena = arena, .secret = secret};
}

/* The place of the value, or the free one where it would stand. */
static struct value_place *find_place(const struct value_set *set, uint64_t hash, const struct scalar *value)
{
    const uint64_t mask = set->capacity - 1;
    for (uint64_t i = hash & mask;; i = (i + 1) & mask) {
        struct value_place *place = &set->places[i];
        if (place->hash == 0 || (value != NULL && place->hash == hash && scalar_order(&place->value, value) == 0)) {
            return place;
        }
    }
}

static bool grow(struct value_set *set)
{
    struct value_set larger = *set;
    larger.capacity = set->capacity == 0 ? CAPACITY_MIN : set->capacity * 2;
    larger.places = arena_alloc_zeroed(set->arena, larger.capacity * sizeof *larger.places);
    if (larger.places == NULL) {
        return false;
    }
    for (uint64_t i = 0; i < set->capacity; i++) {
        if (set->places[i].hash != 0) {
            *find_place(&larger, set->places[i].hash, NULL) = set->places[i];
        }
    }
    *set = larger;
    return true;
}

enum expression_result value_set_add(struct value_set *set, const struct scalar *value, bool *is_new)
{
    assert(value->type != SCALAR_NULL);
    if (set->count >= set->capacity / 4 * 3 && !grow(set)) {
        return EXPRESSION_NO_MEMORY;
    }
    const uint64_t hash = scalar_hash(set->secret, value) | 1;
    struct value_place *place = find_place(set, hash, value);
    *is_new = place->hash == 0;
    if (!*is_new) {
        return EXPRESSION_OK;
    }
    struct scalar kept = *value;
    if (scalar_has_text(value)) {
        kept.data = arena_copy(set->arena, scalar_text(value));
        if (kept.data == NULL) {
            return EXPRESSION_NO_MEMORY;
        }
    }
    *place = (struct value_place){hash, kept};
    set->count++;
    return EXPRESSION_OK;
}

bool value_set_has(const struct value_set *set, const struct scalar *value)
{
    assert(value->type != SCALAR_NULL);
    return set->count > 0 && find_place(set, scalar_hash(set->secret, value) | 1, value)->hash != 0;
}

const struct scalar *value_set_next(const struct value_set *set, uint64_t *at)
{
    while (*at < set->capacity) {
        const struct value_place *place = &set->places[(*at)++];
        if (place->hash != 0) {
            return &place->value;
        }
    }
    return NULL;
}

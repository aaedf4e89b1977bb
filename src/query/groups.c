/* groups.c - see groups.h.  */
#include "query/groups.h"

#include "expression/compare.h"

#include <assert.h>
#include <string.h>

enum { PLACES_START = 16 };

void groups_begin(struct groups *groups, const struct group_shape *shape, struct arena *arena)
{
    *groups = (struct groups){.shape = shape, .arena = arena};
}

/* --- looking --- */

static uint64_t hash_keys(const struct group_shape *shape, const struct scalar *keys)
{
    uint64_t hash = shape->key_count;
    for (uint32_t i = 0; i < shape->key_count; i++) {
        hash = (hash << 27 | hash >> 37) * UINT64_C(0x9e3779b97f4a7c15) ^ scalar_hash(shape->secret, &keys[i]);
    }
    return hash;
}

static bool has_keys(const struct group_shape *shape, const struct group *group, const struct scalar *keys)
{
    for (uint32_t i = 0; i < shape->key_count; i++) {
        if (scalar_order(&group->keys[i], &keys[i]) != 0) {
            return false;
        }
    }
    return true;
}

/* The place of the group with these keys, or the free one where it belongs. There are places. */
static struct group **place_of(const struct groups *groups, uint64_t hash, const struct scalar *keys)
{
    uint64_t at = hash & (groups->capacity - 1);
    while (groups->places[at] != NULL && (groups->places[at]->hash != hash || !has_keys(groups->shape, groups->places[at], keys))) {
        at = (at + 1) & (groups->capacity - 1);
    }
    return &groups->places[at];
}

/* Room for one more. */
static bool reserve(struct groups *groups)
{
    if (groups->count + 1 < groups->capacity / 4 * 3) {
        return true;
    }
    const uint64_t capacity = groups->capacity == 0 ? PLACES_START : groups->capacity * 2;
    struct group **places = arena_alloc_zeroed(groups->arena, capacity * sizeof *places);
    if (places == NULL) {
        return false;
    }
    for (uint64_t i = 0; i < groups->capacity; i++) {
        struct group *group = groups->places[i];
        if (group != NULL) {
            uint64_t at = group->hash & (capacity - 1);
            while (places[at] != NULL) {
                at = (at + 1) & (capacity - 1);
            }
            places[at] = group;
        }
    }
    groups->places = places;
    groups->capacity = capacity;
    return true;
}

/* --- making --- */

static struct group *make_group(const struct groups *groups, uint64_t hash, const struct scalar *keys, const bool *copies)
{
    const struct group_shape *shape = groups->shape;
    const size_t keys_end = sizeof(struct group) + shape->key_count * sizeof(struct scalar);
    const size_t aggregates_at = (keys_end + _Alignof(struct aggregate) - 1) & ~(_Alignof(struct aggregate) - 1);
    struct group *group = arena_alloc(groups->arena, aggregates_at + shape->aggregate_count * sizeof(struct aggregate));
    if (group == NULL) {
        return NULL;
    }
    *group = (struct group){.hash = hash, .aggregates = (struct aggregate *)((char *)group + aggregates_at)};
    for (uint32_t i = 0; i < shape->key_count; i++) {
        group->keys[i] = keys[i];
        if (copies[i] && scalar_has_text(&keys[i]) && (group->keys[i].data = arena_copy(groups->arena, scalar_text(&keys[i]))) == NULL) {
            return NULL;
        }
    }
    for (uint32_t i = 0; i < shape->aggregate_count; i++) {
        const struct group_aggregate *aggregate = &shape->aggregates[i];
        aggregate_begin(&group->aggregates[i], (enum aggregate_kind)aggregate->kind, aggregate->is_distinct, groups->arena, shape->secret);
    }
    return group;
}

enum expression_result groups_find(struct groups *groups, const struct scalar *keys, const bool *copies, struct group **out)
{
    const uint64_t hash = hash_keys(groups->shape, keys);
    struct group **place = groups->capacity > 0 ? place_of(groups, hash, keys) : NULL;
    if (place != NULL && *place != NULL) {
        *out = *place;
        return EXPRESSION_OK;
    }
    struct group *group = reserve(groups) ? make_group(groups, hash, keys, copies) : NULL;
    if (group == NULL) {
        return EXPRESSION_NO_MEMORY;
    }
    *place_of(groups, hash, keys) = group;
    groups->count++;
    *out = group;
    return EXPRESSION_OK;
}

enum expression_result groups_merge(struct groups *groups, struct group *from)
{
    if (!reserve(groups)) {
        return EXPRESSION_NO_MEMORY;
    }
    struct group **place = place_of(groups, from->hash, from->keys);
    if (*place == NULL) {
        *place = from;
        groups->count++;
        return EXPRESSION_OK;
    }
    enum expression_result result = EXPRESSION_OK;
    for (uint32_t i = 0; i < groups->shape->aggregate_count && result == EXPRESSION_OK; i++) {
        result = aggregate_merge(&(*place)->aggregates[i], &from->aggregates[i]);
    }
    return result;
}

struct group *groups_next(const struct groups *groups, uint64_t *at)
{
    while (*at < groups->capacity && groups->places[*at] == NULL) {
        ++*at;
    }
    return *at < groups->capacity ? groups->places[(*at)++] : NULL;
}

/* shard_set.h - a set of shards: one bit each, in as many words as there may be.
 *
 * With up to 64 shards every bit is in the first word, and the walks end there.
 *
 * Threads    The caller's; the functions are pure.  */
#ifndef SHARD_SHARD_SET_H
#define SHARD_SHARD_SET_H

#include "base/attributes.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

enum { SHARD_COUNT_MAX = 256, SHARD_SET_WORDS = SHARD_COUNT_MAX / 64, SHARD_NONE = SHARD_COUNT_MAX };

struct shard_set {
    uint64_t words[SHARD_SET_WORDS];
};

static inline void shard_set_add(struct shard_set *set, uint32_t shard)
{
    assert(shard < SHARD_COUNT_MAX);
    set->words[shard / 64] |= UINT64_C(1) << shard % 64;
}

static inline void shard_set_remove(struct shard_set *set, uint32_t shard)
{
    assert(shard < SHARD_COUNT_MAX);
    set->words[shard / 64] &= ~(UINT64_C(1) << shard % 64);
}

static inline bool shard_set_has(const struct shard_set *set, uint32_t shard)
{
    debug_assert(shard < SHARD_COUNT_MAX);
    return (set->words[shard / 64] >> shard % 64 & 1) != 0;
}

static inline bool shard_set_is_empty(const struct shard_set *set)
{
    uint64_t any = 0;
    for (unsigned i = 0; i < SHARD_SET_WORDS; i++) {
        any |= set->words[i];
    }
    return any == 0;
}

/* The first member at or behind `from`; SHARD_NONE: there is none. `from` may be SHARD_COUNT_MAX. A walk in ascending order:
 *
 *   for (uint32_t i = shard_set_next(set, 0); i != SHARD_NONE; i = shard_set_next(set, i + 1)) ...  */
static inline uint32_t shard_set_next(const struct shard_set *set, uint32_t from)
{
    debug_assert(from <= SHARD_COUNT_MAX);
    uint64_t mask = ~UINT64_C(0) << from % 64;
    for (uint32_t word = from / 64; word < SHARD_SET_WORDS; word++) {
        const uint64_t left = set->words[word] & mask;
        if (left != 0) {
            return word * 64 + (uint32_t)__builtin_ctzll(left);
        }
        mask = ~UINT64_C(0);
    }
    return SHARD_NONE;
}

/* The shards 0 .. count-1. */
static inline struct shard_set shard_set_of_first(uint32_t count)
{
    struct shard_set set = {0};
    assert(count <= SHARD_COUNT_MAX);
    for (unsigned i = 0; i < SHARD_SET_WORDS && count > i * 64; i++) {
        set.words[i] = count >= (i + 1) * 64 ? ~UINT64_C(0) : (UINT64_C(1) << count % 64) - 1;
    }
    return set;
}

#endif

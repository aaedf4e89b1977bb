/* access.h - an entry's 24 bits of access (entry.h), as Redis reads them: what they are is the eviction policy's choice.
 *
 *   LRU   the second of the last use, modulo 2^24 (194 days)
 *   LFU   bits 8..23 the minute of the last decay, modulo 2^16 (45 days); bits 0..7 a logarithmic counter of uses
 *
 * A use raises the counter c with the probability 1 / ((c - 5) * factor + 1); every `decay_minutes` without use lower it by one.
 * With factor 10 a counter of 255 stands for about a million uses (Morris, 1978).
 *
 * Threads    Pure functions.  */
#ifndef DATA_ACCESS_H
#define DATA_ACCESS_H

#include "base/random.h"

#include <stdint.h>

enum {
    ACCESS_SECONDS_MASK = 0xffffff,
    ACCESS_MINUTES_MASK = 0xffff,
    ACCESS_COUNTER_BITS = 8,
    ACCESS_COUNTER_MAX = 255,
    ACCESS_COUNTER_NEW = 5, /* of a new key: it has a chance to be used before it goes */
};

static inline uint32_t access_seconds(int64_t now_ms)
{
    return (uint32_t)(now_ms / 1000) & ACCESS_SECONDS_MASK;
}

static inline uint32_t access_minutes(int64_t now_ms)
{
    return (uint32_t)(now_ms / 60000) & ACCESS_MINUTES_MASK;
}

static inline uint32_t access_idle_seconds(uint32_t access, uint32_t now_seconds)
{
    return (now_seconds - access) & ACCESS_SECONDS_MASK;
}

static inline uint32_t access_make_lfu(uint32_t minutes, uint32_t counter)
{
    return minutes << ACCESS_COUNTER_BITS | counter;
}

/* The counter as it is now. `decay_minutes` 0: it never falls. */
static inline uint32_t access_counter(uint32_t access, uint32_t now_minutes, uint32_t decay_minutes)
{
    const uint32_t counter = access & ACCESS_COUNTER_MAX;
    if (decay_minutes == 0) {
        return counter;
    }
    const uint32_t elapsed = (now_minutes - (access >> ACCESS_COUNTER_BITS)) & ACCESS_MINUTES_MASK;
    const uint32_t periods = elapsed / decay_minutes;
    return periods < counter ? counter - periods : 0;
}

/* One use more. `factor`: lfu-log-factor. */
static inline uint32_t access_counter_raised(uint32_t counter, uint32_t factor, uint64_t *random_state)
{
    if (counter >= ACCESS_COUNTER_MAX) {
        return ACCESS_COUNTER_MAX;
    }
    const uint64_t base = counter > ACCESS_COUNTER_NEW ? counter - ACCESS_COUNTER_NEW : 0;
    return counter + (random_below(random_state, base * factor + 1) == 0);
}

#endif

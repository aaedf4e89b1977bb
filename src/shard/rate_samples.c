/* rate_samples.c - a ring of samples; see rate_samples.h.  */
#include "shard/rate_samples.h"

void rate_samples_take(struct rate_samples *samples, uint64_t reading, int64_t now_ms)
{
    const int64_t passed_ms = now_ms - samples->last_ms;
    if (samples->last_ms != 0 && passed_ms > 0) {
        const uint64_t grown = reading > samples->last_reading ? reading - samples->last_reading : 0;
        atomic_store_explicit(&samples->per_second[samples->next], grown * 1000 / (uint64_t)passed_ms,
                              memory_order_relaxed);
        samples->next = (samples->next + 1) % RATE_SAMPLE_COUNT;
    }
    samples->last_ms = now_ms;
    samples->last_reading = reading;
}

uint64_t rate_samples_per_second(const struct rate_samples *samples)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < RATE_SAMPLE_COUNT; i++) {
        sum += atomic_load_explicit(&samples->per_second[i], memory_order_relaxed);
    }
    return sum / RATE_SAMPLE_COUNT;
}

/* rate_samples.h - how fast a counter grows, as the mean of its last 16 samples: INFO's instantaneous_* fields.
 *
 * Threads    rate_samples_take: one thread (shard 0's timer, every RATE_SAMPLE_MS). rate_samples_per_second: any.  */
#ifndef SHARD_RATE_SAMPLES_H
#define SHARD_RATE_SAMPLES_H

#include <stdatomic.h>
#include <stdint.h>

enum { RATE_SAMPLE_COUNT = 16, RATE_SAMPLE_MS = 100 };

struct rate_samples {
    int64_t last_ms;      /* when the last sample was taken; 0: never */
    uint64_t last_reading;
    uint32_t next;        /* the sample to replace */
    _Atomic uint64_t per_second[RATE_SAMPLE_COUNT];
};

/* What is sampled. */
struct rates {
    struct rate_samples commands, input_bytes, output_bytes;
};

/* `reading` is the counter's value at `now_ms` (monotonic). A counter that went back (CONFIG RESETSTAT) counts as still. */
void rate_samples_take(struct rate_samples *samples, uint64_t reading, int64_t now_ms);
uint64_t rate_samples_per_second(const struct rate_samples *samples);

#endif

/* memory_history.h - the server's memory over the last day: a sample a second for ten minutes, a sample a minute before that.
 *
 * Threads    memory_history_sample: thread 0's timer. The others: any. It locks itself, for a copy of the samples at most.
 * Memory     One block, MEM_SERVER, made at the start; its pages are touched as samples come.  */
#ifndef SHARD_MEMORY_HISTORY_H
#define SHARD_MEMORY_HISTORY_H

#include "mem/heap.h"

struct memory_history;
struct server;

enum {
    MEMORY_HISTORY_SHORT_MS = 1000,
    MEMORY_HISTORY_SHORT = 600,  /* samples so far apart */
    MEMORY_HISTORY_LONG_MS = 60000,
    MEMORY_HISTORY_LONG = 1440,
    MEMORY_HISTORY_MAX = MEMORY_HISTORY_SHORT + MEMORY_HISTORY_LONG,
};

/* Bytes at one moment. Used is the sum of the classes. */
struct memory_sample {
    int64_t wall_ms;
    int64_t used, resident, dataset;
    int64_t classes[MEM_CLASS_COUNT];
};

struct memory_history *memory_history_create(void);
/* NULL is allowed. */
void memory_history_destroy(struct memory_history *history);
/* Adds a sample; it stands for its minute, too, when that is a new one. */
void memory_history_add(struct memory_history *history, const struct memory_sample *sample);
/* Reads the counters and adds them. Cost: some microseconds, for reading what is resident. */
void memory_history_sample(struct server *server, int64_t wall_ms);
/* Copies the last `limit` samples, the oldest first: those of the minutes, then the seconds. Returns how many. */
uint32_t memory_history_copy(struct memory_history *history, struct memory_sample *out, uint32_t limit);

#endif

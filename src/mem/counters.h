/* counters.h - what is allocated, by class: a heap has such counters, and each thread for its own memory.
 *
 * Threads    Written by one thread at a time with relaxed stores, read relaxed by any.  */
#ifndef MEM_COUNTERS_H
#define MEM_COUNTERS_H

#include "mem/class.h"

#include <stdint.h>

struct mem_counters {
    int64_t class_bytes[MEM_CLASS_COUNT];  /* a thread's own may go below 0 when it frees what another allocated */
    int64_t class_blocks[MEM_CLASS_COUNT]; /* the sum over all is exact */
};

/* Adds to one class. By hand only for memory that is not from a heap (rings, stacks). `counters` is the caller's own. */
void mem_count(struct mem_counters *counters, enum mem_class which, int64_t bytes, int64_t blocks);
/* Sum over the classes, relaxed: any thread. */
int64_t mem_counters_total(const struct mem_counters *counters);
/* into += from, relaxed. */
void mem_counters_add(struct mem_counters *into, const struct mem_counters *from);

#endif

/* counters.c - counters by class, added up; see counters.h.  */
#include "mem/counters.h"

static void add_relaxed(int64_t *counter, int64_t amount)
{
    __atomic_store_n(counter, __atomic_load_n(counter, __ATOMIC_RELAXED) + amount, __ATOMIC_RELAXED);
}

#if defined(TESSERA_NO_COUNTERS)
void mem_count(struct mem_counters *counters, enum mem_class which, int64_t bytes, int64_t blocks)
{
    (void)counters;
    (void)which;
    (void)bytes;
    (void)blocks;
    (void)add_relaxed;
}
#else
void mem_count(struct mem_counters *counters, enum mem_class which, int64_t bytes, int64_t blocks)
{
    add_relaxed(&counters->class_bytes[which], bytes);
    add_relaxed(&counters->class_blocks[which], blocks);
}
#endif

int64_t mem_counters_total(const struct mem_counters *counters)
{
    int64_t total = 0;
    for (int i = 0; i < MEM_CLASS_COUNT; i++) {
        total += __atomic_load_n(&counters->class_bytes[i], __ATOMIC_RELAXED);
    }
    return total;
}

void mem_counters_add(struct mem_counters *into, const struct mem_counters *from)
{
    for (int i = 0; i < MEM_CLASS_COUNT; i++) {
        into->class_bytes[i] += __atomic_load_n(&from->class_bytes[i], __ATOMIC_RELAXED);
        into->class_blocks[i] += __atomic_load_n(&from->class_blocks[i], __ATOMIC_RELAXED);
    }
}

/* access_clock.h - what uses of keys write into their access fields, by maxmemory-policy: the second, or an LFU counter.
 *
 * Threads    A thread's own clock; a shard is told under its baton.  */
#ifndef SHARD_ACCESS_CLOCK_H
#define SHARD_ACCESS_CLOCK_H

#include "shard/server.h"
#include "shard/thread.h"

/* By the policy, which may have changed since, and the thread's now_ms. */
void access_clock_update(struct thread *thread);
/* For the two below. */
uint32_t access_clock_after_lfu_use(struct access_clock *clock, uint32_t access);
void shard_set_initial_access(struct shard *shard, uint32_t access) REQUIRES(shard->baton);

/* What the access field of a key becomes that is used now. */
static inline uint32_t access_clock_after_use(struct access_clock *clock, uint32_t access)
{
    return LIKELY(!clock->is_lfu) ? clock->now : access_clock_after_lfu_use(clock, access);
}

/* New keys of the shard begin with this thread's second, or minute. Under the baton. */
static inline void shard_note_access(struct thread *thread, struct shard *shard) REQUIRES(shard->baton)
{
    if (UNLIKELY(shard->initial_access != thread->access.now)) {
        shard_set_initial_access(shard, thread->access.now);
    }
}

#endif

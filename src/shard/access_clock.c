/* access_clock.c - see access_clock.h.  */
#include "shard/access_clock.h"

#include "data/access.h"

void access_clock_update(struct thread *thread)
{
    const struct config *config = thread->server->config;
    struct access_clock *clock = &thread->access;
    const int64_t policy = atomic_load_explicit(&config->maxmemory_policy, memory_order_relaxed);
    clock->is_lfu = policy == POLICY_ALLKEYS_LFU || policy == POLICY_VOLATILE_LFU;
    if (LIKELY(!clock->is_lfu)) {
        clock->now = access_seconds(thread->now_ms);
        return;
    }
    clock->now = access_make_lfu(access_minutes(thread->now_ms), ACCESS_COUNTER_NEW);
    clock->lfu_log_factor = (uint32_t)atomic_load_explicit(&config->lfu_log_factor, memory_order_relaxed);
    clock->lfu_decay_minutes = (uint32_t)atomic_load_explicit(&config->lfu_decay_time, memory_order_relaxed);
}

uint32_t access_clock_after_lfu_use(struct access_clock *clock, uint32_t access)
{
    const uint32_t minutes = clock->now >> ACCESS_COUNTER_BITS;
    const uint32_t counter = access_counter(access, minutes, clock->lfu_decay_minutes);
    return access_make_lfu(minutes, access_counter_raised(counter, clock->lfu_log_factor, &clock->lfu_random));
}

void shard_set_initial_access(struct shard *shard, uint32_t access)
{
    baton_assert_held(&shard->baton);
    shard->initial_access = access;
    const uint32_t databases = (uint32_t)atomic_load_explicit(&shard->server->config->databases, memory_order_relaxed);
    for (uint32_t i = 0; i < databases; i++) {
        shard->databases[i].initial_access = access;
    }
}

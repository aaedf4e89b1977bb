/* baton.c - see baton.h.  */
#include "shard/baton.h"

#include <assert.h>
#include <sched.h>

enum { SPINS_BEFORE_YIELD = 64 };

static inline void cpu_relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#else
    atomic_signal_fence(memory_order_seq_cst);
#endif
}

/* The analysis checks callers; the inside is plain atomics. */
bool baton_try(struct baton *baton) NO_THREAD_SAFETY_ANALYSIS
{
    return atomic_load_explicit(&baton->is_held, memory_order_relaxed) == 0 &&
           atomic_exchange_explicit(&baton->is_held, 1, memory_order_seq_cst) == 0;
}

bool baton_try_for(struct baton *baton, unsigned spins) NO_THREAD_SAFETY_ANALYSIS
{
    for (unsigned tries = 0; UNLIKELY(!baton_try(baton)); tries++) {
        if (tries == spins) {
            return false;
        }
        cpu_relax();
    }
    return true;
}

void baton_take(struct baton *baton) NO_THREAD_SAFETY_ANALYSIS
{
    for (unsigned tries = 0; !baton_try(baton); tries++) {
        if (tries < SPINS_BEFORE_YIELD) {
            cpu_relax();
        } else {
            sched_yield();
        }
    }
}

void baton_release(struct baton *baton) NO_THREAD_SAFETY_ANALYSIS
{
    assert(atomic_load_explicit(&baton->is_held, memory_order_relaxed) == 1);
    atomic_exchange_explicit(&baton->is_held, 0, memory_order_seq_cst);
}

void baton_assert_held(const struct baton *baton)
{
    assert(atomic_load_explicit(&baton->is_held, memory_order_relaxed) == 1);
}

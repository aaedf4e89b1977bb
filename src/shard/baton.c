/* baton.c - see baton.h.  */
#include "shard/baton.h"

#include "base/clock.h"

#include <assert.h>
#include <sched.h>

enum { SPINS_BEFORE_YIELD = 64 };

/* style: a thread's name is the process's; a baton is taken in too many places to hand it down to. */
static _Atomic uint32_t threads_named;
static _Thread_local uint32_t own_name;

/* Never 0. */
static inline uint32_t self(void)
{
    if (UNLIKELY(own_name == 0)) {
        own_name = atomic_fetch_add_explicit(&threads_named, 1, memory_order_relaxed) + 1;
    }
    return own_name;
}

static inline void cpu_relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#else
    atomic_signal_fence(memory_order_seq_cst);
#endif
}

/* The analysis checks callers; the inside is plain atomics. Both the look and the exchange are sequentially consistent: whoever has
 * pushed into an inbox and finds the baton held knows that its holder will find what was pushed. */
bool baton_try(struct baton *baton) NO_THREAD_SAFETY_ANALYSIS
{
    uint32_t nobody = 0;
    return atomic_load_explicit(&baton->holder, memory_order_seq_cst) == 0 &&
           atomic_compare_exchange_strong_explicit(&baton->holder, &nobody, self(), memory_order_seq_cst, memory_order_seq_cst);
}

bool baton_try_for(struct baton *baton, uint64_t ticks) NO_THREAD_SAFETY_ANALYSIS
{
    if (LIKELY(baton_try(baton))) {
        return true;
    }
    const uint64_t end = clock_ticks() + ticks;
    do {
        cpu_relax();
        if (baton_try(baton)) {
            return true;
        }
    } while (clock_ticks() < end);
    return false;
}

void baton_take(struct baton *baton) NO_THREAD_SAFETY_ANALYSIS
{
    assert(!baton_is_mine(baton)); /* it would wait for itself */
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
    assert(baton_is_mine(baton));
    atomic_exchange_explicit(&baton->holder, 0, memory_order_seq_cst);
}

bool baton_try_one_of_several(struct baton *baton) NO_THREAD_SAFETY_ANALYSIS
{
    return baton_try(baton);
}

bool baton_try_for_one_of_several(struct baton *baton, uint64_t ticks) NO_THREAD_SAFETY_ANALYSIS
{
    return baton_try_for(baton, ticks);
}

void baton_take_one_of_several(struct baton *baton) NO_THREAD_SAFETY_ANALYSIS
{
    baton_take(baton);
}

bool baton_is_mine(const struct baton *baton)
{
    return atomic_load_explicit(&baton->holder, memory_order_relaxed) == self();
}

void baton_assert_held(const struct baton *baton)
{
    assert(baton_is_mine(baton));
}

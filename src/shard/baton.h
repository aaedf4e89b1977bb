/* baton.h - the one word that says who may touch a shard.
 *
 * Threads    Any. Held for one bounded step, never across a system call.
 * Invariant  B1 at most one holder, who alone gives it up; B2 what the holder wrote is seen by the next one (acquire/release).  */
#ifndef SHARD_BATON_H
#define SHARD_BATON_H

#include "base/attributes.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct CAPABILITY("baton") baton {
    _Alignas(CACHE_LINE_BYTES) _Atomic uint32_t holder; /* a thread's number in baton.c; 0 nobody */
};

bool baton_try(struct baton *baton) TRY_ACQUIRE(true, baton);
/* Tries again and again for so many ticks of base/clock.h. */
bool baton_try_for(struct baton *baton, uint64_t ticks) TRY_ACQUIRE(true, baton);
/* Spins briefly, then yields the processor between tries: holders are always short. */
void baton_take(struct baton *baton) ACQUIRE(baton);
/* A full barrier afterwards: whoever released and then finds an empty inbox knows that a later push will find a free baton. */
void baton_release(struct baton *baton) RELEASE(baton);
/* The same as baton_try, baton_try_for and baton_take where one of several batons is taken, which ones being a set or a number: the analysis cannot
 * follow that. Whoever touches what they protect, or gives one back, says baton_assert_held before.  */
bool baton_try_one_of_several(struct baton *baton);
bool baton_try_for_one_of_several(struct baton *baton, uint64_t ticks);
void baton_take_one_of_several(struct baton *baton);
/* Does the calling thread hold it? */
bool baton_is_mine(const struct baton *baton);
/* The calling thread holds it. For what the analysis cannot see: loops over batons, callbacks. */
void baton_assert_held(const struct baton *baton) ASSERT_CAPABILITY(baton);

#endif

/* check.h - how often a debug build walks a whole structure after a change to it.
 *
 *     debug_assert(!check_is_due(thing->bytes, thing->count) || thing_fault(thing) == NULL);
 *
 * A short structure is walked at every change. A longer one at one change in so many that a change costs a walk of
 * CHECK_SHARE_BYTES on average, one over CHECK_BYTES_MAX never. Its own state chooses which changes, so that a run repeats.
 *
 * Threads    Any.  */
#ifndef BASE_CHECK_H
#define BASE_CHECK_H

#include <stdbool.h>
#include <stdint.h>

enum {
    CHECK_WHOLE_BYTES = 4096, /* a hundred members or two */
    CHECK_SHARE_BYTES = 256,
    CHECK_BYTES_MAX = 1 << 17,
};
_Static_assert(CHECK_SHARE_BYTES <= CHECK_WHOLE_BYTES, "a longer structure is not walked more often than a short one");

/* `bytes`: what a walk goes over; `state`: any number that changes with the structure. */
static inline bool check_is_due(uint64_t bytes, uint64_t state)
{
    if (bytes <= CHECK_WHOLE_BYTES) {
        return true;
    }
    const uint64_t mixed = (state ^ bytes << 20) * UINT64_C(0x9e3779b97f4a7c15) >> 32;
    return bytes <= CHECK_BYTES_MAX && mixed % (bytes / CHECK_SHARE_BYTES) == 0;
}

#endif

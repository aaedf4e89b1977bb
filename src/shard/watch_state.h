/* watch_state.h - the table of watched keys that each shard has: see watch.h.  */
#ifndef SHARD_WATCH_STATE_H
#define SHARD_WATCH_STATE_H

#include <stdint.h>

struct watch;

/* All 0 at first. Under the shard's baton. */
struct watches {
    struct watch **places; /* by hash of the key; each begins a chain */
    uint32_t place_count, count;
};

#endif

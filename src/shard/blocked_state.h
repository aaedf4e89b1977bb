/* blocked_state.h - the table of keys that each shard has for blocked clients: see blocked.h.  */
#ifndef SHARD_BLOCKED_STATE_H
#define SHARD_BLOCKED_STATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct blocked_queue;

/* All 0 at first. Under the shard's baton; `ready_first` is read relaxed by any thread. */
struct blocked_keys {
    struct blocked_queue **places; /* by hash of the key; each begins a chain */
    uint32_t place_count, queue_count;
    struct blocked_queue *ready_first, *ready_last; /* in the order in which they became ready */
    _Atomic bool is_late; /* something could not be served: the shard's own thread looks again before it sleeps */
};

#endif

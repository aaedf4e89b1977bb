/* load_keys.h - a thread's share of the items of a file: keys of its shard, and rows.  */
#ifndef SNAPSHOT_LOAD_KEYS_H
#define SNAPSHOT_LOAD_KEYS_H

#include "snapshot/load_state.h"

/* Some more of the thread's share; one key with `is_slow`. True: it is done. */
MUST_USE bool load_share(struct thread *thread, struct loading *loading, struct share *share, uint64_t end_ticks, bool is_slow);

#endif

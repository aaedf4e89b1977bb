/* save_output.h - what a shard has written becomes chunks of the saver.
 *
 * Threads    Under the baton of the shard.  */
#ifndef SNAPSHOT_SAVE_OUTPUT_H
#define SNAPSHOT_SAVE_OUTPUT_H

#include "snapshot/save_state.h"

/* Hands `out` over if it is long, or (`is_end`) if there is anything. */
void save_hand_over(struct shard_save *save, bool is_end);
/* False: the saver is behind, and waits for others than this shard. */
bool save_may_add(const struct shard_save *save);
uint32_t save_queue_of_shard(const struct shard_save *save);

#endif

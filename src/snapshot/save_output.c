/* save_output.c - see save_output.h.  */
#include "snapshot/save_output.h"

uint32_t save_queue_of_shard(const struct shard_save *save)
{
    return 1 + SAVER_SHARD_QUEUES * save->shard->number;
}

bool save_may_add(const struct shard_save *save)
{
    return saver_waiting_bytes(save->saver) <= SAVE_WAITING_BYTES_MAX || saver_waits_for(save->saver, save_queue_of_shard(save) + 1);
}

void save_hand_over(struct shard_save *save, bool is_end)
{
    if (save->out.len >= SAVER_CHUNK_BYTES || (is_end && save->out.len > 0)) {
        save->has_failed |= !saver_push(save->saver, save_queue_of_shard(save), &save->out, false);
        save->out_db = SAVE_NO_DB;
    }
}

/* save_values.h - big values, in steps; and what stands before any value in the file.
 *
 * Threads    Under the baton of the shard.  */
#ifndef SNAPSHOT_SAVE_VALUES_H
#define SNAPSHOT_SAVE_VALUES_H

#include "snapshot/save_state.h"

/* The record's opcodes before the type. False: no memory. */
MUST_USE bool save_write_attributes(const struct shard_save *save, struct buffer *out, const struct keyspace *ks, const struct entry *entry);
bool save_is_big(const struct entry *entry);
/* One more key is written, value and all. */
static inline void save_count_key(struct shard_save *save)
{
    __atomic_store_n(&save->written_keys, save->written_keys + 1, __ATOMIC_RELAXED);
}
/* Pins it and puts it into the queue. False: it cannot be pinned. */
MUST_USE bool save_begin_value(struct shard_save *save, const struct keyspace *ks, const struct entry *entry, uint64_t hash);
/* A step of the first one, about `items` items. False: there is none. */
bool save_value_step(struct thread *thread, struct shard_save *save, size_t items);
/* Writes what is left of the pinned key's values now, in all databases. */
void save_finish_value(struct thread *thread, struct shard_save *save, uint64_t hash);
/* The values of this database, which is about to be emptied, give their pins up, and stay readable until none of them is left. */
void save_unpin_values(struct thread *thread, struct shard_save *save, uint32_t db);
bool save_has_values_of(const struct shard_save *save, uint32_t db);
void save_drop_values(struct thread *thread, struct shard_save *save);

#endif

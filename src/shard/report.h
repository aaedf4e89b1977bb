/* report.h - changes that no command makes: a key goes because its time has come, or to make room.
 *
 * Threads    Under the shard's baton.
 * Read on    effect/effect.h; exec/exec.h: what commands report.  */
#ifndef SHARD_REPORT_H
#define SHARD_REPORT_H

#include "data/keyspace.h"
#include "effect/event.h"

struct shard;

/* A key is about to go by no command: EVENT_EVICTED, EVENT_EXPIRED. The name may be the entry's own. */
void shard_report_loss(struct shard *shard, const struct keyspace *ks, struct key key, enum event event);
/* The same as the keyspaces call it; `context` is the shard. */
void shard_key_expired(void *context, struct keyspace *ks, uint64_t hash, const struct entry *entry);

#endif

/* report.h - changes that are reported from below the commands: keys that go because their time has come, or to make room; rows of tables.
 *
 * Threads    Under the shard's baton.
 * Read on    effect/effect.h; exec/exec.h: what commands report.  */
#ifndef SHARD_REPORT_H
#define SHARD_REPORT_H

#include "data/keyspace.h"
#include "effect/event.h"
#include "shard/server.h"

/* A key is about to go by no command: EVENT_EVICTED, EVENT_EXPIRED. The name may be the entry's own. */
void shard_report_loss(struct shard *shard, const struct keyspace *ks, struct key key, enum event event) REQUIRES(shard->baton);
/* The same as the keyspaces call it; `context` is the shard. */
void shard_key_expired(void *context, struct keyspace *ks, uint64_t hash, const struct entry *entry);

/* Fields of a hash, the same. */
void shard_fields_expired(void *context, struct keyspace *ks, struct key key, const struct bytes *fields, uint32_t count, bool is_last);

/* A key has come, as the keyspaces call it while somebody listens to notices. */
void shard_key_joined(void *context, struct keyspace *ks, uint64_t hash, const struct entry *entry);

/* What a slice's owner tells whoever listens, under the baton, when effects_wanted says that somebody does: an event of a row of the
 * table "ns.t" (row CHANGE_OF_SCHEMA: of the table itself), and how to repeat it.  */
void shard_report_row(struct shard *shard, uint32_t db, struct bytes table, uint64_t row, enum event event) REQUIRES(shard->baton);
void shard_report_effect(struct shard *shard, uint32_t db, const struct bytes *words, uint32_t count) REQUIRES(shard->baton);

#endif

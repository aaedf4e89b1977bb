/* report.c - see report.h.  */
#include "shard/report.h"

#include "effect/effect.h"
#include "shard/server.h"
#include "shard/thread.h"

void shard_report_loss(struct shard *shard, const struct keyspace *ks, struct key key, enum event event)
{
    const struct effects *effects = &shard->server->effects;
    const uint32_t wanted = effects_wanted(effects);
    if (LIKELY(wanted == 0)) {
        return;
    }
    struct thread *thread = thread_self();
    const uint32_t db = (uint32_t)(ks - shard->databases);
    if ((wanted & LISTEN_ANY_CHANGES) != 0) {
        effects_report_change(effects, &(struct change){thread, shard, key.name, key.hash, db, event, 0});
    }
    if ((wanted & LISTEN_ANY_EFFECTS) != 0) {
        const struct bytes words[] = {BYTES("DEL"), key.name};
        effects_report_effect(effects, &(struct effect){thread, shard, db, 2, words, 0});
    }
}

void shard_key_expired(void *context, struct keyspace *ks, uint64_t hash, const struct entry *entry)
{
    struct shard *shard = context;
    baton_assert_held(&shard->baton);
    shard_report_loss(shard, ks, (struct key){entry_key(entry), hash}, EVENT_EXPIRED);
}

void shard_key_joined(void *context, struct keyspace *ks, uint64_t hash, const struct entry *entry)
{
    struct shard *shard = context;
    baton_assert_held(&shard->baton);
    const struct effects *effects = &shard->server->effects;
    if ((effects_wanted(effects) & LISTEN_ANY_NOTICES) != 0) {
        const uint32_t db = (uint32_t)(ks - shard->databases);
        effects_report_notice(effects, &(struct change){thread_self(), shard, entry_key(entry), hash, db, EVENT_NEW, 0});
    }
}

void shard_report_row(struct shard *shard, uint32_t db, struct bytes table, uint64_t row, enum event event)
{
    const struct change change = {
        .thread = thread_self(), .shard = shard, .key = table, .hash = hash_bytes(&shard->server->secret, table),
        .db = db,                .event = event, .row = row,
    };
    effects_report_change(&shard->server->effects, &change);
}

void shard_report_effect(struct shard *shard, uint32_t db, const struct bytes *words, uint32_t count)
{
    const struct effect effect = {thread_self(), shard, db, count, words, shard->unit};
    effects_report_effect(&shard->server->effects, &effect);
}

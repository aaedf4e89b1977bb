/* report.c - see report.h.  */
#include "shard/report.h"

#include "effect/effect.h"
#include "shard/server.h"
#include "shard/thread.h"

#include <string.h>

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

enum { FIELDS_AN_EFFECT = 64 };

/* HDEL key field ... */
static void report_fields(const struct effects *effects, struct effect effect, struct bytes key, const struct bytes *fields, uint32_t count)
{
    struct bytes words[2 + FIELDS_AN_EFFECT] = {BYTES("HDEL"), key};
    effect.words = words;
    for (uint32_t i = 0; i < count; i += FIELDS_AN_EFFECT) {
        const uint32_t some = count - i < FIELDS_AN_EFFECT ? count - i : FIELDS_AN_EFFECT;
        memcpy(words + 2, fields + i, some * sizeof *words);
        effect.count = 2 + some;
        effects_report_effect(effects, &effect);
    }
}

void shard_fields_expired(void *context, struct keyspace *ks, struct key key, const struct bytes *fields, uint32_t count, bool is_last)
{
    struct shard *shard = context;
    baton_assert_held(&shard->baton);
    const struct effects *effects = &shard->server->effects;
    const uint32_t wanted = effects_wanted(effects);
    if (LIKELY(wanted == 0)) {
        return;
    }
    struct thread *thread = thread_self();
    const uint32_t db = (uint32_t)(ks - shard->databases);
    for (unsigned i = 0; (wanted & LISTEN_ANY_CHANGES) != 0 && i < 1u + is_last; i++) {
        effects_report_change(effects, &(struct change){thread, shard, key.name, key.hash, db, i == 0 ? EVENT_HEXPIRED : EVENT_DEL, 0});
    }
    if ((wanted & LISTEN_ANY_EFFECTS) != 0) {
        report_fields(effects, (struct effect){.thread = thread, .shard = shard, .db = db}, key.name, fields, count);
    }
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

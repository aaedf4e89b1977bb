/* value_digest.c - what of each type counts.
 *
 *   string          its text
 *   list            the items, in their order
 *   set             the members, in any order
 *   hash, zset      pairs, in any order: each is a digest of its own, field and value, member and score as "%.17g"
 *   stream          the entries, in their order: "ms.seq", then each field and its value; nothing of the consumer groups, of the
 *                   last id and the counters, nor of deleted entries  */
#include "cmd/digest/value_digest.h"

#include "data/hash_value.h"
#include "data/list.h"
#include "data/set.h"
#include "data/stream_value.h"
#include "data/zset.h"

#include <inttypes.h>
#include <stdio.h>

static void mix_item(struct digest *digest, const struct item *item)
{
    char scratch[ITEM_SCRATCH];
    digest_mix(digest, item_text(item, scratch));
}

static bool mix_string(struct digest *digest, const struct entry *entry)
{
    char scratch[STRING_SCRATCH];
    digest_mix(digest, entry_string(entry, scratch));
    return true;
}

static bool mix_list(struct digest *digest, const struct entry *entry)
{
    struct list_walk walk;
    struct item item;
    list_walk_begin(&walk, entry, 0, LIST_HEAD);
    while (list_walk_next(&walk, &item)) {
        mix_item(digest, &item);
    }
    const bool is_complete = !list_walk_is_refused(&walk);
    list_walk_end(&walk);
    return is_complete;
}

static bool add_set(struct digest *digest, const struct entry *entry)
{
    struct set_walk walk;
    struct item member;
    set_walk_begin(&walk, entry);
    while (set_walk_next(&walk, &member)) {
        char scratch[ITEM_SCRATCH];
        digest_add(digest, item_text(&member, scratch));
    }
    return true;
}

static bool add_hash(struct digest *digest, const struct entry *entry)
{
    struct hash_walk walk;
    struct item field, value;
    const struct timed_table *timed = hash_timed(entry);
    hash_walk_begin_all(&walk, entry);
    while (hash_walk_next(&walk, &field, &value)) {
        struct digest pair = {0};
        mix_item(&pair, &field);
        mix_item(&pair, &value);
        char scratch[ITEM_SCRATCH];
        if (UNLIKELY(timed != NULL) && timed_table_time(timed, item_text(&field, scratch)) != TIMED_NONE) {
            digest_add(&pair, BYTES("!!hexpire!!"));
        }
        digest_add(digest, digest_bytes(&pair));
    }
    return true;
}

static bool add_zset(struct digest *digest, const struct entry *entry)
{
    struct zset_walk walk;
    struct item member;
    double score;
    zset_walk_begin(&walk, entry, 0);
    while (zset_walk_next(&walk, &member, &score)) {
        struct digest pair = {0};
        char text[DOUBLE_TEXT_MAX];
        mix_item(&pair, &member);
        const int len = snprintf(text, sizeof text, "%.17g", score);
        digest_mix(&pair, (struct bytes){text, (size_t)len});
        digest_add(digest, digest_bytes(&pair));
    }
    return true;
}

static bool mix_stream(struct digest *digest, const struct entry *entry)
{
    struct stream_walk walk;
    struct stream_entry at;
    stream_walk_begin(&walk, entry_stream(entry), STREAM_ID_MIN, STREAM_ID_MAX, false);
    while (stream_walk_next(&walk, &at)) {
        char id[2 * INT64_TEXT_MAX + 2];
        const int len = snprintf(id, sizeof id, "%" PRIu64 ".%" PRIu64, at.id.ms, at.id.seq);
        digest_mix(digest, (struct bytes){id, (size_t)len});
        for (uint64_t i = 0; i < at.pair_count; i++) {
            struct item field, value;
            stream_entry_next_pair(&at, &field, &value);
            mix_item(digest, &field);
            mix_item(digest, &value);
        }
    }
    return true;
}

/* Redis's numbers of the types. */
static const struct {
    uint32_t number;
    bool (*take)(struct digest *digest, const struct entry *entry);
} types[VALUE_TYPE_COUNT] = {
    [VALUE_STRING] = {0, mix_string}, [VALUE_LIST] = {1, mix_list}, [VALUE_SET] = {2, add_set},
    [VALUE_ZSET] = {3, add_zset},     [VALUE_HASH] = {4, add_hash}, [VALUE_STREAM] = {6, mix_stream},
};

bool value_digest_mix(struct digest *digest, const struct keyspace *ks, const struct entry *entry)
{
    const enum value_type type = entry_type(entry);
    digest_mix_number(digest, types[type].number);
    if (!types[type].take(digest, entry)) {
        return false;
    }
    if (keyspace_expiry_ms(ks, entry) != KEYSPACE_NO_EXPIRY) {
        digest_add(digest, BYTES("!!expire!!"));
    }
    return true;
}

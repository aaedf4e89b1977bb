/* memory_misfit.c - collections that would fit the small form but stand apart: they were bigger once, or limits were lower.  */
#include "cmd/memory_private.h"

#include "data/hash_value.h"
#include "data/set.h"
#include "data/value.h"
#include "data/zset.h"

enum { MISFIT_ITEMS_MAX = 1024 }; /* more are not walked */

static size_t item_len(const struct item *item)
{
    char scratch[ITEM_SCRATCH];
    return item_text(item, scratch).len;
}

static bool fits(uint64_t count, int64_t count_max)
{
    return count <= MISFIT_ITEMS_MAX && count_max > 0 && count <= (uint64_t)count_max;
}

static bool hash_fits(const struct entry *entry, const struct encoding_limits *limits)
{
    struct hash_walk walk;
    struct item field, text;
    bool is_small = fits(hash_count(entry), limits->hash_max_listpack_entries);
    if (is_small) {
        hash_walk_begin(&walk, entry);
        const size_t most = (size_t)limits->hash_max_listpack_value;
        while (is_small && hash_walk_next(&walk, &field, &text)) {
            is_small = item_len(&field) <= most && item_len(&text) <= most;
        }
    }
    return is_small;
}

static bool zset_fits(const struct entry *entry, const struct encoding_limits *limits)
{
    struct zset_walk walk;
    struct item member;
    double score;
    bool is_small = fits(zset_count(entry), limits->zset_max_listpack_entries);
    if (is_small) {
        zset_walk_begin(&walk, entry, 0);
        const size_t most = (size_t)limits->zset_max_listpack_value;
        while (is_small && zset_walk_next(&walk, &member, &score)) {
            is_small = item_len(&member) <= most;
        }
    }
    return is_small;
}

/* A set has a small form for integers, and ours for few short members. */
static bool set_fits(const struct entry *entry, const struct encoding_limits *limits)
{
    struct set_walk walk;
    struct item member;
    const uint64_t count = set_count(entry);
    const bool may_be_packed = count <= SET_PACKED_MEMBERS_MAX;
    bool is_small = may_be_packed || fits(count, limits->set_max_intset_entries);
    if (is_small) {
        set_walk_begin(&walk, entry);
        while (is_small && set_walk_next(&walk, &member)) {
            int64_t number;
            char scratch[ITEM_SCRATCH];
            const struct bytes text = item_text(&member, scratch);
            is_small = (may_be_packed && text.len <= SET_PACKED_MEMBER_LEN_MAX) || item_text_is_integer(text, &number);
        }
    }
    return is_small;
}

bool memory_is_misfit(const struct entry *entry, const struct encoding_limits *limits)
{
    switch (entry_form(entry)) {
    case VALUE_FORM_HASH:
        return hash_fits(entry, limits);
    case VALUE_FORM_ZSET:
        return zset_fits(entry, limits);
    case VALUE_FORM_SET:
        return set_fits(entry, limits);
    default:
        return false;
    }
}

/* memory_misfit.c - collections that need much more memory than their items: what would fit its small form but stands apart (it
 * was bigger once, or limits were lower), lists of nearly empty nodes, streams of deleted entries.  */
#include "cmd/memory/memory_private.h"

#include "data/hash_value.h"
#include "data/list.h"
#include "data/set.h"
#include "data/stream_value.h"
#include "data/value.h"
#include "data/zset.h"

enum {
    MISFIT_ITEMS_MAX = 1024, /* more are not walked */
    LIST_NODES_MIN = 16,
    LIST_NODE_ITEMS = 8,     /* with so many a node's head weighs little, */
    LIST_NODE_BYTES = 128,   /* in a node of such a size, too */
    STREAM_PROBES = 64,      /* nodes that are looked at */
    STREAM_DELETED_SHARE = 3,
};

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

/* O(1). A node has a head of 31 bytes. */
static bool has_small_nodes(const struct entry *entry)
{
    const struct quicklist *list = (const struct quicklist *)entry_collection(entry);
    return list->node_count >= LIST_NODES_MIN && list->count < LIST_NODE_ITEMS * list->node_count &&
           list->base.bytes < LIST_NODE_BYTES * list->node_count;
}

/* Nodes at even distances of ids. */
static bool is_mostly_deleted(const struct entry *entry)
{
    const struct stream *stream = entry_stream(entry);
    if (stream->nodes.count == 0) {
        return false;
    }
    const struct stream_id first = id_cursor_id(id_tree_first(&stream->nodes)), last = id_cursor_id(id_tree_last(&stream->nodes));
    uint64_t live = 0, deleted = 0;
    for (uint64_t i = 0; i < STREAM_PROBES; i++) {
        struct stream_id id = first;
        if (first.ms != last.ms) {
            id.ms += (last.ms - first.ms) / STREAM_PROBES * i;
        } else {
            id.seq += (last.seq - first.seq) / STREAM_PROBES * i;
        }
        const struct stream_node *node = id_cursor_value(&stream->nodes, id_tree_at_most(&stream->nodes, id));
        live += node->live;
        deleted += stream_node_deleted_count(node);
    }
    return deleted > STREAM_DELETED_SHARE * live;
}

enum memory_misfit memory_misfit(const struct entry *entry, const struct encoding_limits *limits)
{
    switch (entry_form(entry)) {
    case VALUE_FORM_HASH:
        return hash_timed(entry) == NULL && hash_fits(entry, limits) ? MISFIT_LARGE_FORM : MISFIT_NONE;
    case VALUE_FORM_ZSET:
        return zset_fits(entry, limits) ? MISFIT_LARGE_FORM : MISFIT_NONE;
    case VALUE_FORM_SET:
        return set_fits(entry, limits) ? MISFIT_LARGE_FORM : MISFIT_NONE;
    case VALUE_FORM_LIST:
        return has_small_nodes(entry) ? MISFIT_SMALL_NODES : MISFIT_NONE;
    case VALUE_FORM_STREAM:
        return is_mostly_deleted(entry) ? MISFIT_DELETED_ENTRIES : MISFIT_NONE;
    default:
        return MISFIT_NONE;
    }
}

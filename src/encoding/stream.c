/* stream.c - the entries of a stream; see stream.h. What concerns its groups, too, is in stream_whole.c.  */
#include "encoding/stream.h"

#include <assert.h>
#include <string.h>

enum {
    LAZY_FREE_NODES_MIN = 64, /* fewer are freed at once */
    ID_BYTES = 16,
};

static struct stream_node *node_at(const struct stream *stream, struct id_cursor cursor)
{
    return id_cursor_value(&stream->nodes, cursor);
}

static uint64_t block_bytes(const struct stream_node *node)
{
    return heap_block_bytes(node->capacity);
}

struct stream *stream_create_typed(struct heap *heap, const struct collection_type *type)
{
    struct stream *stream = heap_alloc_zeroed(heap, MEM_STREAM, sizeof *stream);
    if (stream != NULL) {
        stream->collection.heap = heap;
        stream->collection.type = type;
        stream->collection.bytes = heap_block_bytes(sizeof *stream);
        stream->collection.encoding = ENCODING_STREAM;
        id_tree_init(&stream->nodes, sizeof(struct stream_node));
    }
    return stream;
}

/* --- adding --- */

static uint64_t words_bytes(struct stream_words words)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < 2 * (size_t)words.pair_count; i++) {
        bytes += words.words[i].len;
    }
    return bytes;
}

/* As Redis decides it, so that approximate trimming cuts at the same places. */
static bool is_full(const struct stream_node *node, uint64_t more, const struct encoding_limits *limits)
{
    const int64_t asked = limits->stream_node_max_bytes;
    const uint64_t bytes_max = asked <= 0 || asked > STREAM_NODE_BYTES_MAX ? STREAM_NODE_BYTES_MAX : (uint64_t)asked;
    if (stream_node_len(node) + more >= bytes_max) {
        return true;
    }
    return limits->stream_node_max_entries > 0 &&
           node->live + stream_node_deleted_count(node) >= (uint64_t)limits->stream_node_max_entries;
}

static enum result append_node(struct stream *stream, struct stream_id id, struct stream_words words)
{
    struct stream_node node;
    struct id_cursor place;
    enum result result = stream_node_create(&node, &stream->collection, words);
    if (result != RESULT_OK) {
        return result;
    }
    result = id_tree_insert(&stream->nodes, &stream->collection, id, &place);
    if (result != RESULT_OK) {
        stream_node_free(&node, &stream->collection);
        return result;
    }
    *node_at(stream, place) = node;
    return RESULT_OK;
}

/* What the last node does not need any more, when another was begun. */
static void shrink_node_before_last(struct stream *stream)
{
    struct id_cursor cursor = id_tree_last(&stream->nodes);
    if (id_cursor_previous(&cursor)) {
        stream_node_shrink(node_at(stream, cursor), &stream->collection);
    }
}

enum result stream_append(struct stream *stream, struct stream_id id, struct stream_words words,
                          const struct encoding_limits *limits)
{
    const uint64_t bytes = words_bytes(words);
    assert(stream_id_compare(id, stream->last_id) > 0);
    if (bytes > STREAM_NODE_BYTES_MAX) {
        return RESULT_TOO_LONG;
    }
    const struct id_cursor last = id_tree_last(&stream->nodes);
    enum result result;
    if (last.leaf == NULL || is_full(node_at(stream, last), bytes, limits)) {
        result = append_node(stream, id, words);
        if (result == RESULT_OK) {
            shrink_node_before_last(stream);
        }
    } else {
        const struct stream_id base = id_cursor_id(last);
        const struct stream_id relative = {id.ms - base.ms, id.seq - base.seq};
        result = stream_node_append(node_at(stream, last), &stream->collection, relative, words);
    }
    if (LIKELY(result == RESULT_OK)) {
        stream->length++;
        stream->entries_added++;
        stream->last_id = id;
        stream->first_id = stream->length == 1 ? id : stream->first_id;
    }
    debug_assert(collection_is_valid(&stream->collection));
    return result;
}

enum result stream_add_listpack(struct stream *stream, struct stream_id base, struct bytes listpack)
{
    struct stream_node_facts facts;
    struct stream_node node;
    struct id_cursor place;
    if (!stream_node_check(listpack, base, &facts) || facts.live + facts.deleted == 0 ||
        stream_id_compare(facts.first_id, base) != 0) {
        return RESULT_SYNTAX;
    }
    const struct id_cursor last = id_tree_last(&stream->nodes);
    struct stream_id top;
    if (last.leaf != NULL && stream_id_compare(base, id_cursor_id(last)) <= 0) {
        return RESULT_SYNTAX;
    }
    if (stream_edge_id(stream, true, &top) && stream_id_compare(base, top) <= 0) {
        return RESULT_SYNTAX;
    }
    enum result result = stream_node_copy(&node, &stream->collection, listpack, facts.live);
    if (result != RESULT_OK) {
        return result;
    }
    result = id_tree_insert(&stream->nodes, &stream->collection, base, &place);
    if (result != RESULT_OK) {
        stream_node_free(&node, &stream->collection);
        return result;
    }
    *node_at(stream, place) = node;
    stream->length += facts.live;
    stream->has_strays = true; /* perhaps */
    return RESULT_OK;
}

/* --- walking --- */

/* The node where a walk from `id` begins, in its direction. */
static struct id_cursor node_from(const struct stream *stream, struct stream_id id, bool is_reverse)
{
    const struct id_cursor cursor = id_tree_at_most(&stream->nodes, id);
    return cursor.leaf == NULL && !is_reverse ? id_tree_first(&stream->nodes) : cursor;
}

static void open_node(struct stream_walk *walk)
{
    stream_node_walk_begin(&walk->entries, node_at(walk->stream, walk->node), id_cursor_id(walk->node));
    if (walk->is_reverse) {
        stream_node_walk_to_end(&walk->entries);
    }
}

void stream_walk_begin(struct stream_walk *walk, const struct stream *stream, struct stream_id first, struct stream_id last,
                       bool is_reverse)
{
    *walk = (struct stream_walk){.stream = stream, .first = first, .last = last, .is_reverse = is_reverse};
    if (stream_id_compare(first, last) <= 0) {
        walk->node = node_from(stream, is_reverse ? last : first, is_reverse);
    }
    if (walk->node.leaf != NULL) {
        open_node(walk);
    }
}

static bool end_walk(struct stream_walk *walk)
{
    walk->node = (struct id_cursor){NULL, 0};
    return false;
}

static bool next_node(struct stream_walk *walk)
{
    do {
        if (!(walk->is_reverse ? id_cursor_previous(&walk->node) : id_cursor_next(&walk->node))) {
            return false;
        }
    } while (node_at(walk->stream, walk->node)->live == 0);
    open_node(walk);
    return true;
}

static bool walk_forward(struct stream_walk *walk, struct stream_entry *out)
{
    do {
        while (stream_node_walk_next(&walk->entries, out)) {
            if (out->is_deleted || stream_id_compare(out->id, walk->first) < 0) {
                continue;
            }
            return stream_id_compare(out->id, walk->last) <= 0 || end_walk(walk);
        }
    } while (next_node(walk));
    return end_walk(walk);
}

static bool walk_back(struct stream_walk *walk, struct stream_entry *out)
{
    do {
        while (stream_node_walk_previous(&walk->entries, out)) {
            if (out->is_deleted || stream_id_compare(out->id, walk->last) > 0) {
                continue;
            }
            return stream_id_compare(out->id, walk->first) >= 0 || end_walk(walk);
        }
    } while (next_node(walk));
    return end_walk(walk);
}

bool stream_walk_next(struct stream_walk *walk, struct stream_entry *out)
{
    if (walk->node.leaf == NULL) {
        return false;
    }
    return walk->is_reverse ? walk_back(walk, out) : walk_forward(walk, out);
}

bool stream_walk_is_short(const struct stream_walk *walk, uint64_t count)
{
    struct id_cursor node = walk->node;
    uint64_t entries = 0;       /* at most these are handed out */
    uint64_t behind_first = 0;  /* at least these, if they are in the range */
    uint64_t bytes = 0;
    bool is_first = true;
    bool is_more = node.leaf != NULL;
    while (is_more && behind_first < count) {
        const struct stream_node *at = node_at(walk->stream, node);
        if (!walk->is_reverse && stream_id_compare(id_cursor_id(node), walk->last) > 0) {
            break;
        }
        entries += at->live;
        behind_first += is_first ? 0 : at->live;
        bytes += stream_node_len(at);
        if ((entries > STREAM_SHORT_ENTRIES && count > STREAM_SHORT_ENTRIES) || bytes > STREAM_SHORT_BYTES) {
            return false;
        }
        if (walk->is_reverse && stream_id_compare(id_cursor_id(node), walk->first) <= 0) {
            break;
        }
        is_first = false;
        is_more = walk->is_reverse ? id_cursor_previous(&node) : id_cursor_next(&node);
    }
    return true;
}

bool stream_edge_id(const struct stream *stream, bool is_last, struct stream_id *out)
{
    struct stream_walk walk;
    struct stream_entry entry;
    stream_walk_begin(&walk, stream, STREAM_ID_MIN, STREAM_ID_MAX, is_last);
    if (!stream_walk_next(&walk, &entry)) {
        return false;
    }
    *out = entry.id;
    return true;
}

/* The live entry with this id, in the node at *place. */
static bool find_entry(const struct stream *stream, struct stream_id id, struct id_cursor *place, struct stream_entry *out)
{
    struct stream_node_walk walk;
    *place = id_tree_at_most(&stream->nodes, id);
    if (place->leaf == NULL) {
        return false;
    }
    stream_node_walk_begin(&walk, node_at(stream, *place), id_cursor_id(*place));
    while (stream_node_walk_next(&walk, out)) {
        const int order = out->is_deleted ? -1 : stream_id_compare(out->id, id);
        if (order >= 0) {
            return order == 0;
        }
    }
    return false;
}

bool stream_has(const struct stream *stream, struct stream_id id)
{
    struct id_cursor place;
    struct stream_entry entry;
    return find_entry(stream, id, &place, &entry);
}

static uint64_t count_in_node(const struct stream *stream, struct id_cursor cursor, struct stream_id first,
                              struct stream_id last)
{
    struct stream_node_walk walk;
    struct stream_entry entry;
    uint64_t count = 0;
    stream_node_walk_begin(&walk, node_at(stream, cursor), id_cursor_id(cursor));
    while (stream_node_walk_next(&walk, &entry)) {
        count += !entry.is_deleted && stream_id_compare(entry.id, first) >= 0 && stream_id_compare(entry.id, last) <= 0;
    }
    return count;
}

uint64_t stream_count(const struct stream *stream, struct stream_id first, struct stream_id last)
{
    uint64_t count = 0;
    if (stream_id_compare(first, last) > 0) {
        return 0;
    }
    struct id_cursor cursor = node_from(stream, first, false);
    while (cursor.leaf != NULL && stream_id_compare(id_cursor_id(cursor), last) <= 0) {
        struct id_cursor behind = cursor;
        const bool is_last = !id_cursor_next(&behind) || stream_id_compare(id_cursor_id(behind), last) > 0;
        const bool is_cut = is_last || stream_id_compare(id_cursor_id(cursor), first) < 0;
        count += is_cut ? count_in_node(stream, cursor, first, last) : node_at(stream, cursor)->live;
        cursor = behind;
    }
    return count;
}

/* --- deleting --- */

static void update_first_id(struct stream *stream)
{
    if (!stream_edge_id(stream, false, &stream->first_id)) {
        stream->first_id = STREAM_ID_MIN;
    }
}

static void remove_node(struct stream *stream, struct id_cursor cursor)
{
    const struct stream_id base = id_cursor_id(cursor);
    assert(stream->length >= node_at(stream, cursor)->live);
    stream->length -= node_at(stream, cursor)->live;
    stream_node_free(node_at(stream, cursor), &stream->collection);
    id_tree_remove(&stream->nodes, &stream->collection, base);
}

enum result stream_delete(struct stream *stream, struct stream_id id)
{
    struct id_cursor place;
    struct stream_entry entry;
    if (!find_entry(stream, id, &place, &entry)) {
        return RESULT_NOT_FOUND;
    }
    struct stream_node *node = node_at(stream, place);
    if (node->live == 1) {
        remove_node(stream, place);
    } else {
        const size_t offset = (size_t)(entry.start - node->data);
        const enum result result = stream_node_reserve(node, &stream->collection, 1);
        if (result != RESULT_OK) {
            return result;
        }
        entry.start = node->data + offset;
        stream_node_mark_deleted(node, &entry);
        stream_node_count_deleted(node, 1);
        assert(stream->length > 0);
        stream->length--;
    }
    if (stream_id_compare(id, stream->max_deleted_id) > 0) {
        stream->max_deleted_id = id;
    }
    if (stream->length == 0 || stream_id_compare(id, stream->first_id) == 0) {
        update_first_id(stream);
    }
    debug_assert(collection_is_valid(&stream->collection));
    return RESULT_OK;
}

void stream_set_last_id(struct stream *stream, struct stream_id id)
{
    struct id_cursor last = id_tree_last(&stream->nodes);
    while (last.leaf != NULL && stream_id_compare(id_cursor_id(last), id) > 0) {
        remove_node(stream, last);
        last = id_tree_last(&stream->nodes);
    }
    stream->has_strays = stream->has_strays || stream_id_compare(id, stream->last_id) < 0;
    stream->last_id = id;
    debug_assert(collection_is_valid(&stream->collection));
}

/* --- trimming --- */

/* May the node at `cursor` go as a whole, when `length` entries are left with it? */
static bool goes_whole(const struct stream *stream, struct id_cursor cursor, const struct stream_trim *trim, uint64_t length)
{
    struct stream_id last;
    if (!trim->by_id) {
        return length - node_at(stream, cursor)->live >= trim->max_length;
    }
    struct id_cursor behind = cursor;
    if (!stream->has_strays && id_cursor_next(&behind) && stream_id_compare(id_cursor_id(behind), trim->min_id) <= 0) {
        return true;
    }
    return stream_node_last_id(node_at(stream, cursor), id_cursor_id(cursor), &last) &&
           stream_id_compare(last, trim->min_id) < 0;
}

/* How many nodes at the front go as a whole, and the entries in them. *is_over: nothing behind them may go. */
static uint64_t count_nodes(const struct stream *stream, const struct stream_trim *trim, uint64_t *entries, bool *is_over)
{
    uint64_t nodes = 0;
    uint64_t gone = 0;
    struct id_cursor cursor = id_tree_first(&stream->nodes);
    *is_over = true;
    while (cursor.leaf != NULL) {
        const uint64_t live = node_at(stream, cursor)->live;
        const uint64_t length = stream->length - gone;
        if ((!trim->by_id && length <= trim->max_length) || (trim->limit > 0 && gone + live > trim->limit)) {
            break;
        }
        if (!goes_whole(stream, cursor, trim, length)) {
            *is_over = false;
            break;
        }
        gone += live;
        nodes++;
        id_cursor_next(&cursor);
    }
    *entries = gone;
    return nodes;
}

/* Moves the whole first leaf, with its nodes, to `remains`. */
static void give_first_leaf(struct stream *stream, struct stream *remains)
{
    struct id_cursor cursor = id_tree_first(&stream->nodes);
    for (cursor.at = 0; cursor.at < cursor.leaf->count; cursor.at++) {
        const struct stream_node *node = node_at(stream, cursor);
        const uint64_t bytes = block_bytes(node);
        stream->collection.bytes -= bytes;
        remains->collection.bytes += bytes;
        assert(stream->length >= node->live);
        stream->length -= node->live;
        remains->length += node->live;
    }
    id_tree_give_first_leaf(&stream->nodes, &stream->collection, &remains->nodes, &remains->collection);
}

static void cut_nodes(struct stream *stream, uint64_t count, struct stream **remains)
{
    if (count >= LAZY_FREE_NODES_MIN) {
        *remains = stream_create_typed(stream->collection.heap, stream->collection.type); /* NULL: then they are freed here */
    }
    while (*remains != NULL && stream->nodes.first != stream->nodes.last && stream->nodes.first->count <= count) {
        count -= stream->nodes.first->count;
        give_first_leaf(stream, *remains);
    }
    for (; count > 0; count--) {
        remove_node(stream, id_tree_first(&stream->nodes));
    }
}

/* Marks entries of the first node as deleted, as far as `trim` says. When memory is refused none. */
static uint64_t trim_first_node(struct stream *stream, const struct stream_trim *trim)
{
    const struct id_cursor cursor = id_tree_first(&stream->nodes);
    struct stream_node *node = node_at(stream, cursor);
    struct stream_node_walk walk;
    struct stream_entry entry;
    uint32_t count = 0;
    if (stream_node_reserve(node, &stream->collection, node->live) != RESULT_OK) {
        return 0;
    }
    stream_node_walk_begin(&walk, node, id_cursor_id(cursor));
    while (stream_node_walk_next(&walk, &entry)) {
        const bool is_over = trim->by_id ? stream_id_compare(entry.id, trim->min_id) >= 0
                                         : stream->length - count <= trim->max_length;
        if (is_over) {
            break;
        }
        if (!entry.is_deleted) {
            stream_node_mark_deleted(node, &entry);
            count++;
        }
    }
    stream_node_count_deleted(node, count);
    stream->length -= count;
    return count;
}

uint64_t stream_trim(struct stream *stream, const struct stream_trim *trim, struct stream **remains)
{
    uint64_t entries;
    bool is_over;
    *remains = NULL;
    const uint64_t nodes = count_nodes(stream, trim, &entries, &is_over);
    if (nodes > 0) {
        cut_nodes(stream, nodes, remains);
    }
    if (!is_over && !trim->is_approximate) {
        entries += trim_first_node(stream, trim);
    }
    if (entries > 0) {
        update_first_id(stream);
    }
    debug_assert(collection_is_valid(&stream->collection));
    return entries;
}

bool stream_trim_node(const struct stream *stream, const struct stream_trim *trim, struct stream_id from, uint64_t gone,
                      struct stream_id *last)
{
    struct id_cursor cursor = node_from(stream, from, false);
    while (cursor.leaf != NULL && (!stream_node_last_id(node_at(stream, cursor), id_cursor_id(cursor), last) ||
                                   stream_id_compare(*last, from) < 0)) {
        id_cursor_next(&cursor);
    }
    if (cursor.leaf == NULL || (!trim->by_id && stream->length <= trim->max_length)) {
        return false;
    }
    const bool is_within_limit = trim->limit == 0 || gone + node_at(stream, cursor)->live <= trim->limit;
    return is_within_limit && goes_whole(stream, cursor, trim, stream->length);
}

/* --- counters --- */

bool stream_has_tombstones_behind(const struct stream *stream, struct stream_id id)
{
    if (stream->length == 0 || stream_id_is_zero(stream->max_deleted_id)) {
        return false;
    }
    if (stream_id_compare(stream->first_id, stream->max_deleted_id) > 0) {
        return false;
    }
    return stream_id_compare(id, stream->max_deleted_id) <= 0;
}

int64_t stream_entries_read_at(const struct stream *stream, struct stream_id id)
{
    const int against_last = stream_id_compare(id, stream->last_id);
    if (stream->entries_added == 0) {
        return 0;
    }
    if (against_last == 0 || (stream->length == 0 && against_last < 0)) {
        return (int64_t)stream->entries_added;
    }
    const int against_first = stream_id_compare(id, stream->first_id);
    const bool is_whole = stream_id_is_zero(stream->max_deleted_id) ||
                          stream_id_compare(stream->max_deleted_id, stream->first_id) < 0;
    if (against_last > 0 || against_first > 0 || !is_whole) {
        return STREAM_READ_UNKNOWN;
    }
    return (int64_t)(stream->entries_added - stream->length + (against_first == 0));
}

/* --- Redis's radix tree, counted without being built --- */

/* How many bytes two ids have in common at their start, as text with the high byte first. */
static int common_bytes(struct stream_id a, struct stream_id b)
{
    if (a.ms != b.ms) {
        return __builtin_clzll(a.ms ^ b.ms) / 8;
    }
    return 8 + (a.seq == b.seq ? 8 : __builtin_clzll(a.seq ^ b.seq) / 8);
}

/* The branches on the way to the last key, by their depths; -1 below them all. */
struct radix {
    int8_t depths[ID_BYTES + 1];
    int count;
    uint64_t nodes;
};

/* Ends the branches below `depth`, on the way to the last key. */
static void radix_close(struct radix *radix, int depth)
{
    while (radix->count > 0 && radix->depths[radix->count - 1] > depth) {
        const int closed = radix->depths[--radix->count];
        const int below = radix->count > 0 ? radix->depths[radix->count - 1] : -1;
        const int parent = below > depth ? below : depth;
        radix->nodes += 1u + (closed > parent + 1); /* itself, and the bytes that lead to it */
    }
}

uint64_t stream_radix_nodes(const struct stream *stream)
{
    struct radix radix = {.count = 0};
    struct id_cursor cursor = id_tree_first(&stream->nodes);
    if (cursor.leaf == NULL) {
        return 1;
    }
    struct stream_id previous = id_cursor_id(cursor);
    int before = -1; /* bytes that `previous` has in common with the key before it */
    while (id_cursor_next(&cursor)) {
        const struct stream_id id = id_cursor_id(cursor);
        const int common = common_bytes(previous, id);
        const int parent = before > common ? before : common;
        radix.nodes += 1u + (ID_BYTES > parent + 1); /* the leaf of `previous`, and the bytes that lead to it */
        radix_close(&radix, common);
        if (radix.count == 0 || radix.depths[radix.count - 1] < common) {
            radix.depths[radix.count++] = (int8_t)common;
        }
        previous = id;
        before = common;
    }
    radix.nodes += 1u + (ID_BYTES > before + 1);
    radix_close(&radix, -1);
    return radix.nodes;
}
